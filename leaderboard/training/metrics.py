"""The metrics file of a run: one JSON object a line, each with a step."""

from __future__ import annotations

import itertools
import json
import math
from typing import TYPE_CHECKING, Any

from entitybench.files import read_file, write_atomic
from entitybench.texts import parsed
from entitybench.words import reason

if TYPE_CHECKING:
    from pathlib import Path

METRICS = "metrics.jsonl"
Rows = list[dict[str, Any]]


def rows_of(data: bytes) -> tuple[Rows, str]:
    """The rows of a metrics file, without what a kill or a power cut made unreadable.

    Args:
        data: of the file.

    Returns:
        The rows, and why the first line that is left out is none; "" where nothing is.
    """
    rows, why = Rows(), ""
    for line in filter(None, data.split(b"\n")):
        try:
            row = parsed(line)
            if not math.isfinite(row["step"]):
                raise ValueError("a step is not finite")
            row.get("evaluation", {}).items()
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            why = why or reason(error)  # cut short, zeros or noise; not what the program wrote
            continue
        rows.append(row)
    return rows, why


def read_metrics(path: Path) -> Rows:
    """The rows of a metrics file; none where there is no file."""
    return rows_of(read_file(path))[0] if path.is_file() else []


def cut_metrics(path: Path, step: int) -> Rows:
    """Drop the lines after `step`, and what is unreadable, from a metrics file.

    Returns the lines that are left.
    """
    kept = list(itertools.takewhile(lambda row: row["step"] <= step, read_metrics(path)))
    write_atomic(path, "".join(json.dumps(row) + "\n" for row in kept))
    return kept
