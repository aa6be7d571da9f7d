"""Columns of tables that are asked for: how an agent handles a robot, and what it costs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from entitybench.errors import unknown
from entitybench.kinds import COSTS
from entitybench.leaderboard.statistics.intervals import NO_DATA, Interval, interval
from entitybench.leaderboard.tables.data import cell, matrix
from entitybench.records import MetricInfo
from entitybench.registry import agent, agents, kinds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from entitybench.records import Record

ALL, DEPLOYABILITY = "all", "deployability"  # words for many columns at once
_ONCE = "one measurement"


def extras_of(record: Record) -> dict[str, MetricInfo]:
    """What there is beside the metrics of a record, by name, whether or not it has values."""
    of_rows = kinds()[record.kind].extras if record.kind in kinds() else ()
    return {metric.name: MetricInfo.of(metric) for metric in (*of_rows, *COSTS)}


def columns_named(names: Iterable[str], records: Sequence[Record]) -> list[str]:
    """Names of columns, with `all` and `deployability` spelt out.

    Raises UnknownId for one that none of the records can have.
    """
    own = dict.fromkeys(metric.name for record in records for metric in record.metrics)
    more = dict.fromkeys(name for record in records for name in extras_of(record))
    first = list(dict.fromkeys(record.metrics[0].name for record in records))
    words = {ALL: [*own, *more], DEPLOYABILITY: [*first, *more]}
    found: list[str] = []
    for name in names:
        if name not in {**own, **more, **words}:
            raise unknown("metric", name, [*own, *more, *words])
        found += words.get(name, [name])
    return list(dict.fromkeys(found))


def extra_cell(record: Record, name: str) -> Interval:
    """A column of a record: a metric with its interval, or one of `extras_of`.

    Costs are measured once and have no interval.
    """
    if any(name == metric.name for metric in record.metrics):
        return cell(record, name)
    if name in record.columns.values and name in extras_of(record):
        metric = extras_of(record)[name]
        # Shares of many numbers each, not yes or no.
        found = interval(matrix(record, name), of_share=False)
        return found.within(*metric.bounds(record.task.horizon))
    value = _cost(record, name)
    return NO_DATA if value is None else Interval(value, math.nan, math.nan, _ONCE, 1)


def _cost(record: Record, name: str) -> float | None:
    if name == "updates":
        return None if record.agent.updates is None else float(record.agent.updates)
    if record.costs is None:
        return None
    if name == "training_cpu_s":
        spent = list(record.costs.training_cpu_s.values())
        return sum(spent) / len(spent) if spent else None
    value = getattr(record.costs, name, None)
    return value if isinstance(value, float) else None


def handled(record: Record) -> str:
    """One line on how the agent handles the robot and what that costs; empty without numbers."""
    costs, parts = record.costs, []
    if costs is not None and costs.decision_p50_ms is not None:
        parts.append(
            f"a single decision {costs.decision_p50_ms:.2f} ms, 99 % within "
            f"{costs.decision_p99_ms:.2f} ms (of {costs.decisions}, one thread)"
        )
    elif costs is not None and costs.unmeasured:
        parts.append(f"a single decision was not timed: {costs.unmeasured}")
    for name, words in (
        ("violations", "{:.1f} % of action numbers beyond their limits"),
        ("jerk", "jerk {:.3f}"),
        ("contacts", "{:.1f} steps an episode in touch with obstacles"),
        ("coordination", "{:.0f} % of episodes in one convention"),
    ):
        found = extra_cell(record, name)
        if not math.isnan(found.mean):
            metric = extras_of(record)[name]
            parts.append(words.format(metric.scale * found.mean))
    if record.agent.updates:
        acts = record.agent.id in agents() and agent(record.agent.id).learns_from == "worlds"
        unit = "environment steps of training" if acts else "training updates"
        parts.append(f"{record.agent.updates:,} {unit}")
    spent = _cost(record, "training_cpu_s")
    if spent is not None:
        parts.append(f"{spent:,.0f} CPU s of training a seed")
    if costs is not None and costs.evaluation_cpu_s is not None:
        parts.append(f"{costs.evaluation_cpu_s:.1f} CPU s of evaluation")
    return f"{record.label}: {'; '.join(parts)}." if parts else ""
