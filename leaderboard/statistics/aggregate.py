"""One number of many tasks: mean, median, interquartile mean and optimality gap, with intervals.

Scores are (R, T): runs (training seeds) by tasks, NaN where a task has fewer runs than others; 0 is
what chance reaches and 1 the expert. All are as in Agarwal et al., "Deep Reinforcement Learning at
the Edge of the Statistical Precipice", NeurIPS 2021.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from entitybench.leaderboard.statistics import bootstrap
from entitybench.leaderboard.statistics.intervals import (
    LEVEL,
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
EPISODES = "stratified bootstrap over training seeds and their episodes"


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

    Training seeds are drawn anew within each task, as many as it has. Of tasks with one there is
    nothing to draw from: where there is such a task the episodes of each seed are drawn anew too,
    and `method` says so; that says nothing about other training seeds.

    The percentiles are put right for few runs as `intervals.resampled` says, the degrees of freedom
    being those of all tasks together.

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
    count, freedom = min(map(len, kept)), sum(len(x) - 1 for x in kept)
    if count > 1:
        samples = bootstrap.stratified(aggregates, scores, replicates=replicates)
        method = SEEDS
    elif max(x.shape[1] for x in kept) > 1:
        samples = bootstrap.nested(aggregates, kept, replicates=replicates)
        count = min(int((~np.isnan(x)).sum()) for x in kept)
        method, freedom = EPISODES, sum(int((~np.isnan(x)).sum()) - 1 for x in kept)
    else:
        return {
            name: without(float(x), ONE_SEED, 1) for name, x in zip(AGGREGATES, found, strict=True)
        }
    ends = dict.fromkeys(AGGREGATES, bounds)
    ends["optimality_gap"] = max(0.0, TARGET - bounds[1]), max(0.0, TARGET - bounds[0])
    put_right = partial(resampled, method=method, count=count, level=level, freedom=freedom)
    return {
        name: put_right(float(x), samples[:, k]).within(*ends[name])
        for k, (name, x) in enumerate(zip(AGGREGATES, found, strict=True))
    }


def padded(runs: Sequence[Array]) -> Array:
    """Scores (R, T) of runs (R_t,) of each task, NaN where a task has fewer."""
    scores = np.full((max(map(len, runs)), len(runs)), np.nan)
    for k, each in enumerate(runs):
        scores[: len(each), k] = each
    return scores
