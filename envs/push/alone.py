"""Worlds of blocks number by number; see envs/core/alone.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.core.alone import clear
from entitybench.envs.parts.pushed import PushedAlone
from entitybench.envs.push.world import IDS, REACH

if TYPE_CHECKING:
    from entitybench.envs.core.alone import Numbers
    from entitybench.envs.push.variants import PushZonesWorld
    from entitybench.envs.push.world import PushWorld
    from entitybench.types import Array


class PushAlone(PushedAlone):
    """Blocks that have places to be at; perhaps among posts."""

    def __init__(
        self, world: PushWorld, places: Array | None = None, *, parts: int | None = None
    ) -> None:
        """Make it; `places` and `parts` as `PushedAlone`, pusher and blocks by default."""
        places = world.places if places is None else places
        super().__init__(world, REACH, places, world.yaws, parts=parts)
        self._near, self._far = clear(world.tolerance**2)

    def begin(self, state: Array, constants: Array, goal: Array) -> None:
        super().begin(state, constants, goal)
        wanted = goal[1 : 1 + len(self.places), :2].tolist()
        self._wanted = [(*at, *to) for at, to in zip(self.places, wanted, strict=True)]

    def factors(self, constants: Array) -> list[float]:
        del constants
        return [4.0] * len(self.places)

    def count(self, state: Numbers) -> int | None:
        count = 0
        for x, y, to_x, to_y in self._wanted:
            dx, dy = state[x] - to_x, state[y] - to_y
            square = dx * dx + dy * dy
            if square < self._near:
                count += 1
            elif not square > self._far:
                return None
        return count


class ZonesAlone(PushAlone):
    """Blocks one of which is to be in a zone."""

    def __init__(self, world: PushZonesWorld) -> None:
        super().__init__(world, np.concatenate([world.places, world.zones]), parts=1)

    def begin(self, state: Array, constants: Array, goal: Array) -> None:
        super().begin(state, constants, goal)
        ids = goal[1 : 1 + len(self.places), 4 : 4 + IDS]
        self._wanted = [one for one, row in zip(self._wanted, ids, strict=True) if row.any()]

    def count(self, state: Numbers) -> int | None:
        count = super().count(state)
        return None if count is None else int(count == len(self._wanted))
