"""A store as the checks see it: which of them apply to it, and to which of its arrays."""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.checks import NotChecked
from entitybench.datasets.catalogue.scores import reference_of
from entitybench.datasets.generate.replay import check_shapes, task_like, worlds_like
from entitybench.datasets.lint import (
    actions,
    boundaries,
    continuity,
    duplicates,
    features,
    references,
    replay,
    scores,
    starts,
)
from entitybench.datasets.lint.finding import Finding
from entitybench.envs.core.world import GoalWorld
from entitybench.errors import BenchError, DataError
from entitybench.registry import tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from entitybench.datasets.store.store import EpisodeStore
    from entitybench.envs.core.batch import Worlds
    from entitybench.envs.core.world import World
    from entitybench.types import Array, TaskSpec

PUBLIC = 100  # evaluation episodes that the data are compared with: the public seeds from 0 on
CHANCE = 1e-4  # of a feature being the same in all episodes though it differs between starts
JUMPS = 20  # episodes with a jump that are simulated again to see whether the world jumps there


@dataclass
class Subject:
    """What is linted.

    Attributes:
        store: the data.
        replayed: how many episodes are simulated again.
        measured: what checks measured beside their findings.
        left: why parts of checks could not be made, by check.
    """

    store: EpisodeStore
    replayed: int

    def __post_init__(self) -> None:
        self.measured: dict[str, Any] = {}
        self.left: dict[str, list[str]] = {}

    def parts(self, check: str, *parts: Callable[[], list[Finding]]) -> list[Finding]:
        """The findings of the parts of a check that can be made; `left` says why not the others.

        Raises NotChecked where none can be made.
        """
        found, left = [], []
        for part in parts:
            try:
                found += part()
            except NotChecked as reason:
                left.append(str(reason))
        if len(left) == len(parts):
            raise NotChecked("; ".join(dict.fromkeys(left)))
        if left:
            self.left[check] = list(dict.fromkeys(left))
        return found

    @cached_property
    def columns(self) -> dict[str, Array]:
        """The columns; data from Minari have their success in the infos."""
        found = dict(self.store.columns)
        if "successes" not in found and "infos.is_success" in found:
            found["successes"] = found["infos.is_success"]
        return found

    @property
    def offsets(self) -> Array:
        return self.store.offsets

    @cached_property
    def task(self) -> TaskSpec | None:
        """The task, if it is ours and of the version that the data were made for."""
        made = self.store.manifest
        if self.store.task is None or self.store.task not in tasks():
            return None
        task = tasks()[self.store.task]
        return task if made.get("task_version") in (None, task.version) else None

    @cached_property
    def world(self) -> World | None:
        """The world; None where it is not ours, or cannot be made here."""
        if self.task is None:
            return None
        try:
            worlds = self.worlds(1)
        except BenchError:
            return None
        worlds.close()
        return None if worlds.world.pixels is not None else worlds.world

    def misfit(self) -> Finding | None:
        """What is wrong when the columns are not of the shapes that the task gives."""
        if self.world is None:
            return None
        try:
            check_shapes(self.store)
        except DataError as error:
            what = str(error).rstrip(".")
            return Finding("error", "files", "manifest.json", what, "name the task they are of")
        return None

    def worlds(self, batch: int) -> Worlds:
        """Episodes of the world that the data are of."""
        return worlds_like(self.store.manifest, batch)

    @cached_property
    def seeded(self) -> Array:
        """Episodes with a seed."""
        return np.flatnonzero([row.get("seed") is not None for row in self.store.episodes])

    @cached_property
    def jumps(self) -> tuple[Array, Array, continuity.Motion]:
        """As `continuity.jumps` finds them. Raises NotChecked where nothing shows any."""
        return continuity.jumps(_observations(self), self.offsets)

    @cached_property
    def chosen(self) -> list[int]:
        """The episodes that are simulated again, evenly spread; and some of those with jumps."""
        count = min(self.replayed, len(self.seeded))
        even = np.linspace(0, len(self.seeded) - 1, count).astype(int)
        try:
            rows, _, _ = self.jumps
        except NotChecked:
            rows = np.zeros(0, np.int64)
        jumping = np.unique(np.searchsorted(self.offsets, rows, side="right") - 1)[:JUMPS]
        return sorted(
            {int(i) for i in self.seeded[even]} | {int(i) for i in jumping} & set(self.seeded)
        )

    @cached_property
    def replay(self) -> replay.Replayed:
        """Raises NotChecked where the data cannot be simulated again."""
        made = self.store.manifest
        if self.world is None:
            raise NotChecked("not a task of ours, or of another version of it")
        if not len(self.seeded):
            raise NotChecked("the episodes have no seeds")
        here = importlib.metadata.version("mujoco")
        if made.get("mujoco") not in (None, here):
            raise NotChecked(f"made with MuJoCo {made['mujoco']}, here is {here}: other physics")
        shape = self.world.action_shape
        if "actions" not in self.columns or self.columns["actions"].shape[1:] != shape:
            raise NotChecked(f"there are no actions of the shape {shape}")
        if "observations" not in self.columns:
            raise NotChecked("there are no observations")
        if not self.chosen:
            raise NotChecked("no episode was to be simulated again")
        return replay.replayed(self.store, self.chosen)


