"""Bootstrap intervals and aggregates, vectorised over replicates.

Scores are (R, T): runs by tasks. Episode values are (S, E): training seeds by episodes, NaN where a
row is missing. Every function is deterministic: its generator has a fixed path.

Aggregates as in Agarwal et al., "Deep RL at the Edge of the Statistical Precipice", NeurIPS 2021.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Callable

    from entitybench.types import Array

REPLICATES = 10_000
_CHUNK = 500  # replicates held in memory at once


def hierarchical(values: Array, *, replicates: int = REPLICATES) -> Array:
    """Means (replicates,) of data (S, E) drawn anew: training seeds first, then episodes of each.

    A row of NaN only (a seed without data) must have been dropped before.
    """
    rng = generator(0, "bootstrap", "hierarchical")
    seeds, episodes = values.shape
    means = []
    for begin in range(0, replicates, _CHUNK):
        count = min(_CHUNK, replicates - begin)
        rows = rng.integers(seeds, size=(count, seeds, 1))
        columns = rng.integers(episodes, size=(count, seeds, episodes))
        drawn = values[rows, columns]  # (count, S, E)
        present = ~np.isnan(drawn)
        each = np.where(present, drawn, 0).sum(-1) / np.maximum(present.sum(-1), 1)
        valid = present.any(-1)  # a draw may hold nothing but missing rows
        means.append(np.where(valid, each, 0).sum(-1) / np.maximum(valid.sum(-1), 1))
    return np.concatenate(means)


def percentiles(samples: Array, level: float = 0.95) -> tuple[float, float]:
    """The central interval of bootstrap samples (replicates,)."""
    low, high = np.quantile(samples, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def iqm(scores: Array) -> Array:
    """Interquartile mean of scores (..., R, T) over both last axes: the mean of the middle half.

    A quarter of the values, rounded down, is cut at each end.
    """
    flat = np.sort(scores.reshape(*scores.shape[:-2], -1), axis=-1)
    cut = flat.shape[-1] // 4
    middle: Array = flat[..., cut : flat.shape[-1] - cut].mean(-1)
    return middle


def stratified(
    statistic: Callable[[Array], Array], scores: Array, *, replicates: int = REPLICATES
) -> Array:
    """A statistic of scores (R, T), runs drawn anew within each task: (replicates, …)."""
    rng = generator(0, "bootstrap", "stratified")
    runs, tasks = scores.shape
    out = []
    for begin in range(0, replicates, _CHUNK):
        count = min(_CHUNK, replicates - begin)
        rows = rng.integers(runs, size=(count, runs, tasks))
        out.append(statistic(np.take_along_axis(scores[None], rows, axis=1)))
    return np.concatenate(out)


def probability_of_improvement(a: Array, b: Array) -> Array:
    """P(a random run of a beats one of b), ties half, for (..., R, T) each, averaged over tasks."""
    wins = np.sign(a[..., :, None, :] - b[..., None, :, :])
    probability: Array = 0.5 + 0.5 * wins.mean((-3, -2, -1))
    return probability


def profile(scores: Array, thresholds: Array) -> Array:
    """Performance profile: the share of scores (..., R, T) above each threshold (K,), (..., K)."""
    above = scores[..., None] > thresholds
    share: Array = above.mean((-3, -2))
    return share
