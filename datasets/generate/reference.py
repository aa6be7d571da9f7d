"""Reference scores of a task: what random actions and the scripted oracle reach.

They are those of the shipped records, so generating a dataset does not measure them again.
"""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.records import Record
from entitybench.registry import tasks

if TYPE_CHECKING:
    from entitybench.datasets.store.store import EpisodeStore
    from entitybench.types import TaskSpec

RECORDS = "entitybench.leaderboard.reference"  # the package whose records/ are read


def reference_of(task: TaskSpec) -> dict[str, Any] | None:
    """The scores of this version of a task, with these arguments; None where none are shipped.

    "random" and "oracle" hold the means "success", "success_fraction" and "return"; a task without
    a scripted policy has None for "oracle".
    """
    folder = Path(str(files(RECORDS))) / "records" / task.id
    random, oracle = (_record(folder / f"{who}.json", task) for who in ("random", "oracle"))
    if random is None:
        return None
    return {
        "random": _means(random),
        "oracle": None if oracle is None else _means(oracle),
        "episodes": len(random.columns.item),
        "how": f"means over the public starts 0 to {len(random.columns.item) - 1}, {task.horizon} "
        "steps, success at the last one; random: uniform actions; oracle: the scripted policy, "
        "given the goal",
    }


def scores_of(store: EpisodeStore) -> str:
    """A line on what the episodes of a store reach, beside the reference scores."""
    rows, known = store.episodes, store.manifest["reference_scores"] or {}
    success = [row["success"] for row in rows]
    horizon = tasks()[store.task].horizon if store.task and store.task in tasks() else None
    steps = int(store.lengths.max())
    over = "" if horizon in (None, steps) else f" over {horizon} steps, these {steps}"
    text = f"return {np.mean([row['return'] for row in rows]):.4g}, success {np.mean(success):.1%}"
    others = [
        f"{who} {known[who]['return']:.4g}, {known[who]['success']:.1%}"
        for who in ("random", "oracle")
        if known.get(who)
    ]
    known_scores = "; ".join(others) + over if others else "no reference"
    return f"{text} in the mean over {len(rows)} episodes ({known_scores})"


def _record(path: Path, task: TaskSpec) -> Record | None:
    if not path.is_file():
        return None
    record = Record.read(path)
    about = (record.task.version, record.task.kwargs, record.task.horizon)
    asked = (task.version, json.loads(json.dumps(dict(task.kwargs))), task.horizon)
    return record if about == asked else None


def _means(record: Record) -> dict[str, float]:
    values = record.columns.values
    names = ("success", "success_fraction", "return")
    return {name: round(float(np.mean(np.array(values[name], float))), 4) for name in names}
