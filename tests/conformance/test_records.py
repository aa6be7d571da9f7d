"""The record file: schema, reading, writing, and one clear line for what is wrong."""

import json
import math
import os
import stat
import threading
from pathlib import Path

import pytest

from entitybench import files
from entitybench.errors import BadValue, RecordError
from entitybench.files import swap, write_atomic, write_new, writing
from entitybench.records import Columns, Record, Row, record_schema

METRICS = [
    {"name": "success", "title": "success (%)", "short": "success", "scale": 100.0},
    {"name": "latency_ms", "title": "decision (ms)", "short": "ms", "exact": False},
]
ROWS = {
    "training_seed": [0, 0],
    "item": [5, 6],
    "values": {"success": [1, 0.5], "latency_ms": [1.5, None], "length": [50, 50]},
    "digest": ["ab", "cd"],
    "note": [],
    "error": [],
}
DATA = {
    "schema_version": 2,
    "kind": "goal-control",
    "metrics": METRICS,
    "agent": {"id": "hecrl", "preset": "small", "config": {"alpha": 0.3}},
    "task": {"id": "push-3blocks", "version": 1, "kind": "goal-control", "horizon": 50},
    "hashes": {"task": "aa"},
    "versions": {"python": "3.11"},
    "device": "cpu",
    "block": 25,
    "threads": 2,
    "wall_time_s": 1.0,
    "created": "2026-01-01T00:00:00+00:00",
    "rows": ROWS,
}
EPISODE = {
    "training_seed": 0,
    "seed": 5,
    "success": True,
    "success_any": True,
    "success_fraction": 1.0,
    "steps_to_success": 7,
    "return": -6.0,
    "length": 50,
    "latency_ms": 1.5,
    "state_digest": "ab" * 32,
    "error": None,
}


def rows(**columns):
    """The rows with other columns; of a name that is none, another column of values."""
    values = {name: x for name, x in columns.items() if name not in ROWS}
    rest = {name: x for name, x in columns.items() if name in ROWS}
    return {**ROWS, "values": {**ROWS["values"], **values}, **rest}


def schema1(**fields):
    """A record as schema 1 had it."""
    kept = {k: v for k, v in DATA.items() if k not in ("kind", "metrics", "rows")}
    hashes = {"task": "aa", "dataset": "d1", "weights": {}}
    return {**kept, "schema_version": 1, "hashes": hashes, "episodes": [EPISODE], **fields}


def write(tmp_path, data):
    path = tmp_path / "record.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return path


def test_written_and_read_again(tmp_path):
    record = Record.model_validate(DATA)
    path = record.write(tmp_path / "new" / "folder" / "record.json")
    assert Record.read(path) == record
    assert json.loads(path.read_text())["rows"] == ROWS
    assert '"item": [5, 6]' in path.read_text(), "a column is a line"
    assert os.listdir(path.parent) == ["record.json"]


def test_rows_and_columns_are_the_same(tmp_path):
    record = Record.model_validate(DATA)
    assert record.rows[1] == Row(0, 6, {"success": 0.5, "latency_ms": None, "length": 50}, "cd")
    assert Columns.of(record.rows) == record.columns
    noted = [
        Row(0, 1, {"success": 1.0}, note="why"),
        Row(0, 2, {"success": 0.0}, error="policy: x"),
    ]
    assert Columns.of(noted).rows() == noted


def test_schema_1_is_lifted(tmp_path):
    other = {**EPISODE, "training_seed": 3, "success": False, "steps_to_success": None}
    record = Record.read(write(tmp_path, schema1(episodes=[EPISODE, other])))
    assert (record.kind, record.item, record.training_seeds) == ("goal-control", "episode", [0, 3])
    assert [m.name for m in record.metrics[:2]] == ["success", "success_any"]
    assert record.rows[0].values["success"] == 1
    assert record.rows[0].digest == "ab" * 8
    assert record.rows[1].values["steps_to_success"] is None
    assert [each.sha256 for each in record.data] == ["d1", "d1"]
    assert Record.read(record.write(tmp_path / "two.json")) == record


def test_the_schema_is_the_files():
    schema = record_schema()
    assert set(schema["properties"]) >= set(DATA)
    assert set(schema["$defs"]["Columns"]["properties"]) == set(ROWS)
    json.dumps(schema)


def change(**fields):
    return {**DATA, **fields}


def old(**fields):
    return schema1(episodes=[{**EPISODE, **fields}])


