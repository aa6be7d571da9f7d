"""One number of many tasks: mean, median, interquartile mean and optimality gap, with intervals.

Scores are (R, T): runs (training seeds) by tasks, NaN where a task has fewer runs than others; 0 is
what chance reaches and 1 the expert. All are as in Agarwal et al., "Deep Reinforcement Learning at
the Edge of the Statistical Precipice", NeurIPS 2021.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from entitybench.leaderboard.statistics import bootstrap
from entitybench.leaderboard.statistics.intervals import (
    LEVEL,
    NO_DATA,
    ONE_SEED,
    Interval,
    resampled,
    seed_means,
    without,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.types import Array

TARGET = 1.0  # the score beyond which nothing is gained for the optimality gap
AGGREGATES = ("iqm", "mean", "median", "optimality_gap")
SEEDS = "stratified bootstrap over training seeds"
EPISODES = "stratified bootstrap over episodes"
_FEW = 2_000  # replicates of episodes, of which each is many draws


def task_means(scores: Array) -> Array:
    """(..., T) means of scores (..., R, T) over the runs that are there."""
    there = ~np.isnan(scores)
    if there.all():
        return scores.mean(-2)
    return np.where(there, scores, 0).sum(-2) / there.sum(-2)


def mean(scores: Array) -> Array:
    """Of the means of tasks: (...) of scores (..., R, T)."""
    return task_means(scores).mean(-1)


def median(scores: Array) -> Array:
    """Of the means of tasks: (...) of scores (..., R, T)."""
    return np.median(task_means(scores), axis=-1)


def iqm(scores: Array) -> Array:
    """Interquartile mean of scores (..., R, T) over both last axes: the mean of the middle half.

    A quarter of the values, rounded down, is cut at each end. Where tasks have different numbers of
    runs each task weighs the same, and what lies across a quartile counts in part.
    """
    flat = scores.reshape(*scores.shape[:-2], -1)
    if np.isnan(flat).any():
        return _weighted(scores)
    flat = np.sort(flat, axis=-1)
    cut = flat.shape[-1] // 4
    return flat[..., cut : flat.shape[-1] - cut].mean(-1)


def _weighted(scores: Array) -> Array:
    """The interquartile mean where a run weighs one part of its task's runs."""
    there = ~np.isnan(scores)
    weights = there / np.maximum(there.sum(-2, keepdims=True), 1) / scores.shape[-1]
    shape = (*scores.shape[:-2], -1)
    flat, weights = np.where(there, scores, 0).reshape(shape), weights.reshape(shape)
    order = np.argsort(flat, axis=-1)
    flat, weights = (np.take_along_axis(x, order, axis=-1) for x in (flat, weights))
    upto = np.cumsum(weights, axis=-1)
    inside = np.clip(np.minimum(upto, 0.75) - np.maximum(upto - weights, 0.25), 0, None)
    return (inside * flat).sum(-1) / inside.sum(-1)


def optimality_gap(scores: Array) -> Array:
    """What scores (..., R, T) lack of TARGET on average, none making up for another."""
    return TARGET - mean(np.minimum(scores, TARGET))


def aggregates(scores: Array) -> Array:
    """(..., 4): AGGREGATES of scores (..., R, T), in their order."""
    return np.stack([f(scores) for f in (iqm, mean, median, optimality_gap)], axis=-1)


def summary(
    values: Sequence[Array],
    *,
    bounds: tuple[float, float] = (-math.inf, math.inf),
    level: float = LEVEL,
    replicates: int = bootstrap.REPLICATES,
) -> dict[str, Interval]:
    """AGGREGATES by name, with intervals that end where the possible does.

    Training seeds are drawn anew within each task, as many as it has; the percentiles are put right
    for few of them as `intervals.resampled` says, the degrees of freedom being those of all tasks
    together. No interval is narrower than the one over episodes, which are drawn anew within each
    training seed: few seeds agree by chance. Where a task has one seed that is all there is, and
    `method` says so: it says nothing about other training seeds.

    Args:
        values: of each task scores (R, E) of episodes, NaN where one is missing; (R, 1) where
            there is but one number a training seed. R may differ.
        bounds: what a score lies between.
        level: of confidence.
        replicates: of the bootstrap.
    """
    kept = [x[~np.isnan(x).all(-1)] for x in values]
    if not kept or min(map(len, kept)) == 0:
        raise ValueError("an aggregate is of one task or more, each with a score")
    scores = padded([seed_means(x) for x in kept])
    found = aggregates(scores)
    runs, episodes = min(map(len, kept)), max(x.shape[1] for x in kept)
    parts = []
    if runs > 1:
        samples = bootstrap.stratified(aggregates, scores, replicates=replicates)
        freedom = sum(len(x) - 1 for x in kept)
        parts.append(partial(_interval, found, samples, SEEDS, runs, level, freedom))
    if episodes > 1:
        samples = bootstrap.of_episodes(aggregates, kept, replicates=min(replicates, _FEW))
        each = [(~np.isnan(x)).sum(-1) for x in kept]
        least, freedom = min(int(x.min()) for x in each), sum(int((x - 1).sum()) for x in each)
        parts.append(partial(_interval, found, samples, EPISODES, least, level, freedom))
    ends = dict.fromkeys(AGGREGATES, bounds)
    ends["optimality_gap"] = max(0.0, TARGET - bounds[1]), max(0.0, TARGET - bounds[0])
    return {
        name: _widest(float(found[k]), [part(k) for part in parts]).within(*ends[name])
        for k, name in enumerate(AGGREGATES)
    }


def _interval(
    found: Array, samples: Array, method: str, count: int, level: float, freedom: int, k: int
) -> Interval:
    """Of the k-th aggregate; it holds the estimate, also where the samples lean to one side.

    As those of the optimality gap do near 0, where no score makes up for another.
    """
    own, freedom = float(found[k]), max(1, freedom)
    part = resampled(own, samples[:, k], method, count, level, freedom=freedom)
    return replace(part, low=min(part.low, own), high=max(part.high, own))


def _widest(found: float, parts: Sequence[Interval]) -> Interval:
    """The first that has an interval, or where another goes further both together."""
    there = [part for part in parts if not math.isnan(part.low)]
    if not there:
        return parts[0] if parts else without(found, ONE_SEED, 1)
    low, high = min(part.low for part in there), max(part.high for part in there)
    first = there[0]
    same = (first.low, first.high) == (low, high)
    method = first.method if same else ", ".join(part.method for part in there)
    return replace(first, low=low, high=high, method=method)


def together(parts: Sequence[Interval]) -> Interval:
    """The mean of independent estimates, of which each has its interval (Zou and Donner, 2008).

    Half widths add up by their squares; an estimate without an interval adds nothing to them.
    """
    there = [part for part in parts if part.count]
    if not there:
        return NO_DATA
    found = math.fsum(part.mean for part in there) / len(there)
    sides = [(x.mean - x.low, x.high - x.mean) for x in there if not math.isnan(x.low)]
    if not sides:
        return without(found, there[0].method, len(there))
    below, above = (math.hypot(*side) / len(there) for side in zip(*sides, strict=True))
    method = f"zou-donner over {len(there)} tasks"
    return Interval(found, found - below, found + above, method, len(there))


def padded(runs: Sequence[Array]) -> Array:
    """Scores (R, T) of runs (R_t,) of each task, NaN where a task has fewer."""
    scores = np.full((max(map(len, runs)), len(runs)), np.nan)
    for k, each in enumerate(runs):
        scores[: len(each), k] = each
    return scores
