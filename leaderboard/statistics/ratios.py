"""The interval of a ratio of two means, by Fieller's method."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from entitybench.leaderboard.statistics.intervals import (
    LEVEL,
    NONE,
    Interval,
    interval,
    seed_means,
    without,
)

if TYPE_CHECKING:
    from entitybench.types import Array

NEAR_ZERO = f"{NONE}: the divisor may be 0"
_DOUBLINGS, _HALVINGS = 60, 16


def of_means(x: Array, y: Array, level: float = LEVEL) -> Interval:
    """The mean of x over that of y, both (S, E), paired by episode within training seeds.

    Fieller, "Some problems in interval estimation", JRSS B 1954: those ratios r for which the
    interval of the mean of x - r y holds 0. There is none where the divisor's interval holds 0,
    since the ratios that the values allow have no bound then.

    Args:
        x: finite, or NaN where there is none.
        y: likewise; its mean is not 0.
        level: of confidence.
    """
    gap = np.isnan(x) | np.isnan(y)
    x, y = np.where(gap, np.nan, x), np.where(gap, np.nan, y)
    below = float(np.nanmean(seed_means(y)))
    ratio = float(np.nanmean(seed_means(x))) / below
    whole = _of(y, level)
    if whole.low <= 0 <= whole.high:
        return without(ratio, NEAR_ZERO, whole.count)
    found = _of(x - ratio * y, level)
    if math.isnan(found.low):
        return without(ratio, found.method, found.count)
    ends = [_end(x, y, ratio, sign * found.half / abs(below), level) for sign in (-1, 1)]
    if not np.isfinite(ends).all():
        return without(ratio, NEAR_ZERO, found.count)
    return Interval(ratio, ends[0], ends[1], f"fieller, {found.method}", found.count)


def _of(values: Array, level: float) -> Interval:
    return interval(values, level, of_share=False)


def _end(x: Array, y: Array, ratio: float, step: float, level: float) -> float:
    """The last ratio in the direction of `step` that the values allow; infinite where none is."""

    def allowed(away: float) -> bool:
        found = _of(x - (ratio + away) * y, level)
        return abs(found.mean) < 1e-12 if math.isnan(found.low) else found.low <= 0 <= found.high

    for _ in range(_DOUBLINGS):
        if not allowed(step):
            break
        step *= 2
    else:
        return math.inf
    inside, outside = 0.0, step
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if allowed(middle) else (inside, middle)
    return ratio + outside
