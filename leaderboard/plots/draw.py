"""`bench plot`: pictures of records and of training curves, as PDF, SVG, PNG or an HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from entitybench.errors import BadValue, unknown
from entitybench.files import write_atomic
from entitybench.leaderboard.plots import style
from entitybench.leaderboard.plots.bars import bars, seeds
from entitybench.leaderboard.plots.curves import curves
from entitybench.leaderboard.plots.goals import goals
from entitybench.leaderboard.plots.profile import profile
from entitybench.leaderboard.tables.data import metric_of, metrics_of
from entitybench.leaderboard.tables.gather import chosen
from entitybench.leaderboard.tables.table import table
from entitybench.notices import warn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.records import Record

PLOTS = {
    "bars": "a metric of each agent with its 95 % interval, a group for each task",
    "seeds": "a metric of each agent, a dot for each training seed",
    "profile": "share of training seeds better than each level of a metric, with its 95 % band",
    "curves": "a metric of training runs: mean and 95 % interval over their training seeds",
    "goals": "where hindsight puts goals in training runs in progress, a panel for each",
}
_OF_RECORDS = {"bars": bars, "seeds": seeds, "profile": profile}


def plot(
    kind: str, inputs: Sequence[str | Path], out: str | Path, *, metric: str | None = None
) -> Path:
    """Draw `kind` into `out` (.pdf, .svg, .png or .html).

    Args:
        kind: one of PLOTS.
        inputs: record files or folders of them, of which the newest of equal ones count; for
            "curves" metrics.jsonl files, run folders that hold one, or folders of these (what was
            --out for training); for "goals" what `entitybench.leaderboard.plots.goals` takes.
        out: the picture.
        metric: a column of the table, drawn of the records whose kind of evaluation has it; for
            "curves" a name in metrics.jsonl. Default: what is counted first, for "curves" in the
            evaluations on validation seeds.

    Raises:
        UnknownId, BadValue: no such plot, metric or suffix, or a profile over unequal tasks.
        RecordError: an input that is no record, or no metrics.
        MissingExtra: matplotlib is not installed.
    """
    if kind not in PLOTS:
        raise unknown("plot", kind, PLOTS, see="bench plot --help")
    out = Path(out)
    if out.suffix not in style.SUFFIXES:
        raise BadValue(f"a plot is {', '.join(style.SUFFIXES)}: got {str(out)!r}.")
    if metric is not None and kind == "goals":
        raise BadValue(f"goals have no metric: leave out {metric!r}.")
    if not inputs:
        raise BadValue(f"nothing to draw: {kind} needs at least one file.")
    with style.of_papers():
        if kind == "goals":
            figure = goals(inputs)
        elif kind == "curves":
            figure = curves(inputs, metric)
        else:
            rows = [row.record for row in table(chosen(inputs).records).rows]
            name = metric or rows[0].metrics[0].name
            rows = _with(name, rows)
            figure = _OF_RECORDS[kind](rows, metric_of(rows[0], name))
        drawn = style.drawn(figure, out.suffix)
    return write_atomic(out, drawn)


def _with(name: str, records: Sequence[Record]) -> list[Record]:
    """The records whose kind of evaluation has the metric; warns of others. Raises UnknownId."""
    having = {each.kind for each in records if name in {metric.name for metric in each.metrics}}
    if not having:
        raise unknown("metric", name, metrics_of(records))
    kept = [each for each in records if each.kind in having]
    if lacking := len(records) - len(kept):
        warn(f"{lacking} of {len(records)} records are of a kind without {name}: not drawn.")
    return kept
