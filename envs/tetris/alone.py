"""Worlds of tetrominoes number by number; see envs/core/alone.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entitybench.envs.core.alone import within
from entitybench.envs.parts.pushed import PushedAlone
from entitybench.envs.tetris.shapes import NEAR, SYMMETRY, coverage_of_one
from entitybench.envs.tetris.world import COVERED, REACH, shapes_of

if TYPE_CHECKING:
    from entitybench.envs.core.alone import Numbers
    from entitybench.envs.tetris.world import TetrisWorld
    from entitybench.types import Array


class TetrisAlone(PushedAlone):
    """Pieces that have poses to be in."""

    def __init__(self, world: TetrisWorld) -> None:
        super().__init__(world, REACH, world.places, world.yaws)

    def factors(self, constants: Array) -> list[float]:
        factors: list[float] = SYMMETRY[shapes_of(constants[1:])].astype(float).tolist()
        return factors

    def begin(self, state: Array, constants: Array, goal: Array) -> None:
        super().begin(state, constants, goal)
        self._goals = list(
            zip(self.places, shapes_of(goal[1:]).tolist(), goal[1:, :4].tolist(), strict=True)
        )

    def solved(self, state: Numbers, observed: Array) -> int | None:
        count = 0
        for row, ((x, y), shape, there) in enumerate(self._goals, 1):
            dx, dy = state[x] - there[0], state[y] - there[1]
            near = within(dx * dx + dy * dy, NEAR**2)
            if near is None:
                return None
            if near:
                # Of what is observed, in single precision.
                count += coverage_of_one(shape, observed[row, :4].tolist(), there) >= COVERED
        return count
