"""Committed records of schema 1 give the tables that they gave when schema 1 was all there was.

schema1_tables.json holds the first 16 hex digits of the sha256 of the means in each record's table.
They were written by a revision whose whole tables were those of the last that knew schema 1 alone;
intervals are left out, since they have become wider where they were too narrow.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from entitybench.leaderboard.tables.table import table
from entitybench.records import Record

ROOT = Path(__file__).parents[2] / "leaderboard" / "reference" / "records"
TABLES = json.loads(Path(__file__).with_name("schema1_tables.json").read_text())
INTERVALS = ("low", "high", "method", "count", "hierarchical_bootstrap", "interval")
NEW = ("dataset", *INTERVALS)


def _as_it_was(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _as_it_was(item)
            for key, item in value.items()
            if key not in NEW and not key.endswith(("_low", "_high"))
        }
    return [_as_it_was(item) for item in value] if isinstance(value, list) else value


def _digest(record: Record) -> str:
    found = table([record])
    plain = json.dumps(_as_it_was([found.to_json(), found.values()]), sort_keys=True)
    grid = found.grid()
    words = repr((grid.title, grid.header, [row[0] for row in grid.rows]))
    return hashlib.sha256((plain + words).encode()).hexdigest()[:16]


@pytest.mark.parametrize("task", sorted({name.partition("/")[0] for name in TABLES}))
def test_the_tables_are_what_they_were(task: str) -> None:
    old = {
        name: path
        for name in TABLES
        if name.startswith(f"{task}/")
        and (path := ROOT / name).is_file()
        and json.loads(path.read_text())["schema_version"] == 1
    }
    found = {name: _digest(Record.read(path)) for name, path in old.items()}
    assert found == {name: TABLES[name] for name in old}


def test_records_of_schema_1_are_still_there() -> None:
    """The test above would pass without any."""
    versions = [json.loads((ROOT / name).read_text())["schema_version"] for name in TABLES]
    assert versions.count(1) > 100
