"""Numbers out of records: metrics as arrays (S, E), training seeds by items."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from entitybench.datasets.catalogue.scores import normaliser
from entitybench.errors import RecordError, unknown
from entitybench.kinds import NORMALISED
from entitybench.leaderboard.statistics.intervals import (
    NO_DATA,
    NONE,
    Interval,
    interval,
    resampled,
    seed_means,
    student,
)
from entitybench.records import INFRASTRUCTURE, MetricInfo
from entitybench.registry import kinds, reduction, tasks
from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from entitybench.kinds import Metric
    from entitybench.records import Record
    from entitybench.types import Array

REPLICATES = 500  # of the bootstrap of a metric that is no mean


def metric_of(record: Record, name: str) -> MetricInfo:
    """The metric of this name, as the record has it; of its rows' other columns its kind says it.

    Raises UnknownId.
    """
    found = {metric.name: metric for metric in record.metrics}
    of_kind = kinds()[record.kind].extras if record.kind in kinds() else ()
    more = {m.name: MetricInfo.of(m) for m in of_kind if m.name in record.columns.values}
    if name not in found and name not in more:
        raise unknown("metric", name, found)
    found = {**more, **found}
    return _bounded(found[name], record)


def _bounded(metric: MetricInfo, record: Record) -> MetricInfo:
    """With what a return lies between, where the task says so: no interval goes beyond."""
    if record.task.id not in tasks():
        return metric
    task = tasks()[record.task.id]
    if task.returns is None or task.version != record.task.version:
        return metric
    scale: dict[str, Callable[[float], float | None]] = {
        "return": float,
        NORMALISED.name: normaliser(task),
    }
    if metric.name not in scale:
        return metric
    lower, upper = map(scale[metric.name], task.returns)
    return metric.model_copy(update={"lower": lower, "upper": upper})


def metrics_of(records: Sequence[Record]) -> dict[str, MetricInfo]:
    """The metrics that occur in records, by name. Raises RecordError where two differ."""
    found: dict[str, MetricInfo] = {}
    for record in records:
        for metric in record.metrics:
            first = found.setdefault(metric.name, metric)
            if (first.scale, first.reduce) != (metric.scale, metric.reduce):
                raise RecordError(
                    f"{metric.name} is not the same number in all records (that of {record.label} "
                    f"on {record.task.id} differs); evaluate again with one version."
                )
    return found


def matrix(record: Record, name: str) -> Array:
    """Values (S, E) of a metric, both axes in increasing order: training seeds by items.

    NaN where there is no row, no value (steps of an episode that never succeeded), or where the
    infrastructure failed.
    """
    return aligned(record, name, record.training_seeds, record.items)


def aligned(record: Record, name: str, training_seeds: list[int], items: list[int]) -> Array:
    """As `matrix`, for these training seeds and items."""
    line = {seed: i for i, seed in enumerate(training_seeds)}
    place = {item: i for i, item in enumerate(items)}
    values = np.full((len(line), len(place)), np.nan)
    if name not in record.columns.values:
        return values
    columns = record.columns
    errors = columns.error or [None] * len(columns.item)
    for seed, item, number, error in zip(
        columns.training_seed, columns.item, columns.values[name], errors, strict=True
    ):
        broken = error is not None and error.startswith(INFRASTRUCTURE)
        if seed in line and item in place and number is not None and not broken:
            values[line[seed], place[item]] = number
    return values


def by_seed(
    record: Record,
    name: str,
    training_seeds: list[int] | None = None,
    items: list[int] | None = None,
) -> Array:
    """(S,): one number a training seed, the mean over items or what the metric's `reduce` says.

    Args:
        record: the record.
        name: of a metric.
        training_seeds: which; default: all.
        items: over which; default: all.
    """
    over = record.items if items is None else items
    seeds = record.training_seeds if training_seeds is None else training_seeds
    metric = metric_of(record, name)
    if metric.reduce == "mean":
        return seed_means(aligned(record, name, seeds, over))
    reduce, columns = reduction(metric.reduce), columns_of(record, seeds, over)
    return np.array([reduce({k: x[s] for k, x in columns.items()}) for s in range(len(seeds))])


def columns_of(record: Record, training_seeds: list[int], items: list[int]) -> dict[str, Array]:
    """All values by name, (S, E)."""
    names = record.columns.values
    return {name: aligned(record, name, training_seeds, items) for name in names}


def cell(record: Record, name: str, items: list[int] | None = None) -> Interval:
    """The mean of a metric with its 95 % interval, which ends where the metric does.

    `items` are those that it is over; None: all.
    """
    # A record can hold values that are no metric of its kind, such as returns of tasks with goals.
    if name not in record.columns.values or all(name != m.name for m in record.metrics):
        return NO_DATA
    metric, over = metric_of(record, name), record.items if items is None else items
    if metric.reduce == "mean":
        values = aligned(record, name, record.training_seeds, over)
        found = interval(values, of_share=metric.share)
    else:
        found = _reduced(record, name, over)
    return found.within(*metric.bounds(record.task.horizon))


def _reduced(record: Record, name: str, over: list[int]) -> Interval:
    """Of a metric that is no mean: t over training seeds.

    Of one seed, or of several that agree, the bootstrap over items.
    """
    values = by_seed(record, name, items=over)
    there = np.flatnonzero(~np.isnan(values))
    kept = values[there]
    if not len(kept):
        return NO_DATA
    if len(kept) >= 2:
        found = student(kept)
        if not math.isnan(found.low):
            return found
    rng, count = generator(0, "reduced"), len(over)
    reduce = reduction(metric_of(record, name).reduce)
    columns = columns_of(record, record.training_seeds, over)
    stack = np.stack(list(columns.values()), axis=1)[there]  # (S, names, E): drawn from at once
    apart = {each.tobytes(): each for each in stack}.values()  # seeds that agree in all are one
    drawn = np.empty((REPLICATES, len(apart)))
    for k in range(REPLICATES):
        items = rng.integers(count, size=count)  # the same of every seed: they share the items
        for place, each in enumerate(apart):
            drawn[k, place] = reduce(dict(zip(columns, each.take(items, axis=1), strict=True)))
    method = f"bootstrap over {record.item}s"
    return resampled(float(np.mean(kept)), drawn.mean(-1), method, count)


def shown(
    found: Interval,
    metric: Metric | MetricInfo,
    *,
    sign: bool = False,
    short: bool = False,
    small: bool = False,
) -> str:
    """The text of a cell: "81.4 [76.0, 86.8]", "81.4 [–]" where there can be no interval.

    "81.4" of what never has one, a dash without data. A short one has no digits behind the point
    where there are three before it; shares keep theirs. With `small`, what would be 0 and is not
    has three digits that count.
    """
    if math.isnan(found.mean):
        return "–"
    alone = math.isnan(found.low) or math.isnan(found.high)
    size = abs(found.mean) if alone else max(abs(found.low), abs(found.high))
    digits = 0 if short and not metric.share and size >= 100 else metric.digits
    form = ".2e" if size >= 1e9 else f".{digits}f"
    plus = "+" if sign else ""

    def number(x: float) -> str:
        rounded = round(metric.scale * x, digits)
        if small and x and not rounded:
            return f"{metric.scale * x:{plus}.3g}"
        return f"{rounded + 0.0:{plus}{form}}"  # no minus at zero

    mean, low, high = map(number, (found.mean, found.low, found.high))
    if alone:
        return f"{mean} [–]" if found.method.startswith(NONE) else mean
    return f"{mean} [{low}, {high}]"
