"""The table of reference scores that datasets read, from the stored records: `make results`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from entitybench.records import Record

if TYPE_CHECKING:
    from pathlib import Path

    from entitybench.datasets.catalogue.scores import Scores

METRICS = ("success", "success_fraction", "return")


def reference_scores(records: Path) -> dict[str, Scores]:
    """What random actions and the oracle reach, by task that scores actions.

    Args:
        records: the folder with `<task>/random.json` and, where there is a script, `oracle.json`.

    Raises:
        RecordError: a record that cannot be read.
    """
    found: dict[str, Scores] = {}
    for path in sorted(records.glob("*/random.json")):
        random = Record.read(path)
        if not set(METRICS) <= random.columns.values.keys():
            continue  # no policies are scored there, such as where graphs are inferred
        task = random.task
        beside = path.with_name("oracle.json")
        oracle = Record.read(beside) if beside.is_file() else None
        if oracle is not None and _made(oracle) != _made(random):
            oracle = None
        found[task.id] = {
            "version": task.version,
            "horizon": task.horizon,
            "kwargs": task.kwargs,
            "episodes": len(random.items),
            "random": _means(random),
            "oracle": None if oracle is None else _means(oracle),
        }
    return found


def written(table: dict[str, Scores]) -> str:
    """The text of `scores.json`: a line for each task."""
    lines = ",\n".join(f"{json.dumps(id)}: {json.dumps(entry)}" for id, entry in table.items())
    return f"{{\n{lines}\n}}\n"


def _made(record: Record) -> tuple[object, ...]:
    return record.task.version, record.task.kwargs, record.task.horizon


def _means(record: Record) -> dict[str, float]:
    rows = [row.values for row in record.rows if row.counts]
    return {
        name: round(float(np.mean([values[name] or 0.0 for values in rows])), 4) for name in METRICS
    }
