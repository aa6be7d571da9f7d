"""Training curves out of the metrics files of runs: one JSON object a line, each with a step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from entitybench.errors import RecordError, unknown
from entitybench.files import read_file
from entitybench.texts import parsed
from entitybench.words import reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Rows = list[dict[str, Any]]


def read_curves(paths: Sequence[str | Path]) -> dict[str, Rows]:
    """Rows of metrics files by the name of their run.

    A folder is that of one run, or the --out of training with its seed*/.

    Raises:
        RecordError: no metrics there, or something else.
    """
    curves = {}
    for file in [file for path in map(Path, paths) for file in _metrics_files(path)]:
        rows = read_rows(file)
        name = "/".join(file.parent.parts[-2:]) or file.name
        curves[str(file) if name in curves else name] = rows
    return curves


def read_rows(file: Path) -> Rows:
    """The rows of one metrics file. Raises RecordError."""
    try:
        rows = [parsed(line) for line in read_file(file).decode().splitlines()]
        steps = [int(row["step"]) for row in rows]
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise RecordError(f"{file} holds no training metrics: {reason(error)}.") from error
    if not steps:
        raise RecordError(f"{file} holds no training metrics yet.")
    return rows


def _metrics_files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = [path / "metrics.jsonl"]
    if not files[0].is_file():
        files = sorted(path.glob("seed*/metrics.jsonl"), key=lambda file: (len(str(file)), file))
    if not files:
        raise RecordError(f"no training metrics in {path}: neither metrics.jsonl nor seed*/ in it.")
    return files


def evaluated(curves: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """What the evaluations in these curves count first; "success" where there are none."""
    rows = [row for curve in curves.values() for row in curve if row.get("evaluation")]
    return next(iter(rows[0]["evaluation"])) if rows else "success"


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
