"""A scripted side for hockey-1v1 and hockey-2v2, with foresight and twice the opponents' speed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.api import world_as
from entitybench.envs.hockey.game import HockeyGame
from entitybench.envs.hockey.player import Future, Plan, Player
from entitybench.envs.hockey.shots import Aim
from entitybench.envs.hockey.strike import LINE
from entitybench.envs.hockey.table import MALLET_SPEED
from entitybench.errors import BadValue

if TYPE_CHECKING:
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs, TaskSpec

KEEPER, STRIKER = -0.8, -0.55  # m, x of mallets that wait
PATIENCE = 5  # control steps until a mallet that found no shot looks again
OVERLAP = 0.06  # m, by which a mallet plays beyond its half-lane


SideState = tuple[tuple[Plan, np.ndarray], ...]  # of each mallet: plan, steps until it looks again


class HockeySide:
    """Strikes into the free part of the goal what it can, stops what it must, else waits.

    By default each of two mallets plays the pucks of its half-lane. With a `striker` that mallet
    plays them all, and its mate keeps the goal.
    """

    def __init__(self, task: TaskSpec | str, *, striker: int | None = None) -> None:
        world = world_as(task, HockeyGame)
        if striker is not None and not 0 <= striker < world.players:
            raise BadValue(f"a striker is 0 to {world.players - 1}: got {striker}.")
        self._count = world.players
        self._row = world.puck
        self._striker = 0 if world.players == 1 else striker
        self._player = Player(world.layout(), world.control_dt)
        reach = self._player.reach
        self._lanes = []
        for i in range(self._count):
            lane = Player(world.layout(), world.control_dt)
            if self._striker is None:
                y = (-OVERLAP, reach.y[1]) if i == 0 else (reach.y[0], OVERLAP)
                lane.reach = replace(reach, y=y)
            self._lanes.append(lane)

    def initial_state(self, batch: int) -> SideState:
        return tuple((Plan.none(batch), np.zeros(batch)) for _ in range(self._count))

    def act(self, obs: Obs, state: SideState, rng: BatchGenerator) -> tuple[Array, SideState]:
        del rng
        entities = obs["state"].astype(np.float64)
        puck = entities[:, self._row, :4]
        rivals = entities[:, self._count : self._row, :2]
        future = Future.of(puck, self._player.around)
        goal = np.broadcast_to(np.array([LINE, 0.0]), (len(puck), 2))
        plans, velocities = [], []
        for i in range(self._count):
            player, mallet = self._lanes[i], entities[:, i, :4]
            plan = player.review(state[i][0], future)
            wait = state[i][1] - 1
            if self._striker in (None, i):
                coming = future.path[:, :60, 0].min(axis=1) < -0.1
                rows = np.flatnonzero(~plan.made & coming & (wait <= 0))
                if len(rows):
                    wait[rows] = PATIENCE
                    aim = Aim(player.around, goal[rows], 0.0, mouth=True, haste=0.2, guarded=True)
                    found = player.shot(mallet[rows], future.rows(rows), rivals[rows], aim)
                    plan.fill(rows, found)
            rows = np.flatnonzero(~plan.made & future.dangerous)
            if len(rows):
                plan.fill(rows, player.save(mallet[rows], future.rows(rows)))
            velocities.append(
                player.move(mallet, puck, future, plan, self._home(i, puck, entities))
            )
            plans.append((player.later(plan), wait))
        return np.stack(velocities, axis=1) / MALLET_SPEED, tuple(plans)

    def _home(self, i: int, puck: Array, entities: Array) -> Array:
        """Where a mallet waits, (B, 2)."""
        if self._count == 1:
            return np.stack([np.full(len(puck), KEEPER), np.clip(0.4 * puck[:, 1], -0.1, 0.1)], -1)
        if self._striker is None:
            side = 1.0 if i == 0 else -1.0
            y = side * np.clip(0.07 + 0.3 * side * puck[:, 1], 0.06, 0.2)
            return np.stack([np.full(len(puck), KEEPER), y], -1)
        if i == self._striker:
            y = np.clip(0.6 * puck[:, 1], -0.2, 0.2)
            return np.stack([np.full(len(puck), STRIKER), y], -1)
        mate = entities[:, self._striker, 1]
        y = np.where(mate > 0, -0.05, 0.05)
        return np.stack([np.full(len(puck), KEEPER), y], -1)
