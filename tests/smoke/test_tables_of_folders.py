"""Tables of folders: the newest of equal records count, yours stand above the shipped ones."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest

import entitybench as eb
from entitybench.errors import RecordError
from entitybench.leaderboard.cli.main import main
from entitybench.leaderboard.evaluation.weights import REFERENCE
from entitybench.leaderboard.tables.render import render, rich_table
from entitybench.records import Record

STORED = REFERENCE / "records" / "push-1block"


def written(folder: Path, agent: str, name: str, created: str, **changes: object) -> Path:
    """A record like a shipped one, made at another time, of other weights if not told otherwise."""
    data = json.loads(Record.read(STORED / f"{agent}.json").to_json())
    data["created"] = created
    data["hashes"]["weights"] = dict.fromkeys(data["hashes"]["weights"], "1" * 64)
    for key, value in changes.items():
        data["agent"][key] = value
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(data))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    results = tmp_path / "results" / "push-1block"
    written(results, "gcbc" if (STORED / "gcbc.json").is_file() else "hecrl", "b", "2026-02-02")
    written(results, "hecrl", "old", "2026-01-01")
    written(results, "hecrl", "new", "2026-03-01")
    written(results, "hecrl", "tiny", "2026-01-05", preset="tiny")
    return results


def test_what_is_no_record_is_left_out_of_a_folder(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "notes.json").write_text('{"loss": 3}')
    assert main(["table", str(folder)]) == 0
    assert "No records: notes.json." in capsys.readouterr().out
    assert main(["table", str(folder / "notes.json")]) == 2  # a file that is named is meant
    for file in folder.glob("*.json"):
        if file.name != "notes.json":
            file.unlink()
    capsys.readouterr()
    assert main(["table", str(folder)]) == 2
    assert f"no record (*.json) in {folder}." in capsys.readouterr().err


def test_the_newest_of_equal_ones_stand_above_the_shipped_ones(folder: Path) -> None:
    made = eb.table(folder)
    mine = [row for row in made.rows if row.origin == "yours"]
    shipped = [row for row in made.rows if row.origin == "shipped"]
    assert made.rows == (*mine, *shipped)
    times = {(row.record.agent.id, row.record.agent.preset): row.record.created for row in mine}
    assert times["hecrl", "small"] == "2026-03-01"
    assert times["hecrl", "tiny"] == "2026-01-05"
    assert len(shipped) == len(list(STORED.glob("*.json")))
    assert "hecrl (yours: small, seeds 0 1 2 3 4)" in [row.name for row in mine]
    for rows in (mine, shipped):  # best first
        means = [row.cells["success"].mean for row in rows]
        assert means == sorted(means, reverse=True)
    assert "Left out beside newer ones: old.json." in made.grid().notes
    for k in range(9):
        written(folder, "hecrl", f"a{k}", "2025-01-01")
    names = ", ".join(f"a{k}.json" for k in range(8))
    assert f"Left out beside newer ones: {names} and 2 more." in eb.table(folder).grid().notes


@pytest.mark.parametrize("shift", [0, 1])
def test_training_seeds_add_up_and_other_settings_do_not(tmp_path: Path, shift: int) -> None:
    first = written(tmp_path, "hecrl", "first", "2026-01-01")
    second = written(tmp_path, "hecrl", "second", "2026-01-02")
    data = json.loads(second.read_text())
    data["rows"]["training_seed"] = [seed + 5 for seed in data["rows"]["training_seed"]]
    for each in data["data"]:
        each["training_seed"] += 5
    data["agent"]["config"] = {**data["agent"]["config"], "samples": 16 + shift}
    second.write_text(json.dumps(data))
    rows = [row for row in eb.table(tmp_path).rows if row.origin == "yours"]
    assert len(rows) == 1
    seeds = rows[0].record.training_seeds
    assert seeds == ([5, 6, 7, 8, 9] if shift else list(range(10)))
    note = eb.table(tmp_path).grid().notes[-1]
    assert (f"Left out beside newer ones: {first.name}." == note) == bool(shift)


def test_what_is_named_counts_beside_a_folder(folder: Path) -> None:
    old = folder / "old.json"
    made = eb.table([Record.read(old), folder])
    mine = {row.record.created for row in made.rows if row.origin == "yours"}
    assert "2026-01-01" in mine
    assert "2026-03-01" not in mine
    assert "Left out beside named or newer ones: new.json, old.json." in made.grid().notes
    with pytest.raises(RecordError, match="give one of them, or their folder"):
        eb.table([old, folder / "new.json"])


def test_a_file_counts_once_whatever_names_it(folder: Path) -> None:
    new = folder / "new.json"
    usual = eb.table(folder)
    for given in ([new, folder], [folder, new], [folder, folder / ".." / folder.name]):
        made = eb.table(given)
        assert sorted(row.name for row in made.rows) == sorted(row.name for row in usual.rows)
        (left,) = (note for note in made.grid().notes if note.startswith("Left out"))
        assert left.endswith(" newer ones: old.json.")


def test_what_is_broken_by_itself_is_left_out_for_that(folder: Path) -> None:
    old = folder / "old.json"
    data = json.loads(old.read_text())
    data["data"].append(data["data"][0] | {"sha256": "2" * 64})
    old.write_text(json.dumps(data))
    notes = eb.table(folder).grid().notes
    assert not any(note.startswith("Left out beside newer ones") for note in notes)
    (left,) = (note for note in notes if note.startswith("Left out: "))
    assert f"({old}) says twice what training seed 0 learned from" in left
    (folder / "new.json").unlink()  # it has nothing newer beside it
    with pytest.raises(RecordError, match="says twice what training seed 0 learned from"):
        eb.table(folder)


def test_a_folder_of_folders_and_the_shipped_one(folder: Path) -> None:
    assert repr(eb.table(folder.parent)) == repr(eb.table(folder))
    shipped = eb.table(STORED)
    assert {row.origin for row in shipped.rows} == {""}
    assert shipped.grid().rules == ()


def test_the_very_weights_that_are_shipped_stand_once(tmp_path: Path) -> None:
    shutil.copy(STORED / "hecrl.json", tmp_path / "mine.json")
    rows = [row for row in eb.table(tmp_path).rows if row.record.agent.id == "hecrl"]
    assert [row.origin for row in rows] == ["yours"]


def test_every_format_shows_the_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = eb.table(folder)
    count = sum(row.origin == "yours" for row in made.rows)
    assert made.grid().rules == (count,)
    text = render(made, "text").splitlines()
    lines = [k for k, line in enumerate(text) if line.startswith("─")]
    assert lines[1] - lines[0] == count + 1
    latex = render(made, "latex")
    assert latex.count("\\midrule") == 2
    assert latex.index("yours") < latex.rindex("\\midrule")
    assert render(made, "html").count("<tbody>") == 2
    markdown = [line for line in render(made, "markdown").splitlines() if line.startswith("|")]
    assert set(markdown[2 + count]) == {"|", " "}
    rows = list(csv.DictReader(io.StringIO(render(made, "csv"))))
    assert [row["origin"] for row in rows].count("yours") == count
    assert rich_table(made.grid()) is not None

    assert main(["table", str(folder), "--sort", "return", "--format", "latex"]) == 0
    shown = capsys.readouterr().out
    assert "\\toprule" in shown
    assert shown.count("\\midrule") == 2
