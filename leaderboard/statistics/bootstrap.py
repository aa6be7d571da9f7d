"""The bootstrap, vectorised over replicates.

Scores are (R, T): runs by tasks, NaN where a task has fewer runs than others. Episode values are
(S, E): training seeds by episodes, NaN where a row is missing. Every function is deterministic: its
generator has a fixed path.

The stratified bootstrap, performance profiles and the probability of improvement are as in Agarwal
et al., "Deep Reinforcement Learning at the Edge of the Statistical Precipice", NeurIPS 2021.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.random import Generator

    from entitybench.types import Array

REPLICATES = 10_000
_CHUNK = 500  # replicates held in memory at once


def hierarchical(values: Array, *, replicates: int = REPLICATES) -> Array:
    """Means (replicates,) of data (S, E) drawn anew: training seeds first, then episodes of each.

    A row of NaN only (a seed without data) must have been dropped before.
    """
    rng = generator(0, "bootstrap", "hierarchical")
    means = []
    for count in _chunks(replicates):
        each = _redrawn(values, count, rng)
        valid = ~np.isnan(each)
        means.append(np.where(valid, each, 0).sum(-1) / np.maximum(valid.sum(-1), 1))
    return np.concatenate(means)


def over_tasks(values: Sequence[Array], *, replicates: int = REPLICATES) -> Array:
    """Means (replicates,) over tasks of what `hierarchical` draws of each (S_t, E_t)."""
    rng = generator(0, "bootstrap", "hierarchical", "tasks")
    means = []
    for count in _chunks(replicates):
        total = np.zeros(count)
        for of_task in values:
            each = _redrawn(of_task, count, rng)
            valid = ~np.isnan(each)
            total += np.where(valid, each, 0).sum(-1) / np.maximum(valid.sum(-1), 1)
        means.append(total / len(values))
    return np.concatenate(means)


def _chunks(replicates: int) -> Iterator[int]:
    """Numbers of replicates that are held in memory at once."""
    for begin in range(0, replicates, _CHUNK):
        yield min(_CHUNK, replicates - begin)


def _redrawn(values: Array, count: int, rng: Generator, *, seeds_too: bool = True) -> Array:
    """Means (count, S) of training seeds drawn anew of values (S, E), over episodes drawn anew.

    Without `seeds_too` of each seed once. NaN where a draw holds nothing but missing rows.
    """
    seeds, episodes = values.shape
    rows = rng.integers(seeds, size=(count, seeds, 1)) if seeds_too else np.arange(seeds)[:, None]
    columns = rng.integers(episodes, size=(count, seeds, episodes))
    drawn = values[rows, columns]  # (count, S, E)
    present = ~np.isnan(drawn)
    number = present.sum(-1)
    total = np.where(present, drawn, 0).sum(-1)
    means: Array = np.where(number > 0, total / np.maximum(number, 1), np.nan)
    return means


def percentiles(samples: Array, level: float = 0.95) -> tuple[float, float]:
    """The central interval of bootstrap samples (replicates,)."""
    low, high = np.quantile(samples, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def stratified(
    statistic: Callable[[Array], Array], scores: Array, *, replicates: int = REPLICATES
) -> Array:
    """A statistic of scores (R, T), runs drawn anew within each task: (replicates, …).

    As many runs of a task are drawn as it has.
    """
    rng = generator(0, "bootstrap", "stratified")
    runs, tasks = scores.shape
    each = (~np.isnan(scores)).sum(0)
    equal = bool((each == runs).all())
    if not equal:
        scores = np.sort(scores, axis=0)  # what is missing comes last
    out = []
    for count in _chunks(replicates):
        rows = rng.integers(runs if equal else each, size=(count, runs, tasks))
        drawn = np.take_along_axis(scores[None], rows, axis=1)
        if not equal:
            drawn = np.where(np.arange(runs)[:, None] < each, drawn, np.nan)
        out.append(statistic(drawn))
    return np.concatenate(out)


def of_episodes(
    statistic: Callable[[Array], Array], values: Sequence[Array], *, replicates: int = REPLICATES
) -> Array:
    """A statistic of scores (R, T), the episodes of each run drawn anew, runs as they are.

    Args:
        statistic: of scores (count, R, T), NaN where a task has fewer runs than others.
        values: (R, E) of each task.
        replicates: that are returned: (replicates, …).
    """
    rng = generator(0, "bootstrap", "episodes")
    runs, out = max(map(len, values)), []
    for count in _chunks(replicates):
        drawn = np.full((count, runs, len(values)), np.nan)
        for k, each in enumerate(values):
            drawn[:, : len(each), k] = _redrawn(each, count, rng, seeds_too=False)
        out.append(statistic(drawn))
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
