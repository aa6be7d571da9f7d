"""Hockey's worlds number by number; see envs/core/alone.py. Its games are in game_alone.py."""

from __future__ import annotations

import math
from abc import abstractmethod
from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.core.alone import Alone, Gathered, GoalAlone, clear
from entitybench.envs.hockey.goal import AT_Y, HIT, NEAR, RADIUS
from entitybench.envs.hockey.strike import LINE, OUTCOME
from entitybench.envs.hockey.world import MOTION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.envs.core.alone import Numbers
    from entitybench.envs.hockey.goal import HockeyGoal
    from entitybench.envs.hockey.strike import HockeyDefend, HockeyStrike
    from entitybench.envs.hockey.world import HockeyWorld
    from entitybench.types import Array, Obs

_LEAST = 2.0**-150  # what is no larger is zero in single precision


class HockeyAlone(Alone):
    """What all hockey worlds share: how mallets are told to move, and how all is seen."""

    def __init__(self, world: HockeyWorld, extra: int) -> None:
        """Make it, with `extra` numbers to be seen beside the state and the constants."""
        self.world = world
        # The row of numbers: the state, those `extra`, the constants, the goal.
        self.extra = world.state_size
        rows, features = world.entities, world.features
        changing, staying = self.extra + extra, rows * features
        self.entities = changing + np.arange(staying).reshape(rows, features)
        self.goals = self.entities + staying
        self.entities[:, : len(MOTION)] = world.motion
        # Within these the observation is as the state has it; beyond, arrays say.
        self._motion, self._most = world.motion.tolist(), world.limits[1].tolist()
        self._speed = float(world.speed)
        self.shown = Gathered(changing, 2 * staying, *self.looks())

    @abstractmethod
    def looks(self) -> list[Array]:
        """What is shown, as `Gathered` takes it."""

    def begin(self, state: Array, constants: Array, goal: Array) -> None:
        del state
        self.shown.staying[:] = np.concatenate([constants, goal]).ravel()

    def velocity(self, action: Numbers) -> Numbers:
        """What actions (2 n,) mean, m/s."""
        found: list[float] = []
        for i in range(0, len(action), 2):
            x, y = action[i], action[i + 1]
            share = self._speed / max(sqrt(x * x + y * y), 1.0)
            found += (x * share, y * share)
        return found

    def control(self, state: Numbers, action: Numbers) -> Numbers | None:
        del state
        return self.velocity(action)

    def within(self, state: Numbers) -> bool:
        """Whether all is where observations are not cut."""
        long, wide, fast, faster = self._most
        for x, y, vx, vy in self._motion:
            if not (
                -long <= state[x] <= long
                and -wide <= state[y] <= wide
                and -fast <= state[vx] <= fast
                and -faster <= state[vy] <= faster
            ):
                return False
        return True


class StrikeAlone(HockeyAlone):
    """A puck to be struck into a goal."""

    looks_back = False

    def __init__(self, world: HockeyStrike) -> None:
        super().__init__(world, 1)
        self._puck_x = world.puck_x

    def looks(self) -> list[Array]:
        self.entities[self.world.puck, OUTCOME] = self.extra
        return [self.entities]

    def see(
        self, before: Numbers, action: Numbers, state: Numbers
    ) -> tuple[Obs, dict[str, Any]] | None:
        del before, action
        if not self.within(state):
            return None
        x = state[self._puck_x]
        outcome = math.copysign(math.trunc(x / LINE), x)
        scored = x >= LINE
        return {"observation": self.shown.look([*state, outcome])[0]}, {
            "reward": 0.0 if scored else -1.0,
            "is_success": scored,
            "success_fraction": float(scored),
        }


