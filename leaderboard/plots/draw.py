"""`bench plot`: records, training curves and what agents say, as PDF, SVG, PNG or an HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from entitybench.errors import BadValue, unknown, whole
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
    from entitybench.types import TaskSpec

PLOTS = {
    "bars": "a metric of each agent with its 95 % interval, a group for each task",
    "seeds": "a metric of each agent, a dot for each training seed",
    "profile": "share of training seeds better than each level of a metric, with its 95 % band",
    "curves": "a metric of training runs: mean and 95 % interval over their training seeds",
    "goals": "where hindsight puts goals in training runs in progress, a panel for each",
    "graphs": "who acted on whom over an episode, as agents say and as it was, a panel for each",
}
_OF_RECORDS = {"bars": bars, "seeds": seeds, "profile": profile}


def plot(
    kind: str,
    inputs: Sequence[str | Path],
    out: str | Path,
    *,
    metric: str | None = None,
    task: str | TaskSpec | None = None,
    episode_seed: int | None = None,
) -> Path:
    """Draw `kind` into `out` (.pdf, .svg, .png or .html).

    Args:
        kind: one of PLOTS.
        inputs: record files or folders of them, of which the newest of equal ones count; for
            "curves" metrics.jsonl files, run folders that hold one, or folders of these (what was
            --out for training); for "goals" what `entitybench.leaderboard.plots.goals` takes; for
            "graphs" agents as words ID, or ID=FOLDER of weights, of which the first training seed.
        out: the picture.
        metric: a column of the table, drawn of the records whose kind of evaluation has it; for
            "curves" a name in metrics.jsonl. Default: what is counted first, for "curves" in the
            evaluations on validation seeds.
        task: of "graphs", and of these alone: one whose interactions are known.
        episode_seed: of "graphs": which public start. Default: 0.

    Raises:
        UnknownId, BadValue: no such plot, metric or suffix, a profile over unequal tasks, or what
            `entitybench.leaderboard.plots.edges` refuses.
        RecordError: an input that is no record, or no metrics.
        MissingExtra: matplotlib is not installed.
    """
    if kind not in PLOTS:
        raise unknown("plot", kind, PLOTS, see="bench plot --help")
    out = Path(out)
    if out.suffix not in style.SUFFIXES:
        raise BadValue(f"a plot is {', '.join(style.SUFFIXES)}: got {str(out)!r}.")
    if metric is not None and kind in ("goals", "graphs"):
        raise BadValue(f"{kind} have no metric: leave out {metric!r}.")
    if kind == "graphs":
        return _graphs([str(each) for each in inputs], out, task, episode_seed)
    for name, value in (("task", task), ("episode-seed", episode_seed)):
        if value is not None:
            raise BadValue(f"--{name} is of graphs: leave it out for {kind}.")
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


def _graphs(
    words: Sequence[str], out: Path, task: str | TaskSpec | None, episode_seed: int | None
) -> Path:
    from entitybench.envs.worlds import task_of
    from entitybench.leaderboard.evaluation.named import loaded, named
    from entitybench.leaderboard.plots.edges import edges

    if task is None:
        raise BadValue("graphs are of a task: name it, e.g. --task dag-10.")
    start = whole("episode_seed", 0 if episode_seed is None else episode_seed, 0)
    spec = task_of(task)
    found = {name: loaded(word, spec) for name, word in named(words).items()}
    agents = [(name, each[min(each)]) for name, each in found.items()]
    return edges(agents, spec, out, item=start)


def _with(name: str, records: Sequence[Record]) -> list[Record]:
    """The records whose kind of evaluation has the metric; warns of others. Raises UnknownId."""
    having = {each.kind for each in records if name in {metric.name for metric in each.metrics}}
    if not having:
        raise unknown("metric", name, metrics_of(records))
    kept = [each for each in records if each.kind in having]
    if lacking := len(records) - len(kept):
        warn(f"{lacking} of {len(records)} records are of a kind without {name}: not drawn.")
    return kept
