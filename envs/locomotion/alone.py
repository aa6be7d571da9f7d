"""Locomotion number by number; see envs/core/alone.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.core.alone import Alone, Gathered, float32
from entitybench.envs.locomotion.maze import FORCE, GOAL_RADIUS
from entitybench.envs.locomotion.world import Hopper, Upright

if TYPE_CHECKING:
    from entitybench.envs.core.alone import Numbers
    from entitybench.envs.locomotion.maze import PointMaze
    from entitybench.envs.locomotion.world import Planar
    from entitybench.types import Array, Obs


class RunAlone(Alone):
    """A robot in the plane that is to run along x."""

    def __init__(self, world: Planar) -> None:
        self._limit, self._weight, self._dt = world.limit, world.ctrl_weight, world.control_dt
        self._distance = world.distance
        self._velocities = slice(world.seen.start + world.size, world.seen.stop)
        self._falls = isinstance(world, Upright)
        self._hops = isinstance(world, Hopper)
        self._shown = Gathered(world.state_size, 0, np.arange(world.state_size)[None, world.seen])

    def begin(self, state: Array, constants: Array, goal: Array) -> None:
        """Nothing changes from one to another."""

    def control(self, state: Numbers, action: Numbers) -> Numbers:
        del state
        return action

    def see(
        self, before: Numbers, action: Numbers, state: Numbers
    ) -> tuple[Obs, dict[str, Any]] | None:
        limit = self._limit
        for velocity in state[self._velocities]:
            if not -limit <= velocity <= limit:
                return None
        square = 0.0
        for force in action:  # one after the other, as numpy adds up so few; `sum` need not
            square += force * force
        cost = self._weight * square
        x = state[0]
        reward, success = (x - before[0]) / self._dt, x >= self._distance
        scores: dict[str, Any] = {}
        if self._falls:
            stands = self._stands(state)
            reward, success = reward + stands * 1.0, success and stands
            scores["terminated"] = not stands
        scores["reward"] = float32(reward + -cost)
        scores["is_success"] = success
        scores["success_fraction"] = float32(min(max(x / self._distance, 0.0), 1.0))
        return {"observation": self._shown.look(state)[0]}, scores

    def _stands(self, state: Numbers) -> bool:
        z, pitch = state[1], abs(state[2])
        if not self._hops:
            return 0.8 < z < 2.0 and pitch < 1.0
        for one in state[2:]:
            if not -100.0 < one < 100.0:
                return False
        return z > 0.7 and pitch < 0.2


class MazeAlone(Alone):
    """A point that is to come to a region."""

    looks_back = False

    def __init__(self, world: PointMaze) -> None:
        self._most = [float(most) for most in world.limit]
        self._goal = world.goal.tolist()
        seen = 4 + np.arange(world.entities * world.features).reshape(world.entities, -1)
        seen[0, :4] = range(4)
        self._shown = Gathered(4, seen.size, seen)

    def begin(self, state: Array, constants: Array, goal: Array) -> None:
        del state, goal
        self._shown.staying[:] = constants.ravel()

    def control(self, state: Numbers, action: Numbers) -> Numbers:
        del state
        return [action[0] * FORCE, action[1] * FORCE]

    def see(
        self, before: Numbers, action: Numbers, state: Numbers
    ) -> tuple[Obs, dict[str, Any]] | None:
        del before, action
        for number, most in zip(state, self._most, strict=True):
            if not -most <= number <= most:
                return None
        dx, dy = state[0] - self._goal[0], state[1] - self._goal[1]
        there = dx * dx + dy * dy <= GOAL_RADIUS**2
        return {"observation": self._shown.look(state)[0]}, {
            "reward": float(there),
            "is_success": there,
            "success_fraction": float(there),
            "terminated": there,
        }
