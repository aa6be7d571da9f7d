"""Committed records of schema 1 give the tables that they gave when schema 1 was all there was.

schema1_tables.json holds the first 16 hex digits of the sha256 of the means in each record's table.
They were written by a revision whose whole tables were those of the last that knew schema 1 alone;
intervals are left out, since they have become wider where they were too narrow, and so are
normalised returns, which schema 1 did not hold.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from entitybench.kinds import NORMALISED
from entitybench.leaderboard.tables.table import table
from entitybench.records import Record
from entitybench.schema1 import lifted

ROOT = Path(__file__).parents[2] / "leaderboard" / "reference" / "records"
TABLES = json.loads(Path(__file__).with_name("schema1_tables.json").read_text())
INTERVALS = ("low", "high", "method", "count", "hierarchical_bootstrap", "interval")
NEW = ("dataset", "origin", "normalised_return", *INTERVALS)


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
    header = tuple(title for title in grid.header if title != NORMALISED.title)
    words = repr((grid.title, header, [row[0] for row in grid.rows]))
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


@pytest.mark.parametrize("task", ["halfcheetah", "team-pushbox", "hockey-1v1"])
def test_normalised_returns_are_lifted_with_the_others(task: str) -> None:
    """The scores are means of these very records: what is at 0 and at 100 is known."""
    for agent, share in (("random", 0.0), ("oracle", 100.0)):
        file = ROOT / task / f"{agent}.json"
        old = json.loads(file.read_text())
        assert old["schema_version"] == 1
        record = Record.read(file)
        shares = record.columns.values["normalised_return"]
        assert sum(shares) / len(shares) == pytest.approx(share, abs=0.05)
        assert record.metrics[-1].name == "normalised_return"
        # Linear in the return: the best episode of one is the best of the other.
        returns = [row["return"] for row in old["episodes"]]
        assert shares.index(max(shares)) == returns.index(max(returns))


def test_returns_of_a_task_without_scores_are_normalised_by_nothing() -> None:
    old = json.loads((ROOT / "halfcheetah" / "oracle.json").read_text())
    old["task"]["horizon"] = 7
    shares = Record.model_validate(lifted(old)).columns.values["normalised_return"]
    assert set(shares) == {None}
    goals = Record.read(ROOT / "push-3blocks" / "oracle.json")
    assert "normalised_return" not in goals.columns.values