class DefendAlone(HockeyAlone):
    """A puck to be kept out of a goal."""

    def __init__(self, world: HockeyDefend) -> None:
        super().__init__(world, 0)
        self._puck_x, self._puck_vx = world.puck_x, int(world.speeds[world.puck, 0])

    def looks(self) -> list[Array]:
        self.entities[self.world.puck, OUTCOME] = self.world.state_size - 1
        return [self.entities]

    def remember(self, before: Numbers, state: Numbers) -> Numbers:
        del before
        outcome = state[-1]
        if state[self._puck_vx] > 0 and outcome == 0:
            outcome = 1.0
        return [-1.0 if state[self._puck_x] <= -LINE else outcome]

    def see(
        self, before: Numbers, action: Numbers, state: Numbers
    ) -> tuple[Obs, dict[str, Any]] | None:
        del action
        if not self.within(state):
            return None
        outcome, saved = state[-1], state[-1] > 0
        return {"observation": self.shown.look(state)[0]}, {
            "reward": outcome if outcome != before[-1] else 0.0,
            "is_success": saved,
            "success_fraction": float(saved),
        }


class _Shown(HockeyAlone):
    """What is seen of a puck that is to pass a place, what of that is achieved, and the goal."""

    world: HockeyGoal

    def looks(self) -> list[Array]:
        puck = self.world.puck
        self.entities[puck, NEAR : AT_Y + 1] = self.world.state_size - 4 + np.arange(4)
        achieved = np.full_like(self.entities, self.extra)  # zero
        achieved[puck, :2] = self.extra + 1, self.extra + 2
        achieved[puck, HIT] = self.extra + 3
        return [self.entities, achieved, self.goals]

    def see(self, before: Numbers, action: Numbers, state: Numbers) -> None:
        """`StruckAlone` scores."""


class StruckAlone(GoalAlone):
    """A puck that is to pass a place."""

    def __init__(self, world: HockeyGoal) -> None:
        super().__init__(world, 1)
        self._shown = _Shown(world, 4)
        self._x, self._y = world.places[world.puck].tolist()
        self._vx = int(world.speeds[world.puck, 0])
        self._first = world.state_size - world.memory
        self._puck = world.puck
        self._near, self._far = clear(RADIUS**2)

    def begin(self, state: Array, constants: Array, goal: Array) -> None:
        self._shown.begin(state, constants, goal)
        self._to_x, self._to_y = goal[self._puck, :2].tolist()
        self._asked = goal[self._puck, HIT].item()

    def control(self, state: Numbers, action: Numbers) -> Numbers | None:
        return self._shown.control(state, action)

    def remember(self, before: Numbers, state: Numbers) -> Sequence[float] | None:
        to_x, to_y, near, hit, at_x, at_y = state[self._first :]
        x0, y0, x1, y1 = before[self._x], before[self._y], state[self._x], state[self._y]
        dx, dy, way_x, way_y = x1 - x0, y1 - y0, to_x - x0, to_y - y0
        share = (way_x * dx + way_y * dy) / (dx * dx + dy * dy + 1e-12)
        if not math.isfinite(share):
            return None
        share = min(max(share, 0.0), 1.0)
        miss_x, miss_y = share * dx - way_x, share * dy - way_y
        now = miss_x * miss_x + miss_y * miss_y <= RADIUS**2
        now = now and state[self._vx] > 0 and near > 0 and hit == 0
        near += x1 < 0 and near == 0
        at_x, at_y = at_x + now * (x0 + share * dx), at_y + now * (y0 + share * dy)
        return [to_x, to_y, near, hit + now, at_x, at_y]

    def look(self, state: Numbers) -> Array | None:
        if not self._shown.within(state):
            return None
        near, hit, at_x, at_y = state[self._first + 2 :]
        x, y = (at_x, at_y) if hit > 0 else (state[self._x], state[self._y])
        struck = hit > 0 or (state[self._vx] > _LEAST and near > 0)
        self._at = x, y, struck
        return self._shown.shown.look([*state, 0.0, x, y, struck])

    def solved(self, state: Numbers) -> int | None:
        del state
        x, y, struck = self._at
        if not (self._to_x or self._to_y) or struck < self._asked:
            return 0
        dx, dy = x - self._to_x, y - self._to_y
        square = dx * dx + dy * dy
        if square < self._near:
            return 1
        return 0 if square > self._far else None
