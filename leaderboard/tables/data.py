"""Numbers out of records: metrics as arrays (S, E), training seeds by episode seeds."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from entitybench.errors import unknown
from entitybench.leaderboard.statistics.intervals import Interval, interval

if TYPE_CHECKING:
    from collections.abc import Callable

    from entitybench.records import Episode, Record
    from entitybench.types import Array


@dataclass(frozen=True)
class Metric:
    """One column."""

    name: str
    title: str
    short: str  # the title on a narrow terminal
    value: Callable[[Episode], float | None]
    digits: int
    scale: float = 1.0  # 100 for shares, printed in percent
    higher_is_better: bool = True

    @property
    def share(self) -> bool:
        """Whether it lies in [0, 1]."""
        return self.scale == 100.0


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("success", "success, last step (%)", "success %", lambda e: e.success, 1, 100.0),
        Metric("success_any", "success, any step (%)", "any %", lambda e: e.success_any, 1, 100.0),
        Metric(
            "success_fraction",
            "entities at goals (%)",
            "at goals %",
            lambda e: e.success_fraction,
            1,
            100.0,
        ),
        Metric(
            "steps_to_success",
            "steps to success",
            "steps",
            lambda e: e.steps_to_success,
            0,
            higher_is_better=False,
        ),
        Metric("return", "return", "return", lambda e: e.return_, 1),
        Metric(
            "latency_ms",
            "decision (ms)",
            "ms",
            lambda e: e.latency_ms,
            2,
            higher_is_better=False,
        ),
    )
}


def metric_of(name: str) -> Metric:
    """The metric of this name. Raises UnknownId."""
    if name not in METRICS:
        raise unknown("metric", name, METRICS)
    return METRICS[name]


def matrix(record: Record, name: str) -> Array:
    """Values (S, E) of a metric, both axes in increasing order of seed.

    NaN where there is no row, no value (steps of an episode that never succeeded), or where the
    infrastructure failed.
    """
    return aligned(record, name, record.training_seeds, episode_seeds(record))


def aligned(record: Record, name: str, training_seeds: list[int], seeds: list[int]) -> Array:
    """As `matrix`, for these training seeds and episode seeds."""
    row = {seed: i for i, seed in enumerate(training_seeds)}
    column = {seed: i for i, seed in enumerate(seeds)}
    values = np.full((len(row), len(column)), np.nan)
    value = metric_of(name).value
    for episode in record.episodes:
        if episode.training_seed in row and episode.seed in column and episode.counts:
            number = value(episode)
            if number is not None:
                values[row[episode.training_seed], column[episode.seed]] = number
    return values


def episode_seeds(record: Record) -> list[int]:
    """Sorted."""
    return sorted({episode.seed for episode in record.episodes})


def cell(record: Record, name: str) -> Interval:
    """The mean of a metric with its 95 % interval; those of shares end at 0 and 1."""
    found = interval(matrix(record, name))
    if metric_of(name).share and not math.isnan(found.mean):
        found = replace(found, low=max(found.low, 0.0), high=min(found.high, 1.0))
    return found


def shown(found: Interval, metric: Metric, *, sign: bool = False, short: bool = False) -> str:
    """The text of a cell: "81.4 [76.0, 86.8]", or a dash without data.

    A short one has no digits behind the point where there are three before it; shares keep theirs.
    """
    if math.isnan(found.mean):
        return "–"
    if short and not metric.share and max(abs(found.low), abs(found.high)) >= 100:
        metric = replace(metric, digits=0)
    huge = max(abs(found.low), abs(found.high)) >= 1e9
    form = ".2e" if huge else f".{metric.digits}f"
    mean, low, high = (
        f"{metric.scale * x:{'+' if sign else ''}{form}}"
        for x in (found.mean, found.low, found.high)
    )
    return f"{mean} [{low}, {high}]"
