"""What the quantities of one arm came to: of its record, its training curves, or a function."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from entitybench.errors import RecordError
from entitybench.kinds import Metric
from entitybench.leaderboard.claims import pairing
from entitybench.leaderboard.claims.finding import Results, find
from entitybench.leaderboard.claims.pairing import ANYWHERE, PLAIN, Found, Grid, no_value, of_seeds
from entitybench.leaderboard.tables.curves import points, read_rows
from entitybench.leaderboard.tables.data import by_seed, matrix, metric_of
from entitybench.leaderboard.tables.extras import extra_cell
from entitybench.quantities import Area, Diagnostic, Mean, Measured, StepsTo, Training

if TYPE_CHECKING:
    from entitybench.records import Record

_STEPS = Metric(name="steps", title="steps", short="steps", digits=0)


@find.register
def _mean(quantity: Mean, results: Results) -> Found:
    record = results.record(quantity.arm)
    metric = metric_of(record, quantity.metric)
    values = by_seed(record, quantity.metric)
    seeds = _seeds(record)
    grid = None
    if metric.reduce == "mean":
        of = (record.task.id, record.task.bank, record.hashes.task)
        grid = Grid(matrix(record, quantity.metric), tuple(record.items), of)
    unit = replace(PLAIN, scale=metric.scale, digits=metric.digits)
    notes = no_value(record.training_seeds, values)
    bounds = metric.bounds(record.task.horizon)
    found = extra_cell(record, quantity.metric)
    return Found(found, values, seeds, grid, unit, notes=notes, bounds=bounds)


def _seeds(record: Record) -> tuple[int, ...]:
    """Training seeds, none of what has no weights: that is paired with all of the others."""
    seeds = tuple(record.training_seeds)
    return () if len(seeds) == 1 and not record.hashes.weights else seeds


@find.register
def _diagnostic(quantity: Diagnostic, results: Results) -> Found:
    record, name = results.record(quantity.arm), quantity.name
    found = {int(s): values[name] for s, values in record.diagnostics.items() if name in values}
    if not found:
        raise RecordError(f"the record of {record.label} has no diagnostic {name!r}.")
    return of_seeds({seed: found.get(seed, math.nan) for seed in record.training_seeds})


@find.register
def _training(quantity: Training, results: Results) -> Found:
    files = results.curves.get(quantity.arm)
    if not files:
        raise RecordError(f"there is no training curve of {quantity.arm}.")
    take, values, late = quantity.take, {}, []
    for seed, file in sorted(files.items()):
        curve = points(read_rows(file), quantity.column)
        steps, heights = np.array(curve, np.float64).T
        if isinstance(take, StepsTo):
            smooth = np.convolve(heights, np.full(take.smooth, 1 / take.smooth), "valid")
            there = np.flatnonzero(smooth >= take.level)
            values[seed] = steps[there[0] + take.smooth - 1] if len(there) else steps[-1]
            late += [] if len(there) else [seed]
        elif isinstance(take, Area):
            values[seed] = pairing.height(steps, heights)
        else:
            values[seed] = heights[-1] if take == "last" else np.max(heights)
    unit, bounds = _STEPS, (0.0, math.inf)
    if not isinstance(take, StepsTo):
        unit, bounds = _unit(quantity, results)
    notes: tuple[str, ...] = ()
    if late:
        notes = (f"never in {len(late)} of {len(files)} runs of {quantity.arm}: their last step",)
    return of_seeds(values, unit, notes, bounds=bounds)


def _unit(quantity: Training, results: Results) -> tuple[Metric, tuple[float, float]]:
    """That of the metric where the column is one, and its bounds."""
    record = results.records.get(quantity.arm)
    for metric in record.metrics if record else ():
        if metric.name == quantity.column:
            unit = replace(PLAIN, scale=metric.scale, digits=metric.digits)
            return unit, metric.bounds(record.task.horizon if record else 0)
    return PLAIN, ANYWHERE


@find.register
def _measured(quantity: Measured, results: Results) -> Found:
    if quantity not in results.measured:
        raise RecordError(f"{quantity.function} has not been run.")
    return of_seeds(dict(results.measured[quantity]))
