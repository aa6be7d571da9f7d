"""Contacts of robots with what they are to stay clear of: walls, posts, blocks in the way.

Read after a control step from the contacts that the physics has found: nothing is stepped for it.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.core.interactions import owners

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.envs.core.world import World
    from entitybench.types import Array


class Bumps:
    """Whose robots touch an obstacle in a MuJoCo world."""

    def __init__(self, world: World) -> None:
        """`world` has `obstacles`."""
        model = world.model
        robots = np.flatnonzero(np.isin(owners(world), world.driven)).tolist()
        obstacles = [int(model.geom(name).id) for name in world.obstacles]
        both = ((robot, obstacle) for robot in robots for obstacle in obstacles)
        self._pairs = frozenset(pair for a, b in both for pair in ((a, b), (b, a)))
        # Where nothing else can touch, it is enough to count contacts, which costs a fifth.
        self._alone = all(pair in self._pairs for pair in _can_touch(model))

    def of(self, datas: Sequence[Any]) -> Array:
        """(B,) bool, of MuJoCo's data after a step."""
        found = np.zeros(len(datas), bool)
        for row, data in enumerate(datas):
            if data.ncon:
                found[row] = self.among(data)
        return found

    def among(self, data: Any) -> bool:
        """Whether one of an episode's contacts is such a touch; it has contacts."""
        return self._alone or not self._pairs.isdisjoint(map(tuple, data.contact.geom.tolist()))


def _can_touch(model: Any) -> list[tuple[int, int]]:
    """Pairs of geoms (ids, the smaller first) between which MuJoCo may make contacts."""
    kind, with_whom = model.geom_contype, model.geom_conaffinity
    weld = model.body_weldid[model.geom_bodyid]
    return [
        (a, b)
        for a, b in combinations(range(model.ngeom), 2)
        if weld[a] != weld[b] and (kind[a] & with_whom[b] or kind[b] & with_whom[a])
    ]
