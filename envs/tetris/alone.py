"""Worlds of tetrominoes number by number; see envs/core/alone.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entitybench.envs.core.alone import clear
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
        self._near, self._far = clear(NEAR**2)

    def factors(self, constants: Array) -> list[float]:
        factors: list[float] = SYMMETRY[shapes_of(constants[1:])].astype(float).tolist()
        return factors

    def begin(self, state: Array, constants: Array, goal: Array) -> None:
        super().begin(state, constants, goal)
        self._goals = list(
            zip(
                (at + turned for at, turned in zip(self.places, self.turned, strict=True)),
                shapes_of(goal[1:]).tolist(),
                goal[1:, :4].tolist(),
                strict=True,
            )
        )

    def count(self, state: Numbers) -> int | None:
        count, seen = 0, self.shown.numbers
        for at, shape, there in self._goals:
            dx, dy = state[at[0]] - there[0], state[at[1]] - there[1]
            square = dx * dx + dy * dy
            if square < self._near:
                # Of what is observed, in single precision.
                here = [seen[place] for place in at]
                count += coverage_of_one(shape, here, there) >= COVERED
            elif not square > self._far:
                return None
        return count
