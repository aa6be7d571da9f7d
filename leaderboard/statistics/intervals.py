"""Means and differences with an interval; the training seed is the unit wherever there are two.

An interval over training seeds is Student's t, but never narrower than what the episodes leave open
by themselves: few seeds agree by chance, and then t calls certain what is not. Where nothing
varies, there is no interval, and its `method` says why.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from entitybench.leaderboard.statistics import bootstrap, proportions
from entitybench.leaderboard.statistics.student import hall, normal_quantile, t_quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.types import Array

LEVEL = 0.95
SEEDS = "student-t over training seeds"
BOOTSTRAP = "hierarchical bootstrap"
NONE = "no interval"  # what the method of an estimate without one begins with
SAME = f"{NONE}: all values are equal"
ALONE = f"{NONE}: there is one value"
ONE_SEED = f"{NONE}: there is one training seed"
INFINITE = f"{NONE}: a value is infinite"
_SKEWED = 10  # values of which the skewness tells something
_ROUNDING = 1e-12  # relative: what equal values may differ by after a mean


@dataclass(frozen=True)
class Interval:
    """An estimate and its confidence interval. All NaN where there is no data.

    Only the ends are NaN where nothing can be said of them: `method` begins with NONE.
    """

    mean: float
    low: float
    high: float
    method: str  # "student-t over training seeds", "wilson over episodes", …
    count: int  # units: training seeds or episodes

    @property
    def half(self) -> float:
        """Half the width."""
        return (self.high - self.low) / 2

    def within(self, least: float, most: float) -> Interval:
        """Without what is impossible; the estimate stays inside."""
        if math.isnan(self.low):
            return self
        low, high = max(self.low, min(least, self.mean)), min(self.high, max(most, self.mean))
        return replace(self, low=low, high=high)


NO_DATA = Interval(math.nan, math.nan, math.nan, "no data", 0)


def without(mean: float, why: str, count: int) -> Interval:
    """An estimate that has no interval."""
    return Interval(mean, math.nan, math.nan, why, count)


def seed_means(values: Array) -> Array:
    """(S,) means of values (S, E) over episodes that are there; NaN for a seed without any."""
    present = ~np.isnan(values)
    count = present.sum(-1)
    total = np.where(present, values, 0).sum(-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def student(means: Array, level: float = LEVEL) -> Interval:
    """Student's t over two or more training seeds (S,); none where they are all equal."""
    count = len(means)
    mean = float(np.mean(means))
    if _equal(means):
        return without(mean, SAME, count)
    error = float(np.std(means, ddof=1)) / math.sqrt(count)
    half = t_quantile((1 + level) / 2, count - 1) * error
    return Interval(mean, mean - half, mean + half, SEEDS, count)


def over_seeds(means: Array, level: float = LEVEL) -> Interval:
    """Of one number a training seed (S,), NaN where it has none: Student's t where there are two.

    No interval of one, or of what is not finite.
    """
    kept = means[~np.isnan(means)]
    if not len(kept):
        return NO_DATA
    if not np.isfinite(kept).all():
        with np.errstate(invalid="ignore"):
            return without(float(np.mean(kept)), INFINITE, len(kept))
    return student(kept, level) if len(kept) > 1 else without(float(kept[0]), ALONE, 1)


def _yes_or_no(values: Array) -> bool:
    return bool(((values == 0) | (values == 1)).all())


def _equal(values: Array) -> bool:
    return bool(np.ptp(values) <= _ROUNDING * max(1.0, float(np.abs(values).max())))


def wilson(successes: int, count: int, level: float = LEVEL) -> Interval:
    """Wilson's score interval of a proportion."""
    ends = proportions.wilson(successes, count, level)
    return Interval(successes / count, *ends, "wilson over episodes", count)


def share(successes: int, count: int, level: float = LEVEL) -> Interval:
    """The exact interval of a proportion."""
    ends = proportions.exact(successes, count, level)
    return Interval(successes / count, *ends, "clopper-pearson over episodes", count)


def over_episodes(values: Array, level: float = LEVEL, *, trials: bool) -> Interval:
    """The mean of values (E,) without NaN.

    Student's t, and Hall's where that goes further, since returns and times of a few episodes are
    skewed.

    Args:
        values: of episodes.
        level: of confidence.
        trials: they are successes and failures, whose interval is that of a share.
    """
    count = len(values)
    if count == 0:
        return NO_DATA
    mean = float(values.mean())
    if trials:
        return share(int(values.sum()), count, level)
    if count == 1:
        return without(mean, ALONE, 1)
    if _equal(values):
        return without(mean, SAME, count)
    half = student(values, level).half
    low, high = hall(values, level) if count >= _SKEWED else (mean, mean)
    ends = min(low, mean - half), max(high, mean + half)
    return Interval(mean, *ends, "student-t over episodes", count)


def interval(values: Array, level: float = LEVEL, *, of_share: bool = True) -> Interval:
    """The mean of values (S, E) over training seeds, with its interval.

    With one training seed there is nothing to say about others: the interval is over its episodes,
    and `method` says so.

    Args:
        values: (S, E), NaN where there is none.
        level: of confidence.
        of_share: the values lie in [0, 1]. Returns that are all 1 may be something else next time.
    """
    episodes = values[~np.isnan(values)]
    trials = _yes_or_no(episodes) and (of_share or not (len(episodes) and _equal(episodes)))
    return _both(values, over_episodes(episodes, level, trials=trials), level)


