"""Worlds of blocks number by number; see envs/core/alone.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.core.alone import CLEAR
from entitybench.envs.parts.pushed import PushedAlone
from entitybench.envs.push.world import IDS, REACH

if TYPE_CHECKING:
    from entitybench.envs.core.alone import Numbers
    from entitybench.envs.push.variants import PushZonesWorld
    from entitybench.envs.push.world import PushWorld
    from entitybench.types import Array


class PushAlone(PushedAlone):
    """Blocks that have places to be at; perhaps among posts."""

    def __init__(self, world: PushWorld) -> None:
        asked = world.asked
        asked[world.rows.stop :] = False
        super().__init__(world, REACH, world.places, world.yaws, asked)
        square = world.tolerance**2
        self._far, self._close = square * (1 + CLEAR), square * (1 - CLEAR)

    def begin(self, state: Array, constants: Array, goal: Array) -> None:
        super().begin(state, constants, goal)
        self._wanted = goal[1 : 1 + len(self.places), :2].tolist()

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


class ZonesAlone(PushedAlone):
    """Blocks one of which is to be in a zone."""

    def __init__(self, world: PushZonesWorld) -> None:
        asked = np.ones((world.entities, world.features), bool)
        asked[0] = asked[world.rows.stop :] = asked[:, 2:4] = False
        places = np.concatenate([world.places, world.zones])
        super().__init__(world, REACH, places, world.yaws, asked, parts=1)
        square = world.tolerance**2
        self._far, self._close = square * (1 + CLEAR), square * (1 - CLEAR)

    def begin(self, state: Array, constants: Array, goal: Array) -> None:
        super().begin(state, constants, goal)
        rows = goal[1 : 1 + len(self.places)]
        self._wanted = [
            (place, row[:2].tolist())
            for place, row in zip(self.places, rows, strict=True)
            if row[4 : 4 + IDS].any()
        ]

    def factors(self, constants: Array) -> list[float]:
        del constants
        return [4.0] * len(self.places)

    def solved(self, state: Numbers, observed: Array) -> int | None:
        del observed
        found = 1
        for (x, y), (to_x, to_y) in self._wanted:
            dx, dy = state[x] - to_x, state[y] - to_y
            gap = dx * dx + dy * dy
            if gap > self._far:
                found = 0
            elif not gap < self._close:
                return None
        return found
