"""A store as the checks see it: its arrays, its task and world, and what is simulated again."""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.checks import NotChecked
from entitybench.datasets.generate.replay import check_shapes, worlds_like
from entitybench.datasets.lint import (
    continuity,
    replay,
)
from entitybench.datasets.lint.finding import Finding
from entitybench.errors import BenchError, DataError
from entitybench.registry import tasks

if TYPE_CHECKING:
    from collections.abc import Callable

    from entitybench.datasets.store.store import EpisodeStore
    from entitybench.envs.core.batch import Worlds
    from entitybench.envs.core.world import World
    from entitybench.types import Array, TaskSpec

PUBLIC = 100  # evaluation episodes that the data are compared with: the public seeds from 0 on
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

    @cached_property
    def observed(self) -> Array:
        """What is observed; of data with several leaves, the one that is called so, or the first.

        Raises NotChecked where there is none.
        """
        name = next((n for n in self.columns if n.partition(".")[0] == "observations"), None)
        if name is None:
            raise NotChecked("no observations")
        return self.columns[name]

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

    def misfits(self) -> list[Finding]:
        """What is wrong when the columns are not of the shapes that the task gives."""
        if self.world is None:
            return []
        try:
            check_shapes(self.store)
        except DataError as error:
            what = str(error).rstrip(".")
            return [Finding("error", "files", "manifest.json", what, "name the task they are of")]
        return []

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
        return continuity.jumps(self.observed, self.offsets)

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
