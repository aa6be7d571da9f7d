"""The table of robosuite's profiles: what one policy reaches in each, from the same starts.

`benchmarks/robosuite_profiles.py` makes the records, reference/profiles/AGENT/TASK/PROFILE.json.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from entitybench.leaderboard.tables.data import cell, metric_of, shown
from entitybench.records import Record

if TYPE_CHECKING:
    from pathlib import Path

PROFILES = ("faithful", "fast", "assets")
DEFAULT = "fast"  # of the tasks: the reference records are of it


def path_of(reference: Path, agent: str, task: str, profile: str) -> Path:
    """Where a record is; those of reference agents in the default profile stand with the others."""
    record = reference / "records" / task / f"{agent}.json"
    if profile == DEFAULT and record.is_file():
        return record
    return reference / "profiles" / agent / task / f"{profile}.json"


def profiles_table(agent: str, reference: Path) -> str:
    """A row for each task of the agent: success at the last step and steps by profile."""
    folders = sorted((reference / "profiles" / agent).glob("*/"), key=lambda f: (len(f.name), f))
    if not folders:
        return ""
    lines = [
        "| task | " + " | ".join(f"`{name}`" for name in PROFILES) + " | steps to success |",
        "|---|" + "---:|" * (len(PROFILES) + 1),
    ]
    for folder in folders:
        cells, steps = [], []
        for name in PROFILES:
            path = path_of(reference, agent, folder.name, name)
            record = Record.read(path) if path.is_file() else None
            cells.append("–" if record is None else _success(record))
            steps.append("–" if record is None else _steps(record))
        lines.append(f"| `{folder.name}` | {' | '.join(cells)} | {', '.join(steps)} |")
    intervals = "success at the last step, % [95 % interval], training seeds × starts"
    order = f"steps to success: means in {', '.join(PROFILES)}"
    return "\n".join([f"{intervals}; {order}", "", *lines])


def _success(record: Record) -> str:
    size = f"{len(record.training_seeds)} × {len(record.items)}"
    return f"{shown(cell(record, 'success'), metric_of(record, 'success'))}, {size}"


def _steps(record: Record) -> str:
    mean = cell(record, "steps_to_success").mean
    return "–" if math.isnan(mean) else f"{mean:.0f}"  # NaN: it never succeeded
