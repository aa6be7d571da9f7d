"""Worlds of teams number by number; see envs/core/alone.py."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.core.alone import Alone
from entitybench.envs.team.pushbox import CHANGING, NOTES, NUMBERS, SPEED_BOUND, notes
from entitybench.envs.team.pushbox_sizes import ARENA, ROBOTS

if TYPE_CHECKING:
    from entitybench.envs.core.alone import Numbers
    from entitybench.envs.team.pushbox import PushboxWorld
    from entitybench.types import Array

_INSIDE = ARENA + 0.09  # m, a little less than where places are cut
_PLACED = CHANGING.index("placed")


class PushboxAlone(Alone):
    """Three robots and a box."""

    looks_back = False

    def __init__(self, world: PushboxWorld) -> None:
        self._told = world.told.tolist()
        self._noted = world.noted.start
        # What is seen, and after it two of the scores.
        scores = [self._noted + CHANGING.index(name) for name in ("reward", "share")]
        this, less = world.picked
        self._this = np.concatenate([this, scores])
        self._less = np.concatenate([less, [self._noted + NOTES.index("zero")] * 2])
        self._shape = world.entities, world.features
        first, size = world.entities * world.features, len(world.agent_feature_names)
        self._entities, self._scores = slice(first), slice(len(this), None)
        self._agents = [slice(first + i * size, first + (i + 1) * size) for i in range(ROBOTS)]
        # Within these nothing that is seen is cut; beyond, arrays say.
        limits = dict.fromkeys([*world.robots.ravel().tolist(), *world.box[:2].tolist()], _INSIDE)
        speed, turning = SPEED_BOUND
        limits |= zip(world.rates, [speed] * 8 + [turning], strict=True)
        self._limits = list(limits.items())

    def begin(self, state: Array, constants: Array, goal: Array) -> None:
        del constants, goal
        self._state = state

    def control(self, state: Numbers, action: Numbers) -> Numbers:
        del state
        pushes: list[float] = []
        for i in range(0, len(action), 2):
            x, y = action[i], action[i + 1]
            long = sqrt(x * x + y * y)
            pushes += (x / long, y / long) if long > 1.0 else (x, y)
        return pushes

    def remember(self, before: Numbers, state: Numbers) -> Numbers:
        del before
        told = [state[place] for place in self._told]
        return [*notes(told, NUMBERS), *state[self._noted + len(CHANGING) :]]

    def see(
        self, before: Numbers, action: Numbers, state: Numbers
    ) -> tuple[dict[str, Any], dict[str, Any]] | None:
        del before, action
        for place, most in self._limits:
            if not -most <= state[place] <= most:
                return None
        both = self._state.take(self._this, mode="clip")
        both -= self._state.take(self._less, mode="clip")
        flat = both.astype(np.float32)
        reward, share = flat[self._scores].tolist()
        return {
            "observation": [flat[part] for part in self._agents],
            "state": flat[self._entities].reshape(self._shape),
        }, {
            "reward": [reward] * ROBOTS,
            "is_success": state[self._noted + _PLACED] > 0,
            "success_fraction": share,
        }