def _boundaries(subject: Subject) -> list[Finding]:
    columns, store = subject.columns, subject.store
    flags = columns.get("terminals"), columns.get("masks")
    passing = store.manifest.get("source") == "ogbench"
    parts: list[Callable[[], list[Finding]]] = [
        lambda: boundaries.check_flags(store.offsets, *flags, passing=passing),
        lambda: boundaries.check_rows(store.episodes, store.lengths, store.manifest["splits"]),
    ]
    if "rewards" in columns:
        parts.append(lambda: boundaries.check_padding(columns["rewards"], store.offsets))
    if subject.task is None:  # ours begin at reset(seed), which is replayed
        parts.append(lambda: boundaries.check_goes_on(_observations(subject), store.offsets))
    return subject.parts("boundaries", *parts)


def _continuity(subject: Subject) -> list[Finding]:
    found = subject.jumps
    try:
        explained = frozenset(subject.replay.reached)
    except NotChecked:
        explained = frozenset[int]()
    return continuity.check_jumps(_observations(subject), subject.offsets, found, explained)


def _features(subject: Subject) -> list[Finding]:
    columns = {n: c for n, c in subject.columns.items() if isinstance(c, np.ndarray)}
    found = features.check_finite(columns, subject.offsets)
    observations, store = _observations(subject), subject.store
    if subject.world is None:
        for name in ("observations", "actions", "rewards"):
            if name in columns and len(store) > 1 and columns[name].dtype != np.uint8:
                found += features.check_constant(name, columns[name])
        return found
    worlds = subject.worlds(PUBLIC)
    shown = worlds.reset(range(PUBLIC))["observation"].reshape(PUBLIC, -1)
    worlds.close()
    if shown.shape[1] != np.prod(observations.shape[1:]):
        return found
    share = np.array([np.unique(column, return_counts=True)[1].max() for column in shown.T])
    varies = (share / PUBLIC) ** len(store) < CHANCE
    names = subject.world.feature_names
    return found + features.check_constant("observations", observations, varies, names)


def _actions(subject: Subject) -> list[Finding]:
    columns, bounds = subject.columns, subject.store.manifest.get("action_bounds")
    if "actions" not in columns:
        raise NotChecked("no column of that name")
    if columns["actions"].dtype.kind not in "f":
        raise NotChecked("actions are choices, not numbers")
    if bounds is None and subject.task is None:
        raise NotChecked("the bounds of foreign actions are not known")
    low, high = bounds or (-1.0, 1.0)
    found, measured = actions.check_actions(columns["actions"], subject.offsets, low, high)
    subject.measured |= measured
    return found


def _duplicates(subject: Subject) -> list[Finding]:
    store = subject.store
    splits = {name: (first, last) for name, (first, last) in store.manifest["splits"].items()}
    if "actions" not in subject.columns:
        raise NotChecked("no actions")
    return duplicates.check_duplicates(
        _observations(subject), subject.columns["actions"], store.offsets, splits
    )


def _scores(subject: Subject) -> list[Finding]:
    columns, store, world = subject.columns, subject.store, subject.world
    if isinstance(world, GoalWorld) and "desired_goals" in columns:
        of_rows = len(columns["desired_goals"]) == store.offsets[-1]
        episode = np.repeat(np.arange(len(store)), np.diff(store.offsets))
        rows = np.arange(len(episode)) if of_rows else episode
        rules = scores.Goals(world.achieved, world.success, world.reward)
        found, rewards = scores.check_goals(columns, store.offsets, rows, rules)
        columns = {"rewards": rewards, **columns}
        return found + scores.check_outcomes(store.episodes, columns, store.offsets)
    return subject.parts(
        "scores",
        lambda: scores.check_outcomes(store.episodes, columns, store.offsets),
        lambda: _rewards(subject),
    )


