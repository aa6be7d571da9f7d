"""`eb.load_dataset`, and what it gives: an episode store from which one can sample."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from entitybench.datasets.store.places import generate_line, named_folder
from entitybench.datasets.store.store import EpisodeStore
from entitybench.errors import BadValue, DataError
from entitybench.needs import check_dataset
from entitybench.notices import warn
from entitybench.places import expanded
from entitybench.registry import datasets, resolve, tasks

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from entitybench.datasets.sampling.batches import Batches, Sampler
    from entitybench.datasets.sampling.goals import GoalSampler, GoalWorld
    from entitybench.datasets.sampling.transitions import TransitionSampler
    from entitybench.datasets.sampling.windows import Pad, WindowSampler
    from entitybench.types import TaskSpec


class Dataset(EpisodeStore):
    """An episode store that hands out random batches; docs/loading.md shows each kind."""

    @classmethod
    def of(cls, store: EpisodeStore) -> Self:
        """The same episodes, to sample from; a dataset stays itself."""
        if isinstance(store, cls):
            return store
        return cls(store.folder, store.manifest, store.columns, store.offsets, store.first_episode)

    def transition_sampler(
        self,
        *,
        columns: Sequence[str] | None = None,
        device: str | None = None,
        episodes: np.ndarray | Sequence[int] | None = None,
        rows: np.ndarray | None = None,
    ) -> TransitionSampler:
        """Random transitions: `.sample(batch_size, rng)`; of a team, of all agents together.

        Args:
            columns: their names; None: the observations, entities, actions, rewards, terminals,
                masks and entity masks that are there.
            device: "cpu" or "cuda": torch tensors, all columns kept there; None: numpy arrays.
            episodes: the numbers of those to draw from, such as `best_episodes(0.1)`; None: all.
            rows: (rows,) bool, true where a transition to draw begins; None: all.
        """
        from entitybench.datasets.sampling.transitions import TransitionSampler

        return TransitionSampler(self, columns, device, episodes=episodes, rows=rows)

    def best_episodes(self, share: float) -> np.ndarray:
        """The numbers of the episodes with the largest returns: a share of all, rounded up."""
        from entitybench.datasets.sampling.subsets import best_episodes

        return best_episodes(self, share)

    def window_sampler(
        self,
        length: int,
        *,
        stride: int = 1,
        pad: Pad | None = None,
        columns: Sequence[str] | None = None,
        device: str | None = None,
        episodes: np.ndarray | None = None,
    ) -> WindowSampler:
        """Random windows of `length` steps inside episodes: `.sample(batch_size, rng)`.

        `stride` leaves rows out; `pad` ("start" or "end") lets windows reach over the start or the
        end of an episode. Columns, device and episodes are those of `transition_sampler`.
        """
        from entitybench.datasets.sampling.windows import WindowSampler

        return WindowSampler(
            self, length, stride=stride, pad=pad, columns=columns, device=device, episodes=episodes
        )

    def goal_sampler(self, world: GoalWorld | None = None) -> GoalSampler:
        """Random transitions with goals put in afterwards, and rewards for them.

        `.sample(batch_size, rng, value=GoalMix(...), policy=GoalMix(...))`.

        Args:
            world: computes goals and rewards; None: the world of the dataset's task.

        Raises BadValue for a dataset of a task that is not ours, or has no goals.
        """
        from entitybench.datasets.sampling.goals import GoalSampler

        return GoalSampler(self, self._goal_world() if world is None else world)

    def torch_dataset(
        self,
        batch_size: int,
        *,
        sampler: Sampler | None = None,
        seed: int = 0,
        count: int | None = None,
        **options: Any,
    ) -> Batches:
        """Random batches as a torch IterableDataset, for `DataLoader(..., batch_size=None)`.

        Args:
            batch_size: B.
            sampler: draws them; None: `transition_sampler()`.
            seed: batch k is a function of it and of k, whatever the number of workers.
            count: how many batches there are; None: no end.
            options: of `sampler.sample`, such as `policy=` of a goal sampler.

        Raises:
            MissingExtra: torch is not installed.
            BadValue: a batch of no transitions, or a count below 1.
        """
        batches = resolve("entitybench.datasets.sampling.batches:Batches")
        drawn = self.transition_sampler() if sampler is None else sampler
        found: Batches = batches(drawn, batch_size, seed=seed, count=count, options=options)
        return found

    def _goal_world(self) -> GoalWorld:
        from entitybench.envs.api import goal_world_of

        if self.task is None or self.task not in tasks():
            raise BadValue(
                f"{self.id} is of no task that is known here, so its goals and rewards are not "
                "known: give goal_sampler(world=...)."
            )
        return goal_world_of(self.task, **(self.manifest.get("task_kwargs") or {}))


def load_dataset(
    id_or_folder: str | Path, *, size: str = "small", generate: bool = False
) -> Dataset:
    """Open a dataset.

    Args:
        id_or_folder: a registered id (`bench list datasets`), also with "@" and a size, looked for
            under `ENTITYBENCH_DATA`, or the folder of any episode store.
        size: which of the registered sizes of a dataset: "small" or, where it has it, "paper".
        generate: make a registered dataset that is not there yet (minutes at most; see
            `entitybench.datasets.generate.api`).

    Raises:
        UnknownId: neither a dataset nor a folder.
        DataError: not there yet, damaged, or made for another version of its task; the text holds
            the command that mends it.
    """
    text = str(id_or_folder)
    if not id_or_folder:
        raise BadValue("a dataset is an id or the folder of one: got an empty name.")
    is_path = isinstance(id_or_folder, Path) or text.startswith(("/", ".", "~"))
    id, _, named = text.partition("@")
    if not is_path and id in datasets():  # the registry takes longer to load than the folder
        return _registered(id, named or size, generate)
    folder = expanded(text)
    if folder.is_dir():
        store = Dataset.open(folder)
        _check_version(store)
        return store
    if is_path:
        raise DataError(f"no folder {text!r} to open a dataset from.")
    datasets()[text]  # raises UnknownId with the nearest ids
    raise AssertionError


def open_for(
    task: TaskSpec, dataset: str | Path | EpisodeStore | None = None, *, generate: bool = False
) -> Dataset:
    """The dataset to train on in a task, all of it.

    Args:
        task: whose world gave the data.
        dataset: an id, also with "@" and a size, or a folder, as for `load_dataset`, or what was
            opened already; None: the one that the task names.
        generate: make a registered dataset that is not there yet.

    Raises:
        UnknownId, DataError: as `load_dataset`.
        BadValue: the task has no dataset, or this one is of another task, in pixels where the task
            gives states, or of another size of observations or actions.
    """
    chosen = task.default_dataset if dataset is None else dataset
    if chosen is None:
        raise BadValue(
            f"{task.id} has no dataset to train on: name the folder of one, or take one of the "
            "tasks that `bench list datasets` shows."
        )
    id = str(chosen).partition("@")[0]
    if isinstance(chosen, str) and id in datasets():
        check_dataset(id, datasets()[id].task, task)  # before it is made or asked to be made
    if isinstance(chosen, EpisodeStore):
        found = Dataset.of(chosen)
    else:
        found = load_dataset(chosen, generate=generate)
    _check_task(task, found)
    return found


def _check_task(task: TaskSpec, found: Dataset) -> None:
    """Raises BadValue when a dataset cannot be one of the task."""
    check_dataset(found.id, found.task, task)
    from entitybench.datasets.catalogue.shapes import shape_of, shapes

    about, wanted = found.manifest["columns"], shapes().get(task.id) or shape_of(task)
    for name, size in (("observations", wanted["observation"]), ("actions", wanted["action"])):
        here, there = about[name]["shape"] if name in about else None, f"{name} of shape {size}"
        if here == size:
            continue
        if here is None:
            raise BadValue(f"{found.id} has no {name}; {task.id} has {there}.")
        if name == "observations" and len(here) == 3 > len(size):
            raise BadValue(
                f"{found.id} is in pixels {here}, and {task.id} gives states: {there}. "
                "Name a dataset of states."
            )
        raise BadValue(f"{found.id} has {name} of shape {here}; {task.id} has {there}.")


def _registered(id: str, size: str, generate: bool) -> Dataset:
    spec = datasets()[id]
    folder = named_folder(f"{id}@{size}")
    if not folder.is_dir() or not any(folder.iterdir()):
        if not generate:
            line = generate_line(spec, size=size)
            which = "" if size == "small" else f"size={size!r}, "
            raise DataError(
                f"the dataset {id} is not there yet. Make it: `{line}` (or "
                f"eb.load_dataset({id!r}, {which}generate=True); looked in {folder})."
            )
        from entitybench.datasets.generate.api import generate as make

        make(id, size=size)
    store = Dataset.open(folder)
    _check_version(store)
    if store.manifest["custom"]:
        count = store.manifest["splits"]["train"][1]
        warn(
            f"{folder} is a custom {id}: {count} training episodes and seed "
            f"{store.manifest['seed']}, registered are {spec.episodes} and {spec.seed}.",
        )
    return store


def _check_version(store: Dataset) -> None:
    """Raises DataError when the data are of another version of their task."""
    made = store.manifest["task_version"]
    if store.task is None or store.task not in tasks() or made is None:
        return
    now = tasks()[store.task].version
    if made != now:
        line = generate_line(datasets()[store.id]) if store.id in datasets() else "make it"
        raise DataError(
            f"{store.folder} was made for version {made} of {store.task}, which is at version "
            f"{now}. Make it anew: `rm -r {shlex.quote(str(store.folder))} && {line}`"
        )
