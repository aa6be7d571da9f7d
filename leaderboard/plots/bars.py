"""A metric of each agent: bars with intervals, in groups by task, or a dot a training seed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.leaderboard.plots import style
from entitybench.leaderboard.tables.data import by_seed, cell
from entitybench.words import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.leaderboard.statistics.intervals import Interval
    from entitybench.records import MetricInfo, Record

_LINE = 0.24  # inches that a bar takes of a column of them
_BARS = 40  # of a row of groups
_WHISKER = {"ecolor": style.INK, "capsize": 1.8, "error_kw": {"elinewidth": 0.8, "capthick": 0.8}}


def bars(records: Sequence[Record], metric: MetricInfo) -> Any:
    """Of one task a bar for each agent; of several a group for each, agents told by colour."""
    tasks = list(dict.fromkeys(record.task.id for record in records))
    return _column(records, metric) if len(tasks) == 1 else _groups(records, metric, tasks)


def _ends(found: Sequence[Interval], scale: float) -> Any:
    """(2, n): how far the intervals reach below and above; NaN where there is none."""
    return scale * np.array([[x.mean - x.low, x.high - x.mean] for x in found]).T


def _column(records: Sequence[Record], metric: MetricInfo) -> Any:
    figure, axes, places = _lines(records)
    found = [cell(record, metric.name) for record in records]
    means = metric.scale * np.array([x.mean for x in found])
    ends = _ends(found, metric.scale)
    axes.barh(places, means, height=0.66, color=style.colour(0), xerr=ends, **_WHISKER)
    for place, each in zip(places, found, strict=True):
        if math.isnan(each.low):
            _remark(axes, (0 if math.isnan(each.mean) else metric.scale * each.mean, place), each)
    axes.set_xlabel(one_line(f"{metric.title}, 95 % interval"))
    return figure


def _remark(axes: Any, where: tuple[float, float], found: Interval, *, up: bool = False) -> None:
    """A dash where nothing was measured, an empty interval where there can be none."""
    axes.annotate(
        "–" if math.isnan(found.mean) else "[–]",
        where,
        (0, 2) if up else (3, 0),
        textcoords="offset points",
        ha="center" if up else "left",
        va="bottom" if up else "center",
    )


def seeds(records: Sequence[Record], metric: MetricInfo) -> Any:
    """A dot for each training seed and a stroke at their mean."""
    figure, axes, places = _lines(records)
    for place, record in zip(places, records, strict=True):
        means = metric.scale * by_seed(record, metric.name)
        there = means[~np.isnan(means)]
        axes.scatter(
            there, np.full(len(there), place), s=18, alpha=0.8, color=style.colour(0), lw=0
        )
        if len(there):
            axes.scatter([there.mean()], [place], s=110, marker="|", color=style.INK)
    axes.set_xlabel(one_line(f"{metric.title}, a dot for each training seed"))
    return figure


def _lines(records: Sequence[Record]) -> tuple[Any, Any, list[float]]:
    """Axes with a line for each record, and the places of these, from above."""
    several = len({record.task.id for record in records}) > 1
    words = [
        style.wrapped(f"{name}, {record.task.id}" if several else name)
        for name, record in zip(style.names(records), records, strict=True)
    ]
    places, below = [], 0.0
    for word in words:  # a name of two lines takes more room
        room = 0.55 + 0.45 * len(word.splitlines())
        places.append(-(below + room / 2))
        below += room
    figure, (axes,) = style.axes(0.75 + _LINE * below)
    axes.set_yticks(places, words)
    axes.set_ylim(-below - 0.1, 0.1)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    if not several:
        axes.set_title(style.wrapped(records[0].task.id, 80), loc="left")
    return figure, axes, places


def _groups(records: Sequence[Record], metric: MetricInfo, tasks: Sequence[str]) -> Any:
    """Rows of groups of bars, each of the agents that were evaluated on its task."""
    names = style.names(records)
    agents = list(dict.fromkeys(names))
    found = {
        (name, record.task.id): cell(record, metric.name)
        for name, record in zip(names, records, strict=True)
    }
    each = max(1, min(len(tasks), _BARS // (len(agents) + 1)))
    rows = [tasks[k : k + each] for k in range(0, len(tasks), each)]
    words = [style.wrapped(name, 40) for name in agents]
    figure, columns = style.axes(1.7, len(rows), legend=words)
    width = 0.84 / len(agents)
    letters = max(6, int(66 / each))  # of a line below a group
    for axes, row in zip(columns, rows, strict=True):
        there = [[k for k, name in enumerate(agents) if (name, task) in found] for task in row]
        for k, name in enumerate(agents):
            # Those of a task stand together in its middle, whoever is missing there.
            middle = [
                place + (own.index(k) - (len(own) - 1) / 2) * width
                for place, own in enumerate(there)
                if k in own
            ]
            if middle:
                values = [found[name, task] for task in row if (name, task) in found]
                _bars(axes, middle, values, metric, k, width)
        axes.set_xticks(range(len(row)), [style.wrapped(task, letters) for task in row])
        axes.set_xlim(-0.5, each - 0.5)
        axes.tick_params(axis="x", length=0)
        axes.grid(axis="y")
        axes.set_ylabel(style.wrapped(metric.title, 26))
        if metric.share:
            axes.set_ylim(0, 103)
    _legend(figure, words)
    return figure


def _bars(
    axes: Any, places: Any, found: Sequence[Interval], metric: MetricInfo, k: int, width: float
) -> None:
    """The bars of the k-th agent."""
    axes.bar(
        places,
        metric.scale * np.array([x.mean for x in found]),
        width,
        color=style.colour(k),
        hatch=style.hatch(k),
        edgecolor="white",
        linewidth=0.3,
        yerr=_ends(found, metric.scale),
        **_WHISKER,
    )
    for place, each in zip(places, found, strict=True):
        if math.isnan(each.low):
            height = 0.0 if math.isnan(each.mean) else metric.scale * each.mean
            _remark(axes, (place, height), each, up=True)


def _legend(figure: Any, words: Sequence[str]) -> None:
    from matplotlib.patches import Patch

    handles = [
        Patch(facecolor=style.colour(k), hatch=style.hatch(k), edgecolor="white", linewidth=0.3)
        for k in range(len(words))
    ]
    style.legend(figure, handles, words, "mean, 95 % interval")
