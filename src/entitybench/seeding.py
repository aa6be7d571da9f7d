"""One integer seed -> any number of named, independent generators. Nothing is global.

A stream is named by its path, e.g. `generator(3, "episode", 17)`: the same path gives the same
numbers in every process, whatever else was drawn. So training needs no saved random state (the
stream of update k is `generator(seed, "update", k)`), and an episode's numbers do not depend on
which episodes run beside it.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


def _word(part: int | str) -> int:
    if isinstance(part, str):
        return zlib.crc32(part.encode())
    if part < 0:
        raise ValueError(f"a seed cannot be negative: got {part}")
    return part


def generator(*path: int | str) -> np.random.Generator:
    """An independent generator for a path of non-negative integers and names.

    Integers may have any size; `SeedSequence` hashes the whole path.
    """
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([_word(p) for p in path])))


class BatchGenerator:
    """B generators that answer as one: draws have a leading axis B, row b comes from generator b.

    Gives a policy the interface of `numpy.random.Generator` (`rng.normal(size=(B, 2))`,
    `rng.uniform(-1, 1, (B, 2))`, …) while no row depends on the rows beside it, so that the number
    of episodes that run side by side changes no result.
    """

    def __init__(self, rows: Sequence[np.random.Generator]) -> None:
        self.rows = tuple(rows)

    def __len__(self) -> int:
        return len(self.rows)

    def _rows(self, method: str, *args: Any, size: int | tuple[int, ...]) -> np.ndarray:
        shape = (size,) if isinstance(size, int) else tuple(size)
        if not shape or shape[0] != len(self.rows):
            raise ValueError(f"size must begin with the batch {len(self.rows)}: got {size}")
        return np.stack([getattr(row, method)(*args, size=shape[1:]) for row in self.rows])

    def random(self, size: int | tuple[int, ...]) -> np.ndarray:
        """Uniform on [0, 1)."""
        return self._rows("random", size=size)

    def uniform(
        self, low: float = 0.0, high: float = 1.0, size: int | tuple[int, ...] = 1
    ) -> np.ndarray:
        """Uniform on [low, high)."""
        return self._rows("uniform", low, high, size=size)

    def normal(
        self, loc: float = 0.0, scale: float = 1.0, size: int | tuple[int, ...] = 1
    ) -> np.ndarray:
        """Gaussian."""
        return self._rows("normal", loc, scale, size=size)

    def standard_normal(self, size: int | tuple[int, ...]) -> np.ndarray:
        """Gaussian with mean 0 and deviation 1."""
        return self._rows("standard_normal", size=size)

    def integers(
        self, low: int, high: int | None = None, size: int | tuple[int, ...] = 1
    ) -> np.ndarray:
        """Integers from [low, high), or [0, low) without `high`."""
        return self._rows("integers", low, high, size=size)
