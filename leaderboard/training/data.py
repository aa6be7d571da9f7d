"""What an agent learns from: the episodes of a dataset, the worlds of its task, or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Number
from pathlib import Path
from typing import TYPE_CHECKING, Any

from entitybench.envs.training import ProblemsOf, WorldsOf
from entitybench.errors import BadValue, DataError
from entitybench.kinds import KINDS
from entitybench.leaderboard.training.faults import shown
from entitybench.needs import check_dataset
from entitybench.registry import dataset_for, dataset_of, datasets, kind_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from entitybench.types import AgentSpec, TaskSpec

READ = ("observations", "actions", "rewards")  # columns that have to hold numbers


def open_data(
    spec: AgentSpec,
    task: TaskSpec,
    dataset: Any = None,
    *,
    generate: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Any:
    """What `Learner.advance` is given.

    Args:
        spec: the agent.
        task: where it learns.
        dataset: an id, also short ("mixed-obs") and with "@" and a size, a folder, or an opened
            store; None: the usual one of the task for agents of this kind.
        generate: make a registered dataset that is not there yet.
        progress: called with (episodes made, all of them).

    Returns:
        The training episodes, or the worlds to act in; None for an agent that learns from neither.

    Raises:
        BadValue: the dataset is of another task or shape, or the agent learns from none.
        DataError: it is not there, with the line that makes it.
    """
    if spec.learns_from != "dataset":
        if dataset is not None:
            raise BadValue(
                f"{spec.id} learns from {spec.learns_from}, not from a dataset: leave out "
                "--dataset."
            )
        made = {"worlds": WorldsOf, "problems": ProblemsOf}.get(spec.learns_from)
        return None if made is None else made(task)
    if dataset is None or isinstance(dataset, str | Path) or hasattr(dataset, "manifest"):
        from entitybench.datasets.api import open_for

        dataset = dataset_for(task, spec.kind) if dataset is None else dataset_of(task, dataset)
        if generate and is_to_make(spec, task, dataset):
            from entitybench.datasets.generate.api import generate as make

            id, _, size = str(dataset).partition("@")
            make(id, size=size or "small", progress=progress)
        dataset = open_for(task, dataset)
    return dataset.split("train") if hasattr(dataset, "split") else dataset


def check_numbers(store: Any) -> None:
    """Raise DataError where what all learners read of a dataset holds NaN or infinity.

    Otherwise the first loss that is no number would be blamed on the learning rate. What is no
    dataset of ours is not looked at.
    """
    columns = getattr(store, "columns", None)
    if not isinstance(columns, Mapping) or not hasattr(store, "offsets"):
        return
    from entitybench.datasets.lint.features import check_finite

    read = {name: columns[name] for name in READ if name in columns}
    for found in check_finite(read, store.offsets)[:1]:
        raise DataError(f"{store.id}: {found.where}: {found.what}. {found.fix.capitalize()}.")


def is_to_make(spec: AgentSpec, task: TaskSpec, dataset: Any = None) -> bool:
    """Whether what an agent learns from is a registered dataset that is not there yet.

    Raises BadValue where it is one of another task, or nothing to learn from.
    """
    if spec.learns_from != "dataset":
        return False
    _check(spec, task, dataset)
    named = dataset_for(task, spec.kind) if dataset is None else dataset_of(task, dataset)
    id = named.partition("@")[0] if isinstance(named, str) else ""
    if id not in datasets():
        return False
    check_dataset(id, datasets()[id].task, task)
    from entitybench.datasets.store.places import named_folder

    folder = named_folder(str(named))
    return not folder.is_dir() or not any(folder.iterdir())


def _check(spec: AgentSpec, task: TaskSpec, dataset: Any) -> None:
    """Raise BadValue for what nobody can learn from.

    What is open already tells an id and a hash of its content: run.json and checkpoints name them.
    Agents of kinds of other packages may learn from anything else that is no plain value.
    """
    if dataset is None or isinstance(dataset, str | Path):
        return
    if kind_for(spec.kind, task) in KINDS:
        opened = isinstance(getattr(dataset, "id", None), str) and hasattr(dataset, "content_hash")
    else:
        opened = not isinstance(dataset, Number | bytes)
    if not opened:
        raise BadValue(
            "what is learned from is the id of a dataset, a folder, or an opened dataset "
            f"(entitybench.load_dataset): got {shown(dataset)}."
        )