def _both(values: Array, episodes: Interval, level: float) -> Interval:
    """Over training seeds, and at least as wide as over episodes."""
    means = seed_means(values)
    kept = means[~np.isnan(means)]
    if len(kept) < 2:
        return episodes
    seeds = student(kept, level)
    if math.isnan(episodes.low):
        return seeds
    if math.isnan(seeds.low):
        return replace(episodes, mean=seeds.mean)
    if seeds.low <= episodes.low and episodes.high <= seeds.high:
        return seeds
    low, high = min(seeds.low, episodes.low), max(seeds.high, episodes.high)
    return Interval(seeds.mean, low, high, f"{seeds.method}, {episodes.method}", seeds.count)


def difference(a: Array, b: Array, level: float = LEVEL) -> Interval:
    """The mean of a − b, both (S, E): paired by episode within training seeds.

    Student's t over these, at least as wide as over all paired episodes (Bonett and Price of yes/no
    values); with one training seed over its paired episodes.
    """
    paired = a - b  # NaN where either is missing
    there = ~np.isnan(paired)
    found = over_episodes(paired[there], level, trials=False)
    if there.any() and _yes_or_no(a[there]) and _yes_or_no(b[there]):
        won, lost = int((paired[there] > 0).sum()), int((paired[there] < 0).sum())
        ends = proportions.paired(won, lost, found.count, level)
        found = Interval(found.mean, *ends, "bonett-price over episodes", found.count)
    found = replace(found, method=found.method.replace("over episodes", "over paired episodes"))
    return _both(paired, found, level)


def gap(a: Array, b: Array, level: float = LEVEL, *, of_share: bool = True) -> Interval:
    """The mean of a − b, (S, E) and (S, F): of other episodes, paired by training seeds alone.

    Such as a public bank of starts and a hidden one. Student's t over training seeds, at least as
    wide as over all episodes of both, whose intervals are put together as Zou and Donner do
    ("Construction of confidence limits about effect measures", Statistics in Medicine 2008).

    Args:
        a: NaN where there is none.
        b: likewise, of the same training seeds in the same order.
        level: of confidence.
        of_share: the values lie in [0, 1].
    """
    both = [x[~np.isnan(x)] for x in (a, b)]
    if min(map(len, both)) == 0:
        return NO_DATA
    trials = of_share and all(map(_yes_or_no, both))
    one, other = (over_episodes(x, level, trials=trials) for x in both)
    by_seed = seed_means(a) - seed_means(b)
    return _both(by_seed[:, None], apart(one, other), level)


def apart(one: Interval, other: Interval) -> Interval:
    """The difference of two means whose intervals are of independent values.

    None where both have none; of shares by Wilson's intervals it is Newcombe's method 10 (1998).
    """
    found, count = one.mean - other.mean, min(one.count, other.count)
    ends = [
        (x.mean if math.isnan(x.low) else x.low, x.mean if math.isnan(x.low) else x.high)
        for x in (one, other)
    ]
    (low, high), (least, most) = ends
    if low == high and least == most:
        return without(found, SAME, count)
    below = math.hypot(one.mean - low, most - other.mean)
    above = math.hypot(high - one.mean, other.mean - least)
    method = one.method if not math.isnan(one.low) else other.method
    return Interval(found, found - below, found + above, f"zou-donner of {method}", count)


def hierarchical(
    values: Array, level: float = LEVEL, *, replicates: int = bootstrap.REPLICATES
) -> Interval:
    """The hierarchical bootstrap of values or paired differences (S, E): seeds, then episodes.

    None of one training seed.
    """
    kept = values[~np.isnan(values).all(-1)]
    if len(kept) == 0:
        return NO_DATA
    mean = float(np.mean(seed_means(kept)))
    if len(kept) == 1:
        return without(mean, ONE_SEED, 1)
    samples = bootstrap.hierarchical(kept, replicates=replicates)
    return resampled(mean, samples, BOOTSTRAP, len(kept), level)


def over_tasks(
    values: Sequence[Array], level: float = LEVEL, *, replicates: int = bootstrap.REPLICATES
) -> Interval:
    """The hierarchical bootstrap of the mean over tasks of values (S_t, E_t): tasks stay.

    None where a task has one training seed.
    """
    kept = [x[~np.isnan(x).all(-1)] for x in values]
    if not kept or min(map(len, kept)) == 0:
        return NO_DATA
    mean, count = float(np.mean([np.mean(seed_means(x)) for x in kept])), min(map(len, kept))
    if count == 1:
        return without(mean, ONE_SEED, 1)
    samples = bootstrap.over_tasks(kept, replicates=replicates)
    freedom = sum(len(x) - 1 for x in kept)
    return resampled(mean, samples, BOOTSTRAP, count, level, freedom=freedom)


def resampled(
    mean: float,
    samples: Array,
    method: str,
    count: int,
    level: float = LEVEL,
    *,
    freedom: int | None = None,
) -> Interval:
    """Percentiles of bootstrap samples (replicates,) of `count` units, NaN left out.

    Percentiles are too narrow for few units: their spread lacks (count - 1) / count of the
    variance, and they know of no t (Hesterberg, "What teachers should know about the bootstrap",
    The American Statistician 2015). Both are put right by how far the ends lie from the mean. None
    of one unit, or where all samples are equal.

    Args:
        mean: the estimate.
        samples: of it.
        method: what the interval is called.
        count: units that were drawn from, in each stratum.
        level: of confidence.
        freedom: degrees of freedom of the spread; None: those of one stratum, count - 1.
    """
    kept = samples[~np.isnan(samples)]
    if not len(kept) or _equal(kept):
        return without(mean, SAME if len(kept) else NONE, count)
    if count < 2:
        return without(mean, ALONE, count)
    low, high = bootstrap.percentiles(kept, level)
    upper = (1 + level) / 2
    t = t_quantile(upper, count - 1 if freedom is None else freedom)
    wider = math.sqrt(count / (count - 1)) * t / normal_quantile(upper)
    return Interval(mean, mean - wider * (mean - low), mean + wider * (high - mean), method, count)
