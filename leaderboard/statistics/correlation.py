"""Correlation of two samples (n,): Pearson's, and Spearman's by ranks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from entitybench.leaderboard.statistics.student import normal_quantile

if TYPE_CHECKING:
    from entitybench.types import Array


def pearson(x: Array, y: Array) -> float:
    """In [-1, 1]; NaN where one of them is constant or there are fewer than two pairs."""
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return math.nan
    a, b = x - x.mean(), y - y.mean()
    found = float(a @ b) / math.sqrt(float(a @ a) * float(b @ b))
    return min(1.0, max(-1.0, found))


def spearman(x: Array, y: Array) -> float:
    """Pearson's of ranks."""
    return pearson(ranks(x), ranks(y))


def ranks(x: Array) -> Array:
    """From 1, equal values sharing the mean of theirs."""
    _, place, count = np.unique(x, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    shared: Array = (last - (count - 1) / 2)[place]
    return shared


def interval(found: float, pairs: int, level: float = 0.95) -> tuple[float, float]:
    """Fisher's interval by z = artanh r; NaN with fewer than four pairs or a correlation of ±1."""
    if math.isnan(found) or abs(found) == 1 or pairs < 4:
        return math.nan, math.nan
    z, half = math.atanh(found), normal_quantile((1 + level) / 2) / math.sqrt(pairs - 3)
    return math.tanh(z - half), math.tanh(z + half)
