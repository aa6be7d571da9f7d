"""What networks read of an observation and a goal: a linear map, found once for a world.

All numbers that can change and do not depend on the episode's own goal; what goals speak of; how
far each entity is from its place, and from the entity that the action drives. In numpy, since
acting needs no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.seeding import generator

if TYPE_CHECKING:
    from entitybench.types import Array

PLACE = ("x", "y", "z")
_STARTS = 16  # episodes whose beginnings tell which features never differ


@dataclass(frozen=True)
class Features:
    """A linear map of observation and goal, and whom the goal is about."""

    matrix: Array  # (2 N D, F) float32
    targets: tuple[int, ...]  # rows of entities that goals speak of and no action drives
    controlled: tuple[int, ...]  # rows that the action drives
    place: tuple[int, ...]  # columns of positions

    @property
    def size(self) -> int:
        """F."""
        return int(self.matrix.shape[1])

    def of(self, observation: Array, goal: Array) -> Array:
        """(..., F) float32 of an observation and a goal, each (..., N D) float32."""
        found: Array = np.concatenate([observation, goal], -1) @ self.matrix
        return found

    def flat(self, observation: Array, goal: Array) -> Array:
        """(B, F) float32 of an observation and a goal, each (B, N, D) float32."""
        return self.of(*(x.reshape(len(x), -1) for x in (observation, goal)))

    @classmethod
    def in_world(cls, world: Any) -> Features:
        """Those of a goal world."""
        n, names = world.entities, tuple(world.feature_names)
        d, place = len(names), tuple(k for k, name in enumerate(names) if name in PLACE)
        made_up = generator(0, "features").uniform(0.1, 1.0, (64, n, d)).astype(np.float32)
        asked = (world.achieved(made_up) != 0).any(0)  # (N, D): what a goal can say
        constants = np.stack([world.start(seed).constants for seed in range(_STARTS)])
        fixed = np.array([name in world.fixed_names for name in names])
        asked = asked & ~fixed
        differs = (constants != constants[:1]).any(0)  # (N, D)
        told = np.array([name in world.told_names for name in names])
        seen = np.where(fixed, differs, ~told)
        # Each column: the weight of numbers of the observation, then of the goal.
        columns: list[dict[int, float]] = [{j * d + k: 1.0} for j, k in np.argwhere(seen)]
        columns += [{n * d + j * d + k: 1.0} for j, k in np.argwhere(asked)]
        columns += [
            {n * d + j * d + k: 1.0, j * d + k: -1.0} for j, k in np.argwhere(asked) if k in place
        ]
        driven = tuple(int(row) for row in world.driven)
        columns += [
            {j * d + k: 1.0, i * d + k: -1.0}
            for i in driven
            for j in range(n)
            if j not in driven
            for k in place
        ]
        matrix = np.zeros((2 * n * d, len(columns)), np.float32)
        for column, parts in enumerate(columns):
            for row, weight in parts.items():
                matrix[row, column] = weight
        targets = tuple(int(j) for j in np.flatnonzero(asked.any(1)) if j not in driven)
        return cls(matrix, targets, driven, place)
