"""`bench plot`: pictures of records and of training curves, as SVG, PNG or an HTML page."""

from __future__ import annotations

import html
import io
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.errors import BadValue, MissingExtra, unknown
from entitybench.files import write_atomic
from entitybench.leaderboard.statistics import bootstrap
from entitybench.leaderboard.tables.curves import evaluated, points, read_curves
from entitybench.leaderboard.tables.data import by_seed, cell, metric_of
from entitybench.leaderboard.tables.table import table
from entitybench.records import read_records, record_files
from entitybench.words import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from entitybench.records import MetricInfo, Record

PLOTS = {
    "bars": "a metric of each agent with its 95 % interval",
    "seeds": "a metric of each agent, a dot for each training seed",
    "profile": "share of training seeds above each level of a metric, with its 95 % band",
    "curves": "metrics of training runs against updates",
}
SUFFIXES = (".svg", ".png", ".html")


def plot(
    kind: str, inputs: Sequence[str | Path], out: str | Path, *, metric: str | None = None
) -> Path:
    """Draw `kind` into `out` (.svg, .png or .html).

    Args:
        kind: one of PLOTS.
        inputs: record files or folders of them; for "curves" metrics.jsonl files, run folders that
            hold one, or folders of these (what was --out for training).
        out: the picture.
        metric: a column of the table; for "curves" a name in metrics.jsonl. Default: what is
            counted first, for "curves" in the evaluations on validation seeds.

    Raises:
        UnknownId, BadValue: no such plot, metric or suffix.
        RecordError: an input that is no record, or no metrics.
        MissingExtra: matplotlib is not installed.
    """
    if kind not in PLOTS:
        raise unknown("plot", kind, PLOTS, see="bench plot --help")
    out = Path(out)
    if out.suffix not in SUFFIXES:
        raise BadValue(f"a plot is {', '.join(SUFFIXES)}: got {str(out)!r}.")
    if not inputs:
        raise BadValue(f"nothing to draw: {kind} needs at least one file.")
    with _words_as_they_are():
        if kind == "curves":
            curves = read_curves(inputs)
            figure = _curves(curves, metric or evaluated(curves))
        else:
            files = record_files(inputs)
            rows = [row.record for row in table(read_records(files), files).rows]
            chosen = metric_of(rows[0], metric or rows[0].metrics[0].name)
            figure = {"bars": _bars, "seeds": _seeds, "profile": _profile}[kind](rows, chosen)
        drawn = _drawn(figure, out.suffix)
    return write_atomic(out, drawn)


@contextmanager
def _words_as_they_are() -> Iterator[None]:
    """Within, names are no formulas: matplotlib would read one between two dollar signs."""
    try:
        import matplotlib as mpl
    except ModuleNotFoundError:  # which `_axes` says
        yield
        return
    with mpl.rc_context({"text.parse_math": False}):
        yield


def _axes(width: float, height: float) -> tuple[Any, Any]:
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise MissingExtra(
            "matplotlib is not installed, and plots need it: pip install -e '.[plots]'"
        ) from error
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _drawn(figure: Any, suffix: str) -> bytes:
    import matplotlib as mpl

    file = io.BytesIO()
    # Fixed ids and no date: the same records give the same bytes.
    with mpl.rc_context({"svg.hashsalt": "entitybench", "svg.fonttype": "none"}):
        if suffix == ".png":
            figure.savefig(file, format="png", dpi=160, metadata={"Software": None})
            return file.getvalue()
        figure.savefig(file, format="svg", metadata={"Date": None})
    svg = file.getvalue()
    if suffix == ".svg":
        return svg
    title = html.escape(figure.axes[0].get_title() or "entitybench")
    head = f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
    inline = svg[svg.index(b"<svg") :]
    return f"{head}</head><body>\n".encode() + inline + b"</body></html>\n"


def _names(records: Sequence[Record]) -> list[str]:
    several = len({record.task.id for record in records}) > 1
    return [one_line(f"{r.label}, {r.task.id}" if several else r.label) for r in records]


def _title(records: Sequence[Record]) -> str:
    return one_line(", ".join(sorted({record.task.id for record in records})))


def _bars(records: Sequence[Record], metric: MetricInfo) -> Any:
    figure, axes = _axes(6.4, 0.9 + 0.42 * len(records))
    found = [cell(record, metric.name) for record in records]
    place = np.arange(len(records))[::-1]
    means = metric.scale * np.array([x.mean for x in found])
    ends = metric.scale * np.array([[x.mean - x.low, x.high - x.mean] for x in found]).T
    axes.barh(place, means, height=0.62, color="#4878a8", xerr=ends, ecolor="#1c1e21", capsize=3)
    axes.set_yticks(place, _names(records))
    axes.set_xlabel(one_line(f"{metric.title}, 95 % interval"))
    axes.set_title(_title(records), loc="left")
    return figure


def _seeds(records: Sequence[Record], metric: MetricInfo) -> Any:
    figure, axes = _axes(6.4, 0.9 + 0.42 * len(records))
    for place, record in zip(range(len(records) - 1, -1, -1), records, strict=True):
        means = metric.scale * by_seed(record, metric.name)
        axes.scatter(means, np.full(len(means), place), s=36, alpha=0.7, color="#4878a8")
        axes.scatter([np.nanmean(means)], [place], s=160, marker="|", color="#1c1e21")
    axes.set_yticks(range(len(records) - 1, -1, -1), _names(records))
    axes.set_xlabel(one_line(f"{metric.title}, a dot for each training seed"))
    axes.set_title(_title(records), loc="left")
    return figure


def _profile(records: Sequence[Record], metric: MetricInfo) -> Any:
    figure, axes = _axes(6.4, 3.8)
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(record.label, []).append(record)
    means = {
        name: [by_seed(record, metric.name) for record in group] for name, group in groups.items()
    }
    flat = np.concatenate([x for group in means.values() for x in group])
    low, high = (0.0, 1.0) if metric.share else (float(np.nanmin(flat)), float(np.nanmax(flat)))
    levels = np.linspace(low, high, 201)
    for name, group in means.items():
        runs = min(map(len, group))
        scores = np.stack([x[:runs] for x in group], axis=1)  # (R, T)
        axes.step(metric.scale * levels, bootstrap.profile(scores, levels), label=name)
        if runs > 1:
            draws = bootstrap.stratified(
                lambda drawn: bootstrap.profile(drawn, levels), scores, replicates=1000
            )
            band = np.quantile(draws, [0.025, 0.975], axis=0)
            axes.fill_between(metric.scale * levels, band[0], band[1], alpha=0.2, step="pre")
    axes.set_xlabel(one_line(metric.title))
    axes.set_ylabel("share of training seeds above")
    axes.set_title(_title(records), loc="left")
    axes.legend(frameon=False)
    return figure


def _curves(curves: dict[str, list[dict[str, Any]]], metric: str) -> Any:
    figure, axes = _axes(6.4, 3.8)
    for name, rows in curves.items():
        found = points(rows, metric)
        axes.plot(
            *zip(*found, strict=True), marker="." if len(found) < 30 else "", label=one_line(name)
        )
    axes.set_xlabel("updates")
    axes.set_ylabel(one_line(metric))
    axes.legend(frameon=False)
    return figure
