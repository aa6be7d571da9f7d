"""`compare(a, b)`: two agents on the same starts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.datasets.catalogue.shapes import hash_today
from entitybench.kinds import Metric
from entitybench.leaderboard.statistics.intervals import (
    BOOTSTRAP,
    NONE,
    ONE_SEED,
    Interval,
    difference,
    hierarchical,
    over_seeds,
    resampled,
    without,
)
from entitybench.leaderboard.tables.data import (
    REPLICATES,
    cell,
    columns_of,
    metric_of,
    metrics_of,
    shown,
)
from entitybench.leaderboard.tables.grid import Grid
from entitybench.leaderboard.tables.joined import Both, improvement, joined
from entitybench.leaderboard.tables.render import Rendered
from entitybench.leaderboard.tables.table import as_json
from entitybench.registry import reduction
from entitybench.seeding import generator

if TYPE_CHECKING:
    from entitybench.records import MetricInfo, Record
    from entitybench.types import Array

BETTER = Metric(name="better", title="P(better) (%)", short="P(better) %", scale=100.0, digits=0)


@dataclass(frozen=True)
class Difference:
    """One metric of both agents."""

    a: Interval
    b: Interval
    difference: Interval  # a − b
    hierarchical: Interval  # the same by the hierarchical bootstrap
    improvement: Interval  # P(a run of a is better than one of b)


@dataclass(frozen=True, repr=False)
class Comparison(Rendered):
    """Two agents in one task, metric by metric."""

    a: str
    b: str
    task: str
    training_seeds: int
    episodes: int  # that both have
    metrics: dict[str, Difference]
    columns: dict[str, MetricInfo]  # what these are
    notes: tuple[str, ...] = ()
    item: str = "episode"

    def grid(self) -> Grid:
        """Words."""
        full = self._grid()
        a, b = full.header[1:3]
        spare = ("bootstrap", "P(better) %", *([b, a] if b != a else []))
        return replace(full, short=replace(self._grid(short=True), spare=spare))

    def _grid(self, *, short: bool = False) -> Grid:
        rows = []
        for name, found in self.metrics.items():
            metric = self.columns[name]
            better = shown(found.improvement, BETTER)
            rows.append(
                (
                    metric.short if short else metric.title,
                    shown(found.a, metric, short=short),
                    shown(found.b, metric, short=short),
                    shown(found.difference, metric, sign=True, short=short),
                    shown(found.hierarchical, metric, sign=True, short=short),
                    better,
                )
            )
        last = (
            ("bootstrap", "P(better) %") if short else ("hierarchical bootstrap", "P(better) (%)")
        )
        header = ("metric", self.a, self.b, "difference", *last)
        title = (
            f"{self.task}: {self.a} − {self.b}, training seeds in pairs: {self.training_seeds}, "
            f"{self.item}s of each: {self.episodes}"
        )
        method = next(iter(self.metrics.values())).difference.method
        unit = "a training seed" if self.training_seeds > 1 else _a(self.item)
        notes = [
            f"Difference: paired by {self.item} seed, 95 % interval by {method}."
            if not method.startswith(NONE)
            else f"Difference: paired by {self.item} seed, {method}.",
            f"P(better): that {unit} of the first is better than one of the second.",
        ]
        parts = [part for found in self.metrics.values() for part in vars(found).values()]
        if any(part.method.startswith(NONE) for part in parts):
            notes.append(
                "[–]: no interval, since there is one value (for the bootstrap one training seed) "
                "or all are equal."
            )
        return Grid(title, header, tuple(rows), (*notes, *self.notes))

    def values(self) -> list[dict[str, Any]]:
        """Flat rows of numbers."""
        rows = []
        for name, found in self.metrics.items():
            row: dict[str, Any] = {"metric": name, "a": self.a, "b": self.b, "task": self.task}
            for part, interval in found.__dict__.items():
                short = as_json(interval)
                row |= {f"{part}_{key}": short[key] for key in ("mean", "low", "high")}
            rows.append(row)
        return rows

    def to_json(self) -> dict[str, Any]:
        """Nested intervals by metric."""
        return {
            "a": self.a,
            "b": self.b,
            "task": self.task,
            "training_seeds": self.training_seeds,
            "episodes": self.episodes,
            "metrics": {
                name: {part: as_json(interval) for part, interval in found.__dict__.items()}
                for name, found in self.metrics.items()
            },
        }


def compare(a: Record, b: Record) -> Comparison:
    """Paired by training seed and item.

    An agent with one training seed that has no weights (random, oracle) is paired with every
    training seed of the other.

    Raises:
        RecordError: another task or version, no training seed or item in common, or one whose
            training seeds learned from different data.
    """
    both = joined(a, b)
    pairs, items = both.pairs, both.items
    theirs = {metric.name for metric in b.metrics}
    columns = {
        name: metric_of(a, name)
        for name, metric in metrics_of([a, b]).items()
        if metric in a.metrics and name in theirs
    }
    metrics, lacking = {}, []
    for name, metric in columns.items():
        x, y = both.values(metric)
        if np.isnan(x).any() or np.isnan(y).any():
            lacking.append(metric.title)
        metrics[name] = Difference(
            cell(a, name, items),
            cell(b, name, items),
            *_differences(x, y, metric, both),
            improvement(x, y, metric, f"{a.item}s"),
        )
    notes = (
        [f"{', '.join(lacking)}: over the {a.item}s where both have a value."] if lacking else []
    )
    notes += _other_data(a, b)
    size = len(pairs), len(items)
    return Comparison(a.label, b.label, a.task.id, *size, metrics, columns, tuple(notes), a.item)


def _differences(x: Array, y: Array, metric: MetricInfo, both: Both) -> tuple[Interval, Interval]:
    """Of a − b, whose values are x and y: its own interval, and of the hierarchical bootstrap."""
    least, most = metric.bounds(both.a.task.horizon)
    ends = least - most, most - least
    if metric.reduce == "mean":
        return difference(x, y).within(*ends), hierarchical(x - y).within(*ends)
    own = over_seeds((x - y)[:, 0])
    if not own.count:
        return own, own
    samples = _redrawn(metric, both)
    drawn = without(own.mean, ONE_SEED, 1)
    if own.count > 1:
        drawn = resampled(own.mean, samples, BOOTSTRAP, own.count)
    if np.isnan(own.low):
        # One training seed, or several that agree: only items are left to say how sure it is.
        over = f"bootstrap over paired {both.a.item}s"
        own = resampled(own.mean, samples, over, len(both.items))
    return own.within(*ends), drawn.within(*ends)


def _redrawn(metric: MetricInfo, both: Both) -> Array:
    """Differences (REPLICATES,) of a metric that is no mean: pairs drawn anew, and items.

    All pairs of a replicate are reduced over the same items, which is what they met: pairs that
    agree are no more than one.
    """
    reduce, rng = reduction(metric.reduce), generator(0, "bootstrap", "paired")
    items, pairs = both.items, both.pairs
    columns = [columns_of(record, record.training_seeds, items) for record in (both.a, both.b)]
    stacks = [np.stack(list(of.values()), axis=1) for of in columns]  # (S, names, E)
    drawn = []
    for _ in range(REPLICATES):
        found = []
        over = rng.integers(len(items), size=len(items))
        for k in rng.integers(len(pairs), size=len(pairs)):
            first, second = (
                reduce(dict(zip(of, stack[row].take(over, axis=1), strict=True)))
                for of, stack, row in zip(columns, stacks, pairs[k], strict=True)
            )
            found.append(first - second)
        drawn.append(np.mean(found))
    return np.array(drawn)


def _other_data(a: Record, b: Record) -> list[str]:
    """A note where the two learned from different data."""
    mine, its = ({hash_today(each.sha256): each.dataset for each in r.data} for r in (a, b))
    if not mine or not its or mine.keys() == its.keys():
        return []
    names = [", ".join(sorted({x or "not named" for x in found.values()})) for found in (mine, its)]
    what = " and ".join(names) if names[0] != names[1] else f"{names[0]} of different content"
    return [f"They were trained on different data: {what}."]


def _a(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
