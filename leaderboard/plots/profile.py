"""Performance profiles (Agarwal et al., NeurIPS 2021): agents over the same tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.errors import BadValue
from entitybench.leaderboard.plots import style
from entitybench.leaderboard.statistics import bootstrap
from entitybench.leaderboard.tables.data import by_seed
from entitybench.words import one_line, squeezed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.records import MetricInfo, Record
    from entitybench.types import Array

_LEVELS = 201
_REPLICATES = 1000


def profile(records: Sequence[Record], metric: MetricInfo) -> Any:
    """The share of training seeds above each level, with its band by the stratified bootstrap.

    Below each where less is better; a seed without a value is on the better side of none.

    Raises BadValue where agents were not evaluated on the same tasks, or one of them with more
    training seeds in one task than in another.
    """
    groups: dict[str, list[Record]] = {}
    for name, record in zip(style.names(records), records, strict=True):
        groups.setdefault(name, []).append(record)
    _same_tasks(groups)
    scores = {name: _scores(name, group, metric) for name, group in groups.items()}  # (R, T) each
    flat = np.concatenate([x.ravel() for x in scores.values()])
    if np.isnan(flat).all():
        raise BadValue(f"no record here has a value of {metric.name}.")
    low, high = (0.0, 1.0) if metric.share else (float(np.nanmin(flat)), float(np.nanmax(flat)))
    levels = np.linspace(low, high, _LEVELS)
    words = [style.wrapped(name, 40) for name in groups]
    figure, (axes,) = style.axes(2.8, legend=words)
    lines = [_line(axes, k, metric, levels, x) for k, x in enumerate(scores.values())]
    axes.set_xlabel(one_line(metric.title))
    side = "above" if metric.higher_is_better else "below"
    axes.set_ylabel(f"share of training seeds {side}")
    axes.set_ylim(-0.02, 1.02)
    axes.grid()
    tasks = sorted({record.task.id for record in records})
    title = ", ".join(tasks) if len(tasks) < 4 else f"{len(tasks)} tasks"
    axes.set_title(style.wrapped(title, 80), loc="left")
    style.legend(figure, lines, words, "95 % band over training seeds, level by level")
    return figure


def _same_tasks(groups: Mapping[str, Sequence[Record]]) -> None:
    tasks = {name: {record.task.id for record in group} for name, group in groups.items()}
    every = set[str]().union(*tasks.values())
    for name, own in tasks.items():
        if lacking := sorted(every - own):
            raise BadValue(
                "a profile compares agents over the same tasks: "
                f"{squeezed(name, 80)} has no record of {squeezed(', '.join(lacking), 200)}; "
                "give records of these too, or leave the others out."
            )


def _scores(name: str, group: Sequence[Record], metric: MetricInfo) -> Array:
    """(R, T): runs by tasks."""
    columns = [by_seed(record, metric.name) for record in group]
    counts = [len(x) for x in columns]
    if len(set(counts)) > 1:
        most, least = int(np.argmax(counts)), int(np.argmin(counts))
        raise BadValue(
            f"a profile needs as many training seeds in each task: {squeezed(name, 80)} has "
            f"{counts[least]} in {group[least].task.id} and {counts[most]} in "
            f"{group[most].task.id}."
        )
    return np.stack(columns, axis=1)


def _line(axes: Any, k: int, metric: MetricInfo, levels: Array, scores: Array) -> Any:
    """The profile of the k-th agent; no band with one training seed."""
    over = metric.scale * levels
    if not metric.higher_is_better:
        scores, levels = -scores, -levels
    (line,) = axes.step(
        over, bootstrap.profile(scores, levels), color=style.colour(k), linestyle=style.dash(k)
    )
    if len(scores) > 1:
        draws = bootstrap.stratified(
            lambda drawn: bootstrap.profile(drawn, levels), scores, replicates=_REPLICATES
        )
        band = np.quantile(draws, [0.025, 0.975], axis=0)
        axes.fill_between(over, *band, alpha=0.15, step="pre", color=style.colour(k), linewidth=0)
    return line