EMPTY = {"training_seed": [], "item": [], "values": {}}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ('{"schema_version": 1, "ag', "is no record: not JSON"),
        ("[]", "schema_version is None"),
        (change(schema_version=3), "schema 3, made by a newer entitybench"),
        (change(schema_version=0), "schema_version is 0"),
        (change(rows=EMPTY), "at least one row"),
        (change(rows=rows(item=[5, 5])), "a row occurs twice"),
        (change(rows=rows(item=[5])), "item has 1 rows, and training_seed 2"),
        (change(rows=rows(success=[1.0])), "success has 1 rows"),
        (change(rows=rows(success=["maybe", 1])), r"rows\.values\.success\.0"),
        (change(rows=rows(success=[True, 1])), r"rows\.values\.success\.0"),
        (change(rows=rows(success=[2, 1])), "success is a share, and 2"),
        (change(rows=rows(length=[float("nan"), 1])), r"rows\.values\.length\.0.*finite"),
        (change(rows=rows(length=[1e308, 1])), r"rows\.values\.length\.0.*less than"),
        (change(rows=rows(length=[10**400, 1])), r"rows\.values\.length\.0"),
        (change(rows=rows(values={"length": [1, 1]})), "no values of the metric success"),
        (change(rows=rows(item=[-1, 2])), r"rows\.item\.0"),
        (change(metrics=[]), "metrics: "),
        (schema1(episodes=[]), "at least one row"),
        (schema1(episodes=None), "episodes: "),
        (schema1(episodes=[EPISODE, EPISODE]), "a row occurs twice"),
        (old(success="maybe"), r"episodes\.0\.success: "),
        (old(success_any=1), r"episodes\.0\.success_any: "),
        (old(**{"return": float("nan")}), r"episodes\.0\.return: .*finite"),
        (old(length=50.0), r"episodes\.0\.length: "),
        (old(steps_to_success=10**400), r"steps_to_success: "),
        (old(success_fraction=1.5), "success_fraction is a share"),
        (schema1(task=7), "kind: "),
        (change(schema_version=True), "schema_version is True"),
        ("[" * 100_000, "is no record: its brackets nest too deeply"),
        ('{"schema_version": ' + "9" * 5000 + "}", "is no record: not JSON"),
        (change(surprise=1), "surprise: "),
        ({k: v for k, v in DATA.items() if k != "device"}, "device: Field required"),
    ],
)
def test_bad_records_say_where(tmp_path, data, words):
    with pytest.raises(RecordError, match=words) as caught:
        Record.read(write(tmp_path, data))
    assert "\n" not in str(caught.value)
    assert "record.json" in str(caught.value)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(RecordError, match="No such file"):
        Record.read(tmp_path / "none.json")
    with pytest.raises(RecordError, match="directory"):
        Record.read(tmp_path)
    (tmp_path / "noise").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecordError, match="not text"):
        Record.read(tmp_path / "noise")


def test_the_deterministic_part_leaves_out_time_and_threads():
    first = Record.model_validate(DATA)
    slower = change(threads=1, wall_time_s=9.0, created="2027", rows=rows(latency_ms=[9.0, 9.0]))
    assert first.deterministic() == Record.model_validate(slower).deterministic()
    failed = change(rows=rows(success=[0, 0]))
    assert first.deterministic() != Record.model_validate(failed).deterministic()


def test_errors_are_counted_by_whose_fault_they_are():
    errors = ["policy: KeyError", "infrastructure: MemoryError"]
    record = Record.model_validate(change(rows=rows(error=errors)))
    assert record.failures() == {"infrastructure": 1, "policy": 1}
    assert [row.counts for row in record.rows] == [True, False]


def test_labels_and_seeds():
    record = Record.model_validate(change(rows=rows(training_seed=[3, 1])))
    assert record.training_seeds == [1, 3]
    assert record.label == "hecrl"
    zero_shot = change(agent={"id": "hecrl", "weights_from": "push-3blocks"})
    assert Record.model_validate(zero_shot).label == "hecrl (trained on push-3blocks)"
    usual = {"training_seed": 0, "dataset": "hopper/medium-v1", "sha256": "a"}
    assert Record.model_validate(change(data=[usual])).label == "hecrl"
    unusual = {**usual, "default": False}
    assert Record.model_validate(change(data=[unusual])).label == "hecrl (on medium-v1)"


def test_a_write_that_fails_leaves_nothing(tmp_path, monkeypatch):
    path = tmp_path / "kept.txt"
    write_atomic(path, "old")

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BadValue, match=r"cannot write .*kept\.txt: No space left on device"):
        write_atomic(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["kept.txt"]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "deep").mkdir()
    link, dangling = tmp_path / "link.json", tmp_path / "dangling.json"
    (tmp_path / "deep" / "real.json").write_text("old")
    link.symlink_to("deep/real.json")
    dangling.symlink_to(tmp_path / "deep" / "fresh.json")
    write_atomic(link, "new")
    write_atomic(dangling, "made")
    assert link.is_symlink()
    assert dangling.is_symlink()
    assert (tmp_path / "deep" / "real.json").read_text() == "new"
    assert (tmp_path / "deep" / "fresh.json").read_text() == "made"
    assert sorted(os.listdir(tmp_path / "deep")) == ["fresh.json", "real.json"]


def test_a_link_to_itself_cannot_be_written(tmp_path):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(BadValue, match=r"cannot write .*loop: "):
        write_atomic(loop, "x")
    assert loop.is_symlink()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
