"""Demonstrations in the kitchen: four elements, one after the other; which, and in what order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.api import world_as
from entitybench.envs.kitchen import elements as k
from entitybench.envs.kitchen.oracle import DONE, KitchenOracle, OracleState
from entitybench.envs.kitchen.world import KitchenTasksWorld
from entitybench.errors import BadValue

if TYPE_CHECKING:
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs, TaskSpec

LENGTH = 4  # elements of a demonstration
_ASKED = 7  # column of an entity


@dataclass(slots=True)
class DemonstrationState:
    """What each of B episodes is to operate, and what it is at."""

    plan: Array | None  # (B, 4) int, indices into `elements.NAMES`; None before the first step
    oracle: OracleState


class Demonstrations:
    """The script of the kitchen, with plans like those of D4RL's three kitchen datasets."""

    def __init__(self, task: TaskSpec | str, *, complete: float) -> None:
        """Make it.

        Args:
            complete: the share of episodes that operate the task's own elements in the task's
                order. The others operate four elements in any order, never all of the task's.
                D4RL's `complete` is 1, `partial` a small share, `mixed` 0.
        """
        world = world_as(task, KitchenTasksWorld)
        if not 0 <= complete <= 1:
            raise BadValue(f"a share is 0 to 1: got {complete!r}.")
        if len(world.tasks) != LENGTH:
            raise BadValue(f"demonstrations are of {LENGTH} elements: got {len(world.tasks)}.")
        self._complete = complete
        self._tasks = np.array([k.NAMES.index(name) for name in world.tasks])
        self._oracle = KitchenOracle(task)
        self._goal = world.goal_rows()

    def initial_state(self, batch: int) -> DemonstrationState:
        return DemonstrationState(None, self._oracle.initial_state(batch))

    def act(
        self, obs: Obs, state: DemonstrationState, rng: BatchGenerator
    ) -> tuple[Array, DemonstrationState]:
        entities = obs.get("state", obs["observation"])
        plan = self._draw(len(entities), rng) if state.plan is None else state.plan
        goal = np.broadcast_to(self._goal, entities.shape).astype(np.float64)
        done = self._oracle.near(entities.astype(np.float64), goal, DONE)
        # The script operates what is asked for: ask for the first of the plan that is not done.
        rows = np.arange(len(entities))
        left = ~done[rows[:, None], plan]
        asked = entities.copy()
        asked[:, 1:, _ASKED] = 0
        asked[rows, 1 + plan[rows, np.argmax(left, axis=1)], _ASKED] = left.any(axis=1)
        action, oracle = self._oracle.act({"observation": asked}, state.oracle, rng)
        return action, DemonstrationState(plan, oracle)

    def labels(self, state: DemonstrationState) -> dict[str, Array]:
        """`complete`: 1 where the plan is the task's; `plan`: its elements as digits, in order."""
        assert state.plan is not None
        whole = (state.plan == self._tasks).all(axis=1)
        digits = (state.plan + 1) @ (10 ** np.arange(LENGTH)[::-1])
        return {"complete": whole.astype(np.uint8), "plan": digits}

    def _draw(self, batch: int, rng: BatchGenerator) -> Array:
        order = np.argsort(rng.random((batch, len(k.NAMES))), axis=1, kind="stable")
        plan = order[:, :LENGTH]
        # Whoever drew all of the task's elements takes the next one instead of the last.
        all_of_them = np.isin(plan, self._tasks).all(axis=1)
        plan[:, -1] = np.where(all_of_them, order[:, LENGTH], plan[:, -1])
        return np.where((rng.random(batch) < self._complete)[:, None], self._tasks, plan)
