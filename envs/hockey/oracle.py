"""The scripted solver of the tasks for one mallet.

It works out where the puck will be, chooses a place, a time and a velocity to strike it with, and
is there.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.core.api import task_of, world_of
from entitybench.envs.hockey.goal import HIT, RADIUS, HockeyGoal
from entitybench.envs.hockey.predict import STEP, Surroundings, predict
from entitybench.envs.hockey.shots import (
    OVERLAP,
    RUN_UP,
    Aim,
    Reach,
    best_shots,
    dot,
    norm,
    strike,
    towards,
    unit,
)
from entitybench.envs.hockey.strike import LINE, OUTCOME, HockeyDefend
from entitybench.envs.hockey.table import HALF_LENGTH, MALLET_SPEED
from entitybench.envs.hockey.world import HockeyWorld

if TYPE_CHECKING:
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs, TaskSpec

AHEAD = 200  # predicted places
CHOICES = 6  # places that a shot is chosen from
ASTRAY = 0.04  # m, between where a puck was expected to be struck and where it will be: think again
SPARE = 0.12  # m, that a mallet keeps for going on after a strike
HOME = -0.78  # m, x of a mallet that waits


@dataclass(slots=True)
class OracleState:
    """The plan of each of B episodes. NaN: none."""

    time: Array  # (B,) s until the puck is struck
    place: Array  # (B, 2) m, of the puck then
    leaving: Array  # (B, 2) m/s, the puck's velocity afterwards

    def rows(self, rows: Array) -> OracleState:
        """Those of some episodes."""
        return OracleState(*(getattr(self, each.name)[rows] for each in fields(self)))


class HockeyOracle:
    """Solves hockey-goal, hockey-goal-obstacles, hockey-strike and hockey-defend."""

    def __init__(self, task: TaskSpec | str) -> None:
        world = world_of(task_of(task))
        assert isinstance(world, HockeyWorld)
        layout = world.layout()
        self._puck = world.puck
        self._around = Surroundings.of(layout)
        mallet = layout.mallets[0]
        touch = layout.mallet_radius + layout.puck_radius
        # Where it may strike: not so near to the end of its slides that it would stop there.
        self._reach = Reach((mallet.x[0], mallet.x[1] - SPARE), mallet.y, touch)
        self._to_place = isinstance(world, HockeyGoal)
        self._defends = isinstance(world, HockeyDefend)
        self._control_dt = world.control_dt

    def initial_state(self, batch: int) -> OracleState:
        return OracleState(
            np.full(batch, np.nan), np.full((batch, 2), np.nan), np.full((batch, 2), np.nan)
        )

    def act(self, obs: Obs, state: OracleState, rng: BatchGenerator) -> tuple[Array, OracleState]:
        del rng
        entities = obs.get("state", obs["observation"]).astype(np.float64)
        mallet, puck = entities[:, 0, :4], entities[:, self._puck, :4]
        blocks = entities[:, self._puck + 1 :, :2]
        path, speeds = predict(puck, self._around, AHEAD, blocks)
        path, speeds = path.swapaxes(0, 1), speeds.swapaxes(0, 1)  # (B, T, 2)

        if self._to_place:
            goal = obs.get("goal_state", obs["desired_goal"])[:, self._puck, :2].astype(np.float64)
            over = entities[:, self._puck, HIT] > 0
        else:
            goal = np.broadcast_to(np.array([LINE, 0.0]), (len(puck), 2))
            over = entities[:, self._puck, OUTCOME] != 0
            if self._defends:
                over &= entities[:, self._puck, OUTCOME] < 0
        state = self._review(path, state, over)
        rows = np.flatnonzero(np.isnan(state.time) & ~over)
        if len(rows):
            if self._defends:
                found = self._meet(mallet[rows], path[rows], speeds[rows])
            else:
                aim = Aim(self._around, goal[rows], RADIUS, mouth=not self._to_place)
                found = self._choose(mallet[rows], path[rows], speeds[rows], blocks[rows], aim)
            for each in fields(state):
                getattr(state, each.name)[rows] = getattr(found, each.name)
        velocity = self._move(mallet, puck, path, speeds, state)
        return velocity / MALLET_SPEED, self._later(state)

    def _review(self, path: Array, state: OracleState, over: Array) -> OracleState:
        """Drop plans that are carried out, or that the puck no longer agrees with."""
        index = _index(np.nan_to_num(state.time))
        expected = path[np.arange(len(path)), index]
        with np.errstate(invalid="ignore"):
            drop = over | (state.time < -STEP) | (norm(expected - state.place) > ASTRAY)
        return OracleState(
            np.where(drop, np.nan, state.time),
            np.where(drop[:, None], np.nan, state.place),
            np.where(drop[:, None], np.nan, state.leaving),
        )

    def _later(self, state: OracleState) -> OracleState:
        return OracleState(state.time - self._control_dt, state.place, state.leaving)

    def _choose(
        self, mallet: Array, path: Array, speeds: Array, blocks: Array, aim: Aim
    ) -> OracleState:
        """The cheapest possible shot of each row."""
        batch = len(path)
        # K times at which the puck can be struck: spread over those at which it is within reach.
        times = np.arange(AHEAD) * STEP
        room = self._reach.holds(path - np.array([self._reach.touch, 0.0])) & (
            self._reach.y[1] - np.abs(path[..., 1]) > -0.01
        )
        room &= times > RUN_UP
        room[:, np.arange(AHEAD) % round(self._control_dt / STEP) > 0] = False
        count = np.cumsum(room, axis=1)
        total = count[:, -1:]
        wanted = 1 + (total - 1) * np.linspace(0, 1, CHOICES) * 0.85
        index = np.argmax(count[:, None, :] >= wanted[:, :, None], axis=-1)  # (B, K)
        rows = np.arange(batch)[:, None]
        found = best_shots(
            aim,
            path[rows, index],
            speeds[rows, index],
            times[index],
            mallet[:, :2],
            blocks,
            self._reach,
        )
        cost = found.cost + np.where(total > 0, 0.03 * index * STEP, np.inf)
        best = np.argmin(cost, axis=-1)
        rows = np.arange(batch)
        good = cost[rows, best] < 5.0
        time = index[rows, best] * STEP
        return OracleState(
            np.where(good, time, np.nan),
            np.where(good[:, None], path[rows, index[rows, best]], np.nan),
            np.where(good[:, None], found.leaving[rows, best], np.nan),
        )

    def _meet(self, mallet: Array, path: Array, speeds: Array) -> OracleState:
        """Where to stop a puck that is on its way into the own goal, as early as is safe."""
        danger = np.any((path[..., 0] < -HALF_LENGTH) & (np.abs(path[..., 1]) < 0.2), axis=1)
        contact = path + self._reach.touch * unit(speeds)
        time = np.arange(AHEAD) * STEP
        possible = self._reach.holds(contact) & (speeds[..., 0] < 0)
        way = norm(contact - mallet[:, None, :2])
        slack = time - way / (0.9 * MALLET_SPEED)
        # Time to spare is worth something, waiting is not.
        cost = np.where(possible & (slack > 0.05), time, 9.0 - slack)
        cost = np.where(possible, cost, np.inf)
        best = np.argmin(cost, axis=1)
        rows = np.arange(len(path))
        good = danger & np.isfinite(cost[rows, best])
        return OracleState(
            np.where(good, time[best], np.nan),
            np.where(good[:, None], path[rows, best], np.nan),
            np.where(good[:, None], -0.5 * speeds[rows, best], np.nan),
        )

    def _move(
        self, mallet: Array, puck: Array, path: Array, speeds: Array, state: OracleState
    ) -> Array:
        """The mallets' velocities (B, 2) in m/s."""
        rows, now, velocity = np.arange(len(puck)), mallet[:, :2], mallet[:, 2:4]
        planned = ~np.isnan(state.time)
        time = np.where(planned, state.time, 0.0)
        index = _index(time)
        place, arriving = path[rows, index], speeds[rows, index]
        line, speed = strike(arriving, np.where(planned[:, None], state.leaving, 0.0))
        speed = np.minimum(np.maximum(speed, 0.0), MALLET_SPEED)
        contact = place - (self._reach.touch - OVERLAP) * line
        dt = self._control_dt

        # Before the run-up: be at its beginning when it begins.
        begin = contact - (RUN_UP * speed)[:, None] * line
        wait = self._reach.cut(begin)
        walk = towards(wait, now, velocity, np.maximum(time - RUN_UP, dt))
        # In the run-up: be at the contact in time, and go on as fast.
        until = np.maximum(time, dt)
        follow = contact + ((until - time) * speed)[:, None] * line
        run = towards(follow, now, velocity, until)
        go = np.where((time > RUN_UP + 0.5 * dt)[:, None], walk, run)

        home = np.stack([np.full(len(puck), HOME), np.clip(0.5 * puck[:, 1], -0.1, 0.1)], -1)
        go = np.where(planned[:, None], go, towards(home, now, velocity, np.full(len(puck), 0.3)))
        go = _shorten(go)
        careful = ~planned | (time > RUN_UP + 0.5 * dt)
        return np.where(careful[:, None], self._round(now, puck, go), go)

    def _round(self, now: Array, puck: Array, go: Array) -> Array:
        """Velocities (B, 2) that do not bump into the puck from where they begin."""
        away = now - puck[:, :2]
        gap = norm(away)
        line = unit(away)
        closing = -dot(go - puck[:, 2:4], line)
        most = np.maximum(gap - self._reach.touch - 0.01, 0.0) / (2 * self._control_dt)
        excess = np.maximum(closing - most, 0.0)
        side = np.stack([-line[:, 1], line[:, 0]], -1)
        turn = np.where(dot(go, side) >= 0, 1.0, -1.0)
        return _shorten(go + excess[:, None] * (line + 0.7 * turn[:, None] * side))


def _index(time: Array) -> Array:
    """Which predicted place belongs to a time (s)."""
    return np.clip(np.rint(time / STEP), 0, AHEAD - 1).astype(np.intp)


def _shorten(velocity: Array) -> Array:
    """Velocities (B, 2) no longer than a mallet's."""
    return velocity * np.minimum(1.0, MALLET_SPEED / np.maximum(norm(velocity), 1e-9))[:, None]