@pytest.mark.parametrize("linked", [False, True])
def test_a_pipe_is_written_into_and_never_replaced(tmp_path, linked):
    pipe, path = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    path.symlink_to(pipe)
    got = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()), daemon=True)
    reader.start()
    write_atomic(path if linked else pipe, "text")
    reader.join(10)
    assert got == [b"text"]
    assert stat.S_ISFIFO(os.lstat(pipe).st_mode)
    assert path.is_symlink()
    assert sorted(os.listdir(tmp_path)) == ["link", "pipe"]


def test_a_folder_is_not_replaced(tmp_path):
    with pytest.raises(BadValue, match="cannot write"):
        write_atomic(tmp_path, "x")


def test_standard_output_can_be_named(capfd):
    write_atomic("/dev/stdout", "text")
    assert capfd.readouterr().out == "text"


def test_a_new_name_is_never_one_that_is_taken(tmp_path):
    folder = tmp_path / "new"
    names = [write_new(folder, "a", text).name for text in "xyz"]
    assert names == ["a.json", "a-2.json", "a-3.json"]
    assert [(folder / name).read_text() for name in names] == list("xyz")


def test_an_empty_file_is_taken_by_one_writer_alone(tmp_path):
    (tmp_path / "a.json").touch()
    assert [write_new(tmp_path, "a", text).name for text in "xy"] == ["a.json", "a-2.json"]
    assert (tmp_path / "a.json").read_text() == "x"


def test_many_writers_of_one_name_lose_nothing(tmp_path):
    texts = [str(k) for k in range(12)]
    writers = [threading.Thread(target=write_new, args=(tmp_path, "a", text)) for text in texts]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(path.read_text() for path in tmp_path.iterdir()) == sorted(texts)


def test_a_new_name_never_holds_less_than_all(tmp_path, monkeypatch):
    seen = []
    link = os.link

    def look(source, target):
        seen.append((Path(target).exists(), Path(source).read_text()))
        link(source, target)

    monkeypatch.setattr(os, "link", look)
    write_new(tmp_path, "a", "whole")
    assert seen == [(False, "whole")]


def test_what_killed_writers_left_is_taken_away_and_nothing_else(tmp_path):
    stale = tmp_path / f".a.json.{'0' * 32}.part"
    mine = [tmp_path / name for name in (".a.json.part", ".notes", f"a.{'0' * 32}.part")]
    for path in (stale, *mine):
        path.write_text("x")
    with writing(tmp_path / "b.json") as busy:
        write_atomic(tmp_path / "a.json", "new")
        assert not stale.exists()
        assert busy.exists()
        busy.write_text("b")
    assert sorted(tmp_path.iterdir()) == sorted([*mine, tmp_path / "a.json", tmp_path / "b.json"])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_that_nobody_reads_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "PATIENCE", 0.0)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadValue, match="nobody reads from this pipe"):
        write_atomic(tmp_path / "pipe", "x")


def test_folders_change_places(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    if not swap(tmp_path / "a", tmp_path / "b"):
        pytest.skip("this system cannot")
    assert (tmp_path / "a" / "file").read_text() == "b"
    assert (tmp_path / "b" / "file").read_text() == "a"


def test_a_new_name_is_given_back_when_the_write_fails(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BadValue, match="No space left"):
        write_new(tmp_path, "a", "x")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 900 + "1" + "}" * 900])
def test_every_reader_of_json_stands_deep_nesting(text, tmp_path):
    """Beyond Python's stack, and within it but too deep to be walked and written again."""
    from entitybench.checkpoints import read_meta
    from entitybench.datasets.pages.api import read_facts
    from entitybench.errors import CheckpointError
    from entitybench.leaderboard.tables.curves import read_rows
    from entitybench.leaderboard.training.metrics import read_metrics
    from entitybench.texts import parsed

    for name in ("a.json", "agent.json", "metrics.jsonl"):
        (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match="nest too deeply"):
        parsed(text)
    with pytest.raises(RecordError, match="no record: its brackets nest too deeply"):
        Record.read(tmp_path / "a.json")
    with pytest.raises(CheckpointError, match="nest too deeply"):
        read_meta(tmp_path)
    with pytest.raises(RecordError, match="nest too deeply"):
        read_rows(tmp_path / "metrics.jsonl")
    assert read_metrics(tmp_path / "metrics.jsonl") == []
    assert read_facts(tmp_path / "a.json") is None


def test_json_that_is_deep_enough_for_anything_is_read():
    from entitybench.texts import DEEPEST, parsed

    text = "[" * DEEPEST + "]" * DEEPEST
    assert parsed(text) == json.loads(text)
    with pytest.raises(ValueError, match="nest"):
        parsed(f"[{text}]")
    assert math.isnan(parsed("NaN"))
    with pytest.raises(ValueError, match="it holds NaN"):
        parsed("[NaN]", finite=True)
