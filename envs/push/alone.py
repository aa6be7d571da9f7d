"""Worlds of blocks number by number; see envs/core/alone.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entitybench.envs.core.alone import CLEAR
from entitybench.envs.parts.pushed import PushedAlone
from entitybench.envs.push.world import REACH

if TYPE_CHECKING:
    from entitybench.envs.core.alone import Numbers
    from entitybench.envs.push.world import PushWorld
    from entitybench.types import Array


class PushAlone(PushedAlone):
    """Blocks that have places to be at."""

    def __init__(self, world: PushWorld) -> None:
        super().__init__(world, REACH, world.places, world.yaws, world.asked)
        square = world.tolerance**2
        self._far, self._close = square * (1 + CLEAR), square * (1 - CLEAR)

    def begin(self, state: Array, constants: Array, goal: Array) -> None:
        super().begin(state, constants, goal)
        self._wanted = goal[1:, :2].tolist()

    def factors(self, constants: Array) -> list[float]:
        del constants
        return [4.0] * len(self.places)

    def solved(self, state: Numbers, observed: Array) -> int | None:
        del observed
        count = 0
        for (x, y), (to_x, to_y) in zip(self.places, self._wanted, strict=True):
            dx, dy = state[x] - to_x, state[y] - to_y
            gap = dx * dx + dy * dy
            if gap < self._close:
                count += 1
            elif not gap > self._far:
                return None
        return count
