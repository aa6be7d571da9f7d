"""One scripted mallet: plans when, where and how to strike, and moves so that it happens.

Batched: a row is a mallet in an episode, and no row depends on the others.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

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
from entitybench.envs.hockey.table import HALF_LENGTH, MALLET_SPEED, Layout

if TYPE_CHECKING:
    from entitybench.types import Array

AHEAD = 200  # predicted places
CHOICES = 6  # places that a shot is chosen from
ASTRAY = 0.04  # m, between where a puck was expected to be struck and where it will be: think again
SPARE = 0.12  # m, that a mallet keeps for going on after a strike


@dataclass(slots=True)
class Plan:
    """What each of B mallets is about to do. NaN: nothing."""

    time: Array  # (B,) s until the puck is struck
    place: Array  # (B, 2) m, of the puck then
    leaving: Array  # (B, 2) m/s, the puck's velocity afterwards

    @classmethod
    def none(cls, batch: int) -> Plan:
        """No plans."""
        pair = np.full((batch, 2), np.nan)
        return cls(np.full(batch, np.nan), pair, pair.copy())

    def keep(self, rows: Array) -> Plan:
        """Without the plans of rows that are not kept, bool (B,)."""
        return Plan(
            np.where(rows, self.time, np.nan),
            np.where(rows[:, None], self.place, np.nan),
            np.where(rows[:, None], self.leaving, np.nan),
        )

    def fill(self, rows: Array, other: Plan) -> None:
        """Set the plans of some rows, in place."""
        for each in fields(self):
            getattr(self, each.name)[rows] = getattr(other, each.name)

    @property
    def made(self) -> Array:
        """Which rows have one, bool (B,)."""
        return ~np.isnan(self.time)


@dataclass(frozen=True)
class Future:
    """Where pucks will be: places and velocities (B, AHEAD, 2), STEP apart."""

    path: Array
    speeds: Array

    @classmethod
    def of(cls, puck: Array, around: Surroundings, blocks: Array | None = None) -> Future:
        """That of pucks (B, 4) among obstacles (B, n, 2)."""
        path, speeds = predict(puck, around, AHEAD, blocks)
        return cls(path.swapaxes(0, 1), speeds.swapaxes(0, 1))

    def rows(self, rows: Array) -> Future:
        """Those of some rows."""
        return Future(self.path[rows], self.speeds[rows])

    @property
    def dangerous(self) -> Array:
        """Which pucks are on their way into the own goal, bool (B,)."""
        x, y = self.path[..., 0], self.path[..., 1]
        return np.any((x < -HALF_LENGTH) & (np.abs(y) < 0.2), axis=1)


class Player:
    """Plans and moves mallets of one kind."""

    def __init__(self, layout: Layout, control_dt: float) -> None:
        mallet = layout.mallets[0]
        touch = layout.mallet_radius + layout.puck_radius
        # Where it may strike: not so near to the end of its slides that it would stop there.
        self.reach = Reach((mallet.x[0], mallet.x[1] - SPARE), mallet.y, touch)
        self.around = Surroundings.of(layout)
        self._dt = control_dt

    def review(self, plan: Plan, future: Future) -> Plan:
        """Drop plans that are carried out, or that the puck no longer agrees with."""
        expected = future.path[np.arange(len(plan.time)), _index(np.nan_to_num(plan.time))]
        with np.errstate(invalid="ignore"):
            drop = (plan.time < -STEP) | (norm(expected - plan.place) > ASTRAY)
        return plan.keep(~drop)

    def later(self, plan: Plan) -> Plan:
        """The plans one control step on."""
        return Plan(plan.time - self._dt, plan.place, plan.leaving)

    def shot(self, mallet: Array, future: Future, blocks: Array, aim: Aim) -> Plan:
        """The cheapest possible shot of each mallet (B, 4) past obstacles (B, n, 2)."""
        path, speeds = future.path, future.speeds
        # K times at which the puck can be struck: spread over those at which it is within reach,
        # and such that decisions can be made at them.
        times = np.arange(AHEAD) * STEP
        room = self.reach.holds(path - np.array([self.reach.touch, 0.0])) & (times > RUN_UP)
        room[:, np.arange(AHEAD) % round(self._dt / STEP) > 0] = False
        count = np.cumsum(room, axis=1)
        total = count[:, -1:]
        wanted = 1 + (total - 1) * np.linspace(0, 1, CHOICES) * 0.85
        index = np.argmax(count[:, None, :] >= wanted[:, :, None], axis=-1)  # (B, K)
        rows = np.arange(len(path))[:, None]
        found = best_shots(
            aim,
            path[rows, index],
            speeds[rows, index],
            times[index],
            mallet[:, :2],
            blocks,
            self.reach,
        )
        cost = found.cost + np.where(total > 0, 0.6 * aim.haste * index * STEP, np.inf)
        best = np.argmin(cost, axis=-1)
        rows = rows[:, 0]
        at = index[rows, best]
        plan = Plan(at * STEP, path[rows, at], found.leaving[rows, best])
        return plan.keep(cost[rows, best] < 5.0)

    def save(self, mallet: Array, future: Future) -> Plan:
        """Where to stop a puck that is on its way into the own goal, as early as is safe."""
        path, speeds = future.path, future.speeds
        contact = path + self.reach.touch * unit(speeds)
        time = np.arange(AHEAD) * STEP
        possible = self.reach.holds(contact) & (speeds[..., 0] < 0)
        way = norm(contact - mallet[:, None, :2])
        slack = time - way / (0.9 * MALLET_SPEED)
        # The earlier the better, as long as there is time; else where least is missing.
        cost = np.where(slack > 0.05, time, 9.0 - slack)
        cost = np.where(possible, cost, np.inf)
        best = np.argmin(cost, axis=1)
        rows = np.arange(len(path))
        plan = Plan(time[best], path[rows, best], -0.5 * speeds[rows, best])
        return plan.keep(future.dangerous & np.isfinite(cost[rows, best]))

    def move(self, mallet: Array, puck: Array, future: Future, plan: Plan, home: Array) -> Array:
        """Velocities (B, 2) in m/s of mallets (B, 4) with plans, or else on their way home (B, 2).

        Without a plan, or before its run-up, a mallet keeps off the puck (B, 4).
        """
        rows, now, velocity = np.arange(len(puck)), mallet[:, :2], mallet[:, 2:4]
        planned = plan.made
        time = np.where(planned, plan.time, 0.0)
        index = _index(time)
        place, arriving = future.path[rows, index], future.speeds[rows, index]
        line, speed = strike(arriving, np.where(planned[:, None], plan.leaving, 0.0))
        speed = np.minimum(np.maximum(speed, 0.0), MALLET_SPEED)
        contact = place - (self.reach.touch - OVERLAP) * line
        dt = self._dt

        # Before the run-up: be at its beginning when it begins.
        wait = self.reach.cut(contact - (RUN_UP * speed)[:, None] * line)
        walk = towards(wait, now, velocity, np.maximum(time - RUN_UP, dt))
        # In the run-up: be at the contact in time, and go on as fast.
        until = np.maximum(time, dt)
        follow = contact + ((until - time) * speed)[:, None] * line
        run = towards(follow, now, velocity, until)
        running = planned & (time <= RUN_UP + 0.5 * dt)
        go = np.where(planned[:, None], walk, towards(home, now, velocity, np.full(len(puck), 0.3)))
        go = self._round(now, puck, _shorten(go))
        return np.where(running[:, None], _shorten(run), go)

    def _round(self, now: Array, puck: Array, go: Array) -> Array:
        """Velocities (B, 2) that do not bump into the puck from where they begin."""
        away = now - puck[:, :2]
        gap = norm(away)
        line = unit(away)
        closing = -dot(go - puck[:, 2:4], line)
        most = np.maximum(gap - self.reach.touch - 0.01, 0.0) / 0.1
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
