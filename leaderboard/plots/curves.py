"""Training curves: the mean over the training seeds of a run, with its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.errors import RecordError
from entitybench.leaderboard.plots import style
from entitybench.leaderboard.statistics.intervals import over_seeds
from entitybench.leaderboard.tables.curves import Run, evaluated, points, read_runs
from entitybench.records import MetricInfo
from entitybench.words import one_line, squeezed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from entitybench.types import Array

_DOTTED = 30  # points up to which each is marked


def curves(inputs: Sequence[str | Path], metric: str | None) -> Any:
    """A line for each group of runs; `metric` as `evaluated` says without one."""
    runs = read_runs(inputs)
    chosen = metric or evaluated(runs)
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.group, []).append(run)
    counts = {name: len(group) for name, group in groups.items()}
    words = [
        style.wrapped(f"{name} ({count} seeds)" if count > 1 else name, 40)
        for name, count in counts.items()
    ]
    known = next(filter(None, (run.measured(chosen) for run in runs)), None)
    scale = known.scale if known else 1.0
    least, most = MetricInfo.of(known).bounds(0) if known else (-np.inf, np.inf)
    bounds = scale * least, scale * most
    figure, (axes,) = style.axes(2.8, legend=words)
    lines = [
        _line(axes, k, name, group, chosen, scale, bounds)
        for k, (name, group) in enumerate(groups.items())
    ]
    axes.set_xlabel(" or ".join(dict.fromkeys(run.unit for run in runs)))
    axes.set_ylabel(one_line(known.title if known else chosen))
    axes.grid()
    tasks = list(dict.fromkeys(run.task for run in runs if run.task))
    axes.set_title(style.wrapped(", ".join(tasks), 80) if tasks else "", loc="left")
    several = any(count > 1 for count in counts.values())
    style.legend(figure, lines, words, "mean, 95 % interval over training seeds" * several)
    return figure


def _line(
    axes: Any,
    k: int,
    name: str,
    group: Sequence[Run],
    metric: str,
    scale: float,
    bounds: tuple[float, float],
) -> Any:
    """The mean at the steps that all seeds have, and its interval where two or more differ."""
    steps, values = _together(name, [dict(points(run.rows, metric)) for run in group])
    values = scale * values
    marker = style.marker(k) if len(steps) <= _DOTTED else ""
    (line,) = axes.plot(
        steps,
        values.mean(0),
        color=style.colour(k),
        linestyle=style.dash(k),
        marker=marker,
        markersize=3,
    )
    if len(group) > 1:
        found = [over_seeds(column) for column in values.T]
        ends = np.clip([[x.low for x in found], [x.high for x in found]], *bounds)
        axes.fill_between(steps, *ends, color=style.colour(k), alpha=0.18, linewidth=0)
    return line


def _together(name: str, seeds: Sequence[dict[int, float]]) -> tuple[list[int], Array]:
    """Steps (T,) that all have, and values (S, T). Raises RecordError where there are none."""
    common = sorted(set(seeds[0]).intersection(*seeds[1:]))
    if not common:
        raise RecordError(
            f"the training seeds of {squeezed(name, 80)} have no step in common; draw them apart, "
            "by their metrics.jsonl."
        )
    return common, np.array([[seed[step] for step in common] for seed in seeds])
