"""The scripted team for push-box: two robots push the back of the box along a way round the pillar.

Lengths in m, angles in rad. "Box frame": x to the right of where the box points, y ahead of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.api import world_as
from entitybench.envs.team.pushbox import PushboxWorld
from entitybench.envs.team.pushbox_sizes import (
    BOX_HALF,
    BOX_MASS,
    FASTEST,
    FORCE,
    FRICTION,
    PILLAR,
    ROBOT_RADIUS,
    ROBOTS,
    TWIST,
)
from entitybench.errors import BadValue

if TYPE_CHECKING:
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs, TaskSpec

PAIRS = tuple(combinations(range(ROBOTS), 2))
APART = 0.0625  # half the distance between the two that push
CONTACT = BOX_HALF[1] + ROBOT_RADIUS  # from the centre of the box to that of a robot behind it
PASS = PILLAR + BOX_HALF[0] + 0.035  # where the box passes the pillar
STIFF = (25.0, 22.0)  # 1/m^2, 1/m: how hard it steers back to the way, and to its direction
SHIFT = 0.055  # how far both robots move aside to steer
BRAKE = 0.3  # m/s^2
KEEP_OFF = 0.45  # how far behind the box the third robot stays
LOOK_AHEAD = 0.2  # s


@dataclass(slots=True)
class PushboxState:
    """What each of B episodes has settled; NaN before its first step."""

    start: Array  # (B, 3) the box's x, y and yaw
    side: Array  # (B,) -1: the team passes left of the pillar, 1: right
    pair: Array  # (B, 2) the robots that push, left and right
    pushing: Array  # (B,) bool, whether both are in contact


class PushboxOracle:
    """Two robots take the back of the box; the third keeps out of the way.

    The way is two cubic curves, to beside the pillar and on to the goal. They steer by moving
    aside together.
    """

    def __init__(
        self, task: TaskSpec | str, *, side: str = "near", pair: tuple[int, int] | None = None
    ) -> None:
        """Make it. Both arguments are conventions that a team can keep in all its episodes.

        Args:
            side: of the pillar that the team passes: "left", "right", or "near", the shorter way.
            pair: the two robots that push; None: the two that are nearest.
        """
        world_as(task, PushboxWorld)  # refuses others
        if side not in ("left", "right", "near"):
            raise BadValue(f"a team passes left, right or near: got {side!r}.")
        if pair is not None and tuple(sorted(pair)) not in PAIRS:
            raise BadValue(f"a pair is two of the robots 0 to {ROBOTS - 1}: got {pair!r}.")
        self._side = side
        self._pairs = PAIRS if pair is None else (tuple(sorted(pair)),)

    def initial_state(self, batch: int) -> PushboxState:
        return PushboxState(
            start=np.full((batch, 3), np.nan),
            side=np.zeros(batch),
            pair=np.zeros((batch, 2), np.int64),
            pushing=np.zeros(batch, bool),
        )

    def act(self, obs: Obs, state: PushboxState, rng: BatchGenerator) -> tuple[Array, PushboxState]:
        del rng
        entities = obs["state"].astype(np.float64)
        robots = np.ascontiguousarray(entities[:, :ROBOTS, :2])
        box, goal = (_pose(entities[:, ROBOTS + i]) for i in (0, 2))
        state = self._settle(robots, box, goal, state)
        rows = np.arange(len(box))
        frame = _Frame(box)
        place = frame.inside(robots)  # (B, 3, 2) in the box frame
        speed = frame.along(entities[:, ROBOTS, 4:6])
        offset, push = self._steer(box, goal, speed, state)

        action = np.zeros_like(robots)
        ready = np.ones(len(box), bool)
        for i, sign in enumerate((-1.0, 1.0)):
            mine = place[rows, state.pair[:, i]]
            post = offset + sign * APART
            aside = post - mine[:, 0]
            behind = -CONTACT - mine[:, 1]  # how far from contact, positive: still behind it
            ready &= (np.abs(aside) < 0.03) & (np.abs(behind) < 0.03)
            # Towards a place just behind the box; then aside while it pushes.
            wait = np.stack([6 * aside, 6 * (-CONTACT - 0.015 - mine[:, 1])], axis=-1)
            late = (np.abs(aside) > 0.04) & (mine[:, 1] > -CONTACT - 0.03)
            wait[:, 1] = np.where(late, -0.3, wait[:, 1])
            lateral = np.clip(12 * aside, -0.6, 0.6)
            ahead = np.minimum(push, np.sqrt(1 - lateral * lateral))
            shove = np.stack([lateral, ahead], axis=-1)
            chosen = np.where(state.pushing[:, None], shove, wait)
            action[rows, state.pair[:, i]] = frame.outside(_limit(chosen))
        idle = 3 - state.pair.sum(axis=1)
        mine = place[rows, idle]
        back = np.stack([np.zeros(len(box)), 3 * (-KEEP_OFF - mine[:, 1])], axis=-1)
        action[rows, idle] = frame.outside(_limit(back))
        state.pushing = state.pushing | ready
        return np.clip(action, -1, 1), state

    def _settle(self, robots: Array, box: Array, goal: Array, state: PushboxState) -> PushboxState:
        """In the first step: the side, and who pushes."""
        fresh = np.isnan(state.start[:, 0])
        if self._side == "near":
            side = np.where(box[:, 0] + goal[:, 0] < 0, -1.0, 1.0)
        else:
            side = np.full(len(box), -1.0 if self._side == "left" else 1.0)
        rows = np.arange(len(box))
        place = _Frame(box).inside(robots)
        costs, orders = [], []
        for pair in self._pairs:
            both = np.array(pair)[np.argsort(place[:, pair, 0], axis=1, kind="stable")]
            cost = np.zeros(len(box))
            for i, sign in enumerate((-1.0, 1.0)):
                way = place[rows, both[:, i]] - np.array([sign * APART, -CONTACT])
                cost = np.maximum(cost, np.sqrt(way[:, 0] ** 2 + way[:, 1] ** 2))
            costs.append(cost)
            orders.append(both)
        best = np.argmin(costs, axis=0)
        pair = np.array(orders)[best, rows]
        return PushboxState(
            start=np.where(fresh[:, None], box, state.start),
            side=np.where(fresh, side, state.side),
            pair=np.where(fresh[:, None], pair, state.pair),
            pushing=state.pushing.copy(),
        )

    def _steer(
        self, box: Array, goal: Array, speed: Array, state: PushboxState
    ) -> tuple[Array, Array]:
        """How far aside the robots go, and how hard they push, each (B,)."""
        x, slope, _ = self._way(box[:, 1], goal, state)
        # Moving aside takes a moment: so bend as the way will bend then.
        bend = self._way(box[:, 1] + LOOK_AHEAD * np.maximum(speed, 0), goal, state)[2]
        course = -np.arctan(slope)
        off = (x - box[:, 0]) * np.cos(course)  # left of the way
        turned = _wrap(box[:, 2] - course)
        flat = 1 + slope * slope
        curve = -bend / (flat * np.sqrt(flat)) - STIFF[0] * off - STIFF[1] * turned
        # Force and torque of the friction lie on an ellipsoid, so a force that passes the centre at
        # a distance d turns the box by d / TWIST^2 a metre of way.
        offset = np.clip(curve * TWIST**2, -SHIFT, SHIFT)
        # What is left of the way, along where the goal points.
        left = (goal[:, 1] - box[:, 1]) * np.cos(goal[:, 2]) - (goal[:, 0] - box[:, 0]) * np.sin(
            goal[:, 2]
        )
        wanted = np.sqrt(2 * BRAKE * np.maximum(left, 0))
        hold = (
            FRICTION * 9.81 * BOX_MASS / (2 * FORCE)
        )  # what each of the two needs to keep it moving
        push = hold + np.maximum(speed, 0) / FASTEST + 2.0 * (wanted - speed)
        push = np.where(left > 0.004, np.clip(push, 0, 1), 0.0)
        return offset, push

    def _way(self, y: Array, goal: Array, state: PushboxState) -> tuple[Array, Array, Array]:
        """The way's x at y, its slope dx/dy, and the slope's slope, each (B,)."""
        first = y < 0
        begin, end = state.start, goal
        y0 = np.where(first, begin[:, 1], 0.0)
        y1 = np.where(first, 0.0, end[:, 1])
        x0 = np.where(first, begin[:, 0], state.side * PASS)
        x1 = np.where(first, state.side * PASS, end[:, 0])
        m0 = np.where(first, -np.tan(begin[:, 2]), 0.0)
        m1 = np.where(first, 0.0, -np.tan(end[:, 2]))
        long = y1 - y0
        t = np.clip((y - y0) / long, 0, 1)
        a, b = m0 * long - (x1 - x0), (x1 - x0) - m1 * long
        # x = (1 - t) x0 + t x1 + t (1 - t) ((1 - t) a + t b)
        s = 1 - t
        x = s * x0 + t * x1 + t * s * (s * a + t * b)
        slope = (x1 - x0 + (s - t) * (s * a + t * b) + t * s * (b - a)) / long
        bend = (-2 * (s * a + t * b) + 2 * (s - t) * (b - a)) / (long * long)
        return x, slope, bend


class _Frame:
    """The box frame of poses (B, 3)."""

    def __init__(self, box: Array) -> None:
        yaw = np.ascontiguousarray(box[:, 2])
        self._origin = box[:, :2]
        self._sin, self._cos = np.sin(yaw), np.cos(yaw)

    def inside(self, places: Array) -> Array:
        """Places (B, K, 2) seen from the box."""
        way = places - self._origin[:, None]
        sin, cos = self._sin[:, None], self._cos[:, None]
        x, y = way[..., 0], way[..., 1]
        return np.stack([cos * x + sin * y, cos * y - sin * x], axis=-1)

    def along(self, velocity: Array) -> Array:
        """What of velocities (B, 2) is ahead, (B,)."""
        return self._cos * velocity[:, 1] - self._sin * velocity[:, 0]

    def outside(self, vector: Array) -> Array:
        """Vectors (B, 2) of the box frame in that of the world."""
        x, y = vector[:, 0], vector[:, 1]
        return np.stack([self._cos * x - self._sin * y, self._sin * x + self._cos * y], axis=-1)


def _pose(entity: Array) -> Array:
    """x, y and yaw (B, 3) of rows (B, D)."""
    yaw = np.arctan2(np.ascontiguousarray(entity[:, 2]), np.ascontiguousarray(entity[:, 3]))
    return np.concatenate([entity[:, :2], yaw[:, None]], axis=1)


def _wrap(angle: Array) -> Array:
    return (angle + np.pi) % (2 * np.pi) - np.pi


def _limit(vector: Array) -> Array:
    length = np.sqrt(vector[:, 0] * vector[:, 0] + vector[:, 1] * vector[:, 1])
    return vector / np.maximum(length, 1.0)[:, None]