def _rewards(subject: Subject) -> list[Finding]:
    """Rewards against the states beside them; those of our own tasks while replaying."""
    columns, offsets = subject.columns, subject.offsets
    if subject.task is not None:
        _ = subject.replay  # raises NotChecked
        return []
    if "rewards" not in columns:
        raise NotChecked("no rewards")
    rewards = columns["rewards"]
    if "achieved_goals" in columns and "desired_goals" in columns:
        goals = (columns["achieved_goals"], columns["desired_goals"])
        return scores.check_distances(*goals, rewards, offsets)
    return scores.check_regions(_observations(subject), rewards, offsets)


def _starts(subject: Subject) -> list[Finding]:
    store = subject.store

    def overlap() -> list[Finding]:
        split = [str(row["split"]) for row in store.episodes]
        seen = _observations(subject)[store.offsets[:-1]]
        first = _starts_of(seen, subject.columns, store.offsets)
        return starts.check_overlap(first, split, _public_starts(subject, first))

    ours = subject.task is not None
    return subject.parts("starts", lambda: starts.check_seeds(store.episodes, ours=ours), overlap)


def _starts_of(first: Array, columns: Mapping[str, Array], offsets: Array) -> Array:
    """(E, F) what is seen first, and the goal."""
    goals = columns.get("desired_goals")
    parts = [np.asarray(first).reshape(len(first), -1)]
    if goals is not None:
        goals = goals[offsets[:-1]] if len(goals) == offsets[-1] else goals
        parts.append(np.asarray(goals).reshape(len(first), -1))
    return np.concatenate(parts, axis=1)


def _public_starts(subject: Subject, first: Array) -> Array | None:
    if subject.world is None:
        return None
    worlds = subject.worlds(PUBLIC)
    obs = worlds.reset(range(PUBLIC))
    worlds.close()
    goals = {"desired_goals": obs["desired_goal"]} if "desired_goal" in obs else {}
    public = _starts_of(obs["observation"], goals, np.arange(PUBLIC + 1))
    return public if public.shape[1] == first.shape[1] else None


def _references(subject: Subject) -> list[Finding]:
    manifest = subject.store.manifest
    made = manifest.get("reference_scores")
    if not made:
        raise NotChecked("the data come with none")
    if not (made.get("random") and (made.get("expert") or made.get("oracle"))):
        raise NotChecked("there are no scores of an expert")
    if subject.task is not None:  # episodes of data may be shorter than those of the references
        return references.check_references(made, [], reference_of(task_like(manifest)))
    returns = [row["return"] for row in subject.store.episodes]
    numbers = [float(value) for value in returns if isinstance(value, int | float)]
    return references.check_references(made, numbers)


def _replay(subject: Subject) -> list[Finding]:
    found = subject.replay
    subject.measured["replayed_episodes"] = len(subject.chosen)
    subject.measured["replay_error"] = found.error
    if isinstance(subject.world, GoalWorld):  # those of every row were recomputed already
        for name in ("successes", "rewards"):
            found.computed.pop(name, None)
    return replay.check_replay(subject.store, found)


def _observations(subject: Subject) -> Array:
    """What is observed; of data with several leaves, the one that is called so, or the first."""
    columns = subject.columns
    name = next((n for n in columns if n.partition(".")[0] == "observations"), None)
    if name is None:
        raise NotChecked("no observations")
    return columns[name]


# Name -> the check, and what it looks for. "files" comes before them; see api.py.
CHECKS: dict[str, tuple[Callable[[Subject], list[Finding]], str]] = {
    "boundaries": (_boundaries, "terminals, masks, rows and splits agree with the episodes"),
    "continuity": (_continuity, "no transition joins two motions"),
    "features": (_features, "every number is finite; features that vary in the task vary"),
    "actions": (_actions, "within bounds, zero at padding rows; shares at a bound"),
    "duplicates": (_duplicates, "no episode twice"),
    "scores": (_scores, "rewards, successes and returns recomputed"),
    "starts": (_starts, "training, validation and evaluation begin apart"),
    "references": (_references, "reference scores are in order and those of the task"),
    "replay": (_replay, "actions from the stored states lead to the stored observations"),
}
