"""The scripted solver of the tasks for one mallet.

It works out where the puck will be, chooses a place, a time and a velocity to strike it with, and
is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.api import world_as
from entitybench.envs.hockey.goal import HIT, RADIUS, HockeyGoal
from entitybench.envs.hockey.player import Future, Plan, Player
from entitybench.envs.hockey.shots import Aim
from entitybench.envs.hockey.strike import LINE, OUTCOME, HockeyDefend
from entitybench.envs.hockey.table import MALLET_SPEED
from entitybench.envs.hockey.world import HockeyWorld
from entitybench.envs.parts.observed import goal_of

if TYPE_CHECKING:
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs, TaskSpec

HOME = -0.78  # m, x of a mallet that waits


class HockeyOracle:
    """Solves hockey-goal, hockey-goal-obstacles, hockey-strike and hockey-defend."""

    def __init__(self, task: TaskSpec | str) -> None:
        world = world_as(task, HockeyWorld)
        self._row = world.puck
        self._player = Player(world.layout(), world.control_dt)
        self._to_place = isinstance(world, HockeyGoal)
        self._defends = isinstance(world, HockeyDefend)

    def initial_state(self, batch: int) -> Plan:
        return Plan.none(batch)

    def act(self, obs: Obs, state: Plan, rng: BatchGenerator) -> tuple[Array, Plan]:
        del rng
        player = self._player
        entities = obs.get("state", obs["observation"]).astype(np.float64)
        mallet, puck = entities[:, 0, :4], entities[:, self._row, :4]
        blocks = entities[:, self._row + 1 :, :2]
        future = Future.of(puck, player.around, blocks)
        over, goal = self._task(obs, entities)
        plan = player.review(state, future).keep(~over)
        rows = np.flatnonzero(~plan.made & ~over)
        if len(rows):
            if self._defends:
                found = player.save(mallet[rows], future.rows(rows))
            else:
                aim = Aim(player.around, goal[rows], RADIUS, mouth=not self._to_place)
                found = player.shot(mallet[rows], future.rows(rows), blocks[rows], aim)
            plan.fill(rows, found)
        home = np.stack([np.full(len(puck), HOME), np.clip(0.5 * puck[:, 1], -0.1, 0.1)], -1)
        velocity = player.move(mallet, puck, future, plan, home)
        return velocity / MALLET_SPEED, player.later(plan)

    def _task(self, obs: Obs, entities: Array) -> tuple[Array, Array]:
        """Which episodes are decided, bool (B,), and where the puck is to go (B, 2)."""
        if self._to_place:
            goal = goal_of(obs)[:, self._row, :2]
            return entities[:, self._row, HIT] > 0, goal.astype(np.float64)
        outcome = entities[:, self._row, OUTCOME]
        # A puck that was saved once can still come back.
        over = outcome < 0 if self._defends else outcome != 0
        return over, np.broadcast_to(np.array([LINE, 0.0]), (len(entities), 2))
