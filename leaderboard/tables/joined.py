"""Two records on what both have: the same task, training seeds in pairs, the same items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from entitybench.errors import RecordError
from entitybench.leaderboard.statistics import bootstrap, proportions
from entitybench.leaderboard.statistics.intervals import (
    LEVEL,
    NO_DATA,
    Interval,
    difference,
    over_seeds,
    seed_means,
)
from entitybench.leaderboard.tables.data import aligned, by_seed, metric_of
from entitybench.leaderboard.tables.merge import Named, check_data

if TYPE_CHECKING:
    from entitybench.records import MetricInfo, Record
    from entitybench.types import Array


@dataclass(frozen=True)
class Both:
    """Two records, the items of both, and pairs of rows: positions among their training seeds."""

    a: Record
    b: Record
    items: list[int]
    pairs: list[tuple[int, int]]

    def values(self, metric: MetricInfo) -> tuple[Array, Array]:
        """Those (pairs, items) of both; of a metric that is no mean over items, (pairs, 1)."""
        if metric.reduce == "mean":
            x, y = (aligned(r, metric.name, r.training_seeds, self.items) for r in (self.a, self.b))
        else:
            x, y = (by_seed(r, metric.name, items=self.items)[:, None] for r in (self.a, self.b))
        return x[[i for i, _ in self.pairs]], y[[j for _, j in self.pairs]]


def joined(a: Record, b: Record) -> Both:
    """What both have. Raises RecordError."""
    check_same_task(a, b)
    for record in (a, b):
        check_data(Named(record))
    pairs = _training_pairs(a, b)
    items = sorted(set(a.items) & set(b.items))
    if not items:
        raise RecordError(f"{a.label} and {b.label} have no {a.item} seed in common.")
    return Both(a, b, items, pairs)


def paired(a: Record, b: Record, name: str) -> tuple[Interval, Interval, tuple[int, int]]:
    """One metric of two records, without the bootstrap: of many pairs.

    Of a metric that is no mean over items there is an interval where there are several pairs.

    Returns:
        a − b; P(a run of a is better than one of b); pairs of training seeds and items of each.

    Raises RecordError as `compare` does.
    """
    both = joined(a, b)
    metric = metric_of(a, name)
    x, y = both.values(metric)
    least, most = metric.bounds(a.task.horizon)
    found = difference(x, y) if metric.reduce == "mean" else over_seeds((x - y)[:, 0])
    found = found.within(least - most, most - least)
    better = improvement(x, y, metric, f"{a.item}s")
    return found, better, (len(both.pairs), len(both.items))


def check_same_task(a: Record, b: Record) -> None:
    """Raise RecordError unless both are of the same task and version, scored as the same kind."""
    for what, mine, its in (
        ("task", a.task.id, b.task.id),
        ("kind of evaluation", a.kind, b.kind),
        ("version of the task", a.task.version, b.task.version),
        ("definition of the task", a.hashes.task[:12], b.hashes.task[:12]),
    ):
        if mine != its:
            raise RecordError(
                f"{a.label} and {b.label} cannot be compared: another {what}, {mine} and {its}."
            )


def _training_pairs(a: Record, b: Record) -> list[tuple[int, int]]:
    """Pairs of rows."""
    ours, theirs = a.training_seeds, b.training_seeds
    if len(theirs) == 1 and not b.hashes.weights:
        return [(i, 0) for i in range(len(ours))]
    if len(ours) == 1 and not a.hashes.weights:
        return [(0, j) for j in range(len(theirs))]
    common = sorted(set(ours) & set(theirs))
    if not common:
        raise RecordError(f"{a.label} and {b.label} have no training seed in common.")
    return [(ours.index(seed), theirs.index(seed)) for seed in common]


def improvement(x: Array, y: Array, metric: MetricInfo, items: str) -> Interval:
    """P(better) over training seeds; over items where there is one pair of these.

    None where there is but one number of each.
    """
    if x.size < 2:
        return NO_DATA
    higher = metric.higher_is_better
    if len(x) >= 2:
        scores = [seed_means(values) for values in (x, y)]
        unit = "training seeds"
    else:
        scores = [values.ravel() for values in (x, y)]
        unit = items
    runs = [(score if higher else -score)[~np.isnan(score), None] for score in scores]
    if min(map(len, runs)) == 0:
        return NO_DATA
    mean = float(bootstrap.probability_of_improvement(*runs))
    low, high = proportions.superiority(mean, len(runs[0]), len(runs[1]), LEVEL)
    return Interval(mean, low, high, f"newcombe over {unit}", len(runs[0]))
