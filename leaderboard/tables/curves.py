"""Training curves out of the metrics files of runs: one JSON object a line, each with a step."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from entitybench.checkpoints import META, RUN
from entitybench.errors import RecordError, UnknownId, unknown
from entitybench.files import read_file
from entitybench.leaderboard.training.metrics import METRICS, rows_of
from entitybench.registry import agents, kind_for, kinds, tasks
from entitybench.texts import parsed
from entitybench.words import reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.kinds import Metric
    from entitybench.leaderboard.training.metrics import Rows

_OF_SEEDS = ("seed", "parts", "beside", "device", "devices", "threads", "cpu_s")  # in run.json
_TITLE = "title"  # of a group, where its folder's name tells nothing
_OF_WEIGHTS = (
    "agent",
    "config",
    "dataset",
    "seed",
    "task",
    "unit",
)  # what agent.json tells of a run


@dataclass(frozen=True)
class Run:
    """The curve of one training seed."""

    name: str  # the last two folders of its file, or its path where two share these
    group: str  # its training: the folder that holds its seeds; `name` where nothing tells that
    rows: Rows
    unit: str = "updates"  # of a step
    task: str = ""
    metrics: tuple[Metric, ...] = ()  # of the evaluations: those of its kind

    def measured(self, column: str) -> Metric | None:
        """The metric that a column holds, if evaluations do and it is known."""
        if not any(column in row.get("evaluation", {}) for row in self.rows):
            return None
        return next((metric for metric in self.metrics if metric.name == column), None)


def read_runs(paths: Sequence[str | Path]) -> list[Run]:
    """Runs out of their metrics files.

    A folder is that of one run, or the --out of training with its seed*/. Those in one folder that
    asked for the same (run.json) but for the seed and what computes are a group. Weights that come
    with the package have no run.json: agent.json tells there, and the agent names the group.

    Raises:
        RecordError: no metrics there, or something else.
    """
    files = [file for path in map(Path, paths) for file in _metrics_files(path)]
    files = list({file.resolve(): file for file in files}.values())
    asked = [_asked(file.parent) for file in files]
    names = _told_apart(["/".join(file.parent.parts[-2:]) or file.name for file in files], files)
    groups = [
        (str(file.resolve().parents[1]), json.dumps(_of_all_seeds(words), sort_keys=True))
        if "seed" in words
        else (str(file.resolve()), "")
        for file, words in zip(files, asked, strict=True)
    ]
    keys = list(dict.fromkeys(groups))
    firsts = [groups.index(key) for key in keys]
    shown = [
        str(asked[k].get(_TITLE) or Path(key[0]).name or key[0]) if key[1] else names[k]
        for k, key in zip(firsts, keys, strict=True)
    ]
    title = dict(zip(keys, _told_apart(shown, [key[0] for key in keys]), strict=True))
    return [
        Run(
            name,
            title[group],
            read_rows(file),
            str(words.get("unit", "updates")),
            str(words.get("task", "")),
            _metrics_of(words),
        )
        for name, group, file, words in zip(names, groups, files, asked, strict=True)
    ]


def _of_all_seeds(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in asked.items() if name not in _OF_SEEDS}


def _told_apart(names: Sequence[str], longer: Sequence[object]) -> list[str]:
    """Names, the longer ones where one occurs twice, and numbers where that does not help."""
    told = [
        str(long) if names.count(name) > 1 else name
        for name, long in zip(names, longer, strict=True)
    ]
    return [
        f"{name} {told[: k + 1].count(name)}" if told.count(name) > 1 else name
        for k, name in enumerate(told)
    ]


def _asked(folder: Path) -> dict[str, Any]:
    """What a run was asked for; nothing where no file says it."""
    file = next((folder / name for name in (RUN, META) if (folder / name).is_file()), None)
    if file is None:
        return {}
    try:
        asked = parsed(read_file(file).decode())
    except (OSError, ValueError, RecursionError) as error:
        raise RecordError(f"{file} does not say what was trained: {reason(error)}.") from error
    if not isinstance(asked, dict):
        return {}
    if file.name == RUN:
        return asked
    return {name: asked[name] for name in _OF_WEIGHTS if name in asked} | {
        _TITLE: asked.get("agent")
    }


def _metrics_of(asked: Mapping[str, Any]) -> tuple[Metric, ...]:
    """The metrics of the kind of a run, the first one first; of every kind where none is told."""
    agent, task = str(asked.get("agent")), str(asked.get("task"))
    if agent in agents() and task in tasks():
        return kind_for(agents()[agent].kind, tasks()[task]).metrics
    return tuple(metric for kind in kinds() for metric in kind.metrics)


def read_rows(file: Path) -> Rows:
    """The rows of one metrics file, as `rows_of` reads them. Raises RecordError for none."""
    try:
        rows, why = rows_of(read_file(file))
    except OSError as error:
        raise RecordError(f"{file} holds no training metrics: {reason(error)}.") from error
    if not rows:
        raise RecordError(f"{file} holds no training metrics{f': {why}' if why else ' yet'}.")
    return rows


def _metrics_files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = [path / METRICS]
    if not files[0].is_file():
        files = sorted(path.glob(f"seed*/{METRICS}"), key=lambda file: (len(str(file)), file))
    if not files:
        raise RecordError(f"no training metrics in {path}: neither {METRICS} nor seed*/ in it.")
    return files


def evaluated(runs: Sequence[Run]) -> str:
    """The first of the metrics that the evaluations hold, else the first of what they hold.

    Raises UnknownId where there are none.
    """
    rows = [row for run in runs for row in run.rows]
    there = [name for row in rows for name in row.get("evaluation", {})]
    known = (metric.name for run in runs for metric in run.metrics if metric.name in there)
    if there:
        return str(next(known, there[0]))
    names = sorted({key for row in rows for key in row} - {"step", "evaluation"})
    raise UnknownId(
        f"nothing was evaluated while these learned: name what to draw, --metric {'|'.join(names)}."
    )


def points(rows: Sequence[Mapping[str, Any]], column: str) -> list[tuple[int, float]]:
    """(step, value) of a column, logged or of the evaluations. Raises UnknownId if it has none."""
    found = [(int(row["step"]), _value(row, column)) for row in rows]
    there = [(step, value) for step, value in found if value is not None]
    if not there:
        known = {key for row in rows for key in (*row, *row.get("evaluation", {}))}
        known -= {"step", "evaluation"}
        raise unknown("training metric", column, sorted(known))
    return there


def _value(row: Mapping[str, Any], column: str) -> float | None:
    value = row.get(column, row.get("evaluation", {}).get(column))
    return None if value is None else float(value)
