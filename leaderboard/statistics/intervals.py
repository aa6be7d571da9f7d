"""Means and differences with an interval; the training seed is the unit wherever there are two."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from entitybench.leaderboard.statistics import bootstrap
from entitybench.leaderboard.statistics.student import normal_quantile, t_quantile

if TYPE_CHECKING:
    from entitybench.types import Array

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """An estimate and its confidence interval. All NaN where there is no data."""

    mean: float
    low: float
    high: float
    method: str  # "student-t over training seeds", "wilson over episodes", …
    count: int  # units: training seeds or episodes

    @property
    def half(self) -> float:
        """Half the width."""
        return (self.high - self.low) / 2


NO_DATA = Interval(math.nan, math.nan, math.nan, "no data", 0)


def seed_means(values: Array) -> Array:
    """(S,) means of values (S, E) over episodes that are there; NaN for a seed without any."""
    present = ~np.isnan(values)
    count = present.sum(-1)
    total = np.where(present, values, 0).sum(-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def student(means: Array, level: float = LEVEL) -> Interval:
    """Student's t over two or more training seeds (S,)."""
    count = len(means)
    mean = float(np.mean(means))
    error = float(np.std(means, ddof=1)) / math.sqrt(count)
    half = t_quantile((1 + level) / 2, count - 1) * error
    return Interval(mean, mean - half, mean + half, "student-t over training seeds", count)


def wilson(successes: int, count: int, level: float = LEVEL) -> Interval:
    """Wilson's score interval of a proportion."""
    z = normal_quantile((1 + level) / 2)
    share = successes / count
    scale = 1 / (1 + z * z / count)
    centre = scale * (share + z * z / (2 * count))
    half = scale * z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    # At 0 and 1 the interval ends there exactly; rounding must not put the end beyond.
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == count else centre + half
    return Interval(share, low, high, "wilson over episodes", count)


def interval(values: Array, level: float = LEVEL) -> Interval:
    """The mean of values (S, E) over training seeds, with its interval.

    With one training seed there is nothing to say about others: the interval is over its episodes
    (Wilson for yes/no values, else the bootstrap), and `method` says so. So it is for yes/no values
    where all training seeds have the same mean, since Student's t would call that certain.
    """
    means = seed_means(values)
    kept = means[~np.isnan(means)]
    episodes = values[~np.isnan(values)]
    if len(kept) >= 2:
        found = student(kept, level)
        if found.half > 0 or not np.isin(episodes, (0, 1)).all():
            return found
        # Seeds that all score the same (0, mostly) do not make a share certain.
        return wilson(int(episodes.sum()), len(episodes), level)
    if len(episodes) == 0:
        return NO_DATA
    if np.isin(episodes, (0, 1)).all():
        return wilson(int(episodes.sum()), len(episodes), level)
    low, high = bootstrap.percentiles(bootstrap.episodes_only(episodes), level)
    return Interval(float(episodes.mean()), low, high, "bootstrap over episodes", len(episodes))


def difference(a: Array, b: Array, level: float = LEVEL) -> Interval:
    """The mean of a − b, both (S, E): paired by episode within training seeds, then t over these.

    With one training seed: the bootstrap over its paired episodes.
    """
    paired = a - b  # NaN where either is missing
    means = seed_means(paired)
    kept = means[~np.isnan(means)]
    if len(kept) >= 2:
        return student(kept, level)
    episodes = paired[~np.isnan(paired)]
    if len(episodes) == 0:
        return NO_DATA
    low, high = bootstrap.percentiles(bootstrap.episodes_only(episodes), level)
    return Interval(
        float(episodes.mean()), low, high, "bootstrap over paired episodes", len(episodes)
    )


def hierarchical(
    values: Array, level: float = LEVEL, *, replicates: int = bootstrap.REPLICATES
) -> Interval:
    """The hierarchical bootstrap of values or paired differences (S, E): seeds, then episodes."""
    kept = values[~np.isnan(values).all(-1)]
    if len(kept) == 0:
        return NO_DATA
    low, high = bootstrap.percentiles(bootstrap.hierarchical(kept, replicates=replicates), level)
    mean = float(np.mean(seed_means(kept)))
    return Interval(mean, low, high, "hierarchical bootstrap", len(kept))
