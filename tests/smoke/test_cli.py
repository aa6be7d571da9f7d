"""The command line does what its help says: small worlds, few episodes, real files."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path

import pytest

from entitybench import registry
from entitybench.leaderboard.cli.main import main

POLICY = """
import numpy as np

class Still:
    def initial_state(self, batch):
        return None

    def act(self, obs, state, rng):
        return np.zeros((len(obs["observation"]), 2)), state
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENTITYBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    (tmp_path / "still.py").write_text(POLICY)
    return tmp_path


class Bench:
    """Runs a command that must succeed and gives what it printed."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self.capfd = capfd

    def __call__(self, words: str) -> str:
        code = main(words.split())
        shown = self.capfd.readouterr()
        assert code == 0, shown.err
        return shown.out

    def json(self, words: str):
        return json.loads(self(f"{words} --json"))


@pytest.fixture
def bench(capfd: pytest.CaptureFixture[str], place: Path) -> Bench:
    return Bench(capfd)


@pytest.mark.parametrize("what", ["tasks", "agents", "datasets", "suites"])
def test_list_names_everything_registered(what: str, bench: Bench) -> None:
    ids = getattr(registry, what)().ids
    listed = [line.split()[0] for line in bench(f"list {what}").splitlines()[1:]]
    assert listed == ids
    assert [row["id"] for row in bench.json(f"list {what}")] == ids


def test_list_alone_names_all_kinds(bench: Bench) -> None:
    assert list(bench.json("list")) == ["tasks", "agents", "datasets", "suites"]
    shown = bench("list")
    for what in ("tasks", "agents", "datasets", "suites"):
        assert all(id in shown for id in getattr(registry, what)().ids)


def test_lists_of_one_kind(bench: Bench) -> None:
    listed = {row["id"]: row for row in bench.json("list agents --kind goal-control")}
    assert "hecrl" in listed
    assert "random" in listed, "it acts in tasks of any kind"
    assert {row["kind"] for row in listed.values()} == {"goal-control", "any"}
    tasks = bench.json("list tasks --kind team-control")
    assert {row["kind"] for row in tasks} == {"team-control"}
    of_teams = {row["id"] for row in tasks}
    assert {row["task"] for row in bench.json("list datasets --kind team-control")} <= of_teams


def test_info_of_an_agent_says_what_it_needs_and_learns_from(bench: Bench) -> None:
    found = bench.json("info hecrl")
    assert found["learns_from"] == "dataset"
    assert found["needs"] == ["entities", "goals"]
    assert found["parts"] == {}
    assert "push-3blocks/play-v1 (seeds 0 1 2 3 4)" in found["trained"]
    assert "learns_from" in bench("info hecrl")
    assert bench.json("info hecrl-awr")["trained"] == found["trained"], "it has hecrl's weights"
    assert bench.json("info push-3blocks")["data"] == "push-3blocks/play-v1"


def test_scores_and_tables_show_the_shipped_records(
    bench: Bench, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from entitybench.leaderboard.evaluation import stored

    for agent in ("oracle", "random"):
        words = f"eval --agent {agent} --task push-1block --episodes 4 --out"
        bench(f"{words} reference/records/push-1block/{agent}.json")
    monkeypatch.setattr(stored, "REFERENCE", place / "reference")
    for what, id, other in (
        ("tasks", "push-1block", "oracle"),
        ("agents", "oracle", "push-1block"),
        ("datasets", "push-1block/play-v1", "oracle"),
    ):
        (row,) = [row for row in bench.json(f"list {what} --scores") if row["id"] == id]
        assert "%" in row["scores"][other]
        assert other in bench(f"list {what} --scores").partition("Success")[2]
    shown = bench("eval --agent still.py:Still --task push-1block --episodes 2")
    assert all(name in shown for name in ("still.py:Still", "oracle", "random"))
    assert len(bench.json("table")["rows"]) == 2


def test_datasets_show_their_own_reference_scores(bench: Bench) -> None:
    lines = bench("list datasets --scores").partition("Success")[2].splitlines()[2:]
    assert lines[0].split() == ["random", "oracle"]
    assert [line.split()[0] for line in lines[1:]] == registry.datasets().ids
    shares = {line.split()[0]: line.count("%") for line in lines[1:]}
    for data in registry.datasets():  # not every task has an oracle, and some score no actions
        control = registry.kinds()[registry.tasks()[data.task].kind].does == "policy"
        assert shares[data.id] in ((1, 2) if control else (0,))
    row = bench.json("list datasets --scores")[0]
    assert row["id"].startswith("push-1block/")
    (task,) = [row for row in bench.json("list tasks --scores") if row["id"] == "push-1block"]
    assert row["scores"] == {who: task["scores"][who] for who in ("random", "oracle")}


@pytest.mark.parametrize("what", ["tasks", "agents", "datasets", "suites"])
def test_info_knows_every_id(what: str, bench: Bench) -> None:
    for id in getattr(registry, what)().ids:
        assert bench.json(f"info {id}")["id"] == id
        assert id in bench(f"info {id}")


def test_eval_writes_the_record_that_it_prints(bench: Bench, place: Path) -> None:
    record = bench.json("eval --agent random --task push-2blocks --episodes 3 --episode-seed 7")
    (file,) = (place / "results" / "push-2blocks").iterdir()
    assert json.loads(file.read_text()) == record
    assert record["rows"]["item"] == [7, 8, 9]
    assert {"success", "return", "length"} <= set(record["rows"]["values"])
    assert record["arguments"]["episodes"] == 3


def test_eval_shows_a_table_and_never_overwrites(bench: Bench, place: Path) -> None:
    words = "eval --agent still.py:Still --task push-1block --episodes 2"
    assert "still.py:Still" in bench(words)
    bench(words)
    assert len(list((place / "results" / "push-1block").glob("*.json"))) == 2


def test_threads_change_no_row(bench: Bench) -> None:
    words = "eval --agent oracle --task push-1block --episodes 3 --threads"
    one, two = (bench.json(f"{words} {threads}")["rows"] for threads in (1, 2))
    for rows in (one, two):
        del rows["values"]["latency_ms"]
    assert one == two


def test_records_become_tables_comparisons_and_plots(bench: Bench, place: Path) -> None:
    for agent in ("oracle", "random"):
        bench(f"eval --agent {agent} --task push-1block --episodes 4 --out r/{agent}.json")
    assert "oracle" in bench("table r")
    assert bench("table r --format markdown").count("|") > 10
    assert r"\toprule" in bench("table r --format latex")
    best = [
        row["agent"]
        for row in bench.json("table r/random.json r/oracle.json --sort return")["rows"]
    ]
    assert best == ["oracle", "random"]
    assert len(bench.json("table r/oracle.json r/random.json")["rows"]) == 2
    assert "oracle" in bench("compare r/oracle.json r/random.json")
    assert bench.json("compare r/oracle.json r/random.json")
    pytest.importorskip("matplotlib")
    bench("plot bars r/oracle.json r/random.json --out bars.svg")
    assert (place / "bars.svg").read_text().lstrip().startswith("<?xml")


def test_dataset_there_and_back(bench: Bench, place: Path) -> None:
    manifest = bench.json("generate push-1block/play-v1 --episodes 4 --workers 1 --out mine")
    assert manifest["custom"] is True
    again = bench.json("generate push-1block/play-v1 --episodes 4 --workers 2 --out again")
    assert again["content_hash"] == manifest["content_hash"]
    pytest.importorskip("minari")
    bench("export mine --minari push-1block/mine-v0")
    bench("import push-1block/mine-v0 --out back")
    assert (place / "back" / "manifest.json").is_file()


def test_train_then_eval_then_reproducible(bench: Bench, place: Path) -> None:
    pytest.importorskip("torch")
    bench("generate push-1block/play-v1 --episodes 20 --workers 2")
    words = "train --agent gcbc --task push-1block --preset tiny --seed 3 --out"
    assert main([*words.split(), "a", "--json"]) == 0
    shown = bench.capfd.readouterr()
    assert Path(json.loads(shown.out)["folder"]) == Path("a/seed3")
    notes = [line for line in shown.err.splitlines() if line.startswith("seed 3 after ")]
    assert len(notes) == len({line.split()[3] for line in notes}) > 0, "one line an evaluation"
    assert all("success" in line and "return" in line for line in notes)
    bench(f"{words} b")
    weights = [(place / run / "seed3" / "weights.safetensors").read_bytes() for run in "ab"]
    assert weights[0] == weights[1]
    record = bench.json("eval --agent gcbc --task push-1block --weights a --episodes 2")
    assert record["rows"]["training_seed"] == [3, 3]
    assert bench(f"{words} a --resume").strip().endswith("seed3")


def test_train_several_seeds_on_a_dataset_that_it_makes(bench: Bench, place: Path) -> None:
    pytest.importorskip("torch")
    bench("generate push-1block/play-v1 --episodes 8 --workers 1 --out mine")
    words = "train --agent gcbc --task push-1block --preset tiny --dataset ./mine --seeds 0 2 "
    words += "--set phases.0.updates=9 batch_size=16 --evaluate-every 0 --logger csv --device cpu"
    assert main([*words.split(), "--out", "a"]) == 0
    shown = bench.capfd.readouterr()
    assert shown.out.splitlines() == ["a/seed0", "a/seed2"]
    lines = [line for line in shown.err.splitlines() if line.startswith("seed ")]
    assert [line.partition(":")[0] for line in lines] == ["seed 0", "seed 2"]
    assert "19 updates, " in lines[0]
    assert "bc_error" in lines[0]
    runs = bench.json(f"{words} --out a --resume")
    assert [run["seed"] for run in runs] == [0, 2]
    assert all(Path(run["folder"]).is_dir() for run in runs)
    asked = json.loads((place / "a" / "seed2" / "run.json").read_text())["config"]
    assert (asked["batch_size"], asked["phases"][0]["updates"]) == (16, 9)
    assert (place / "a" / "seed2" / "metrics.csv").is_file()
    record = bench.json("eval --agent gcbc --task push-1block --weights a --episodes 1")
    assert record["rows"]["training_seed"] == [0, 2]


@pytest.mark.slow
def test_speed_measures_beside_its_own_limit(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from entitybench.envs.speed import measure as speed

    brief = partial(speed.speed, seconds=0.02, rounds=1)
    monkeypatch.setattr(speed, "speed", brief)
    assert "raw physics" in bench("speed --task push-1block")
    rows = bench.json("speed --task push-1block")["rows"]
    assert {"raw physics", "single env", "batched env"} <= {row["name"] for row in rows}


def test_doctor_finds_this_machine_fit(bench: Bench) -> None:
    report = bench.json("doctor")
    assert report["ok"]
    assert {"python", "packages", "threads", "data folder"} <= {
        f["check"] for f in report["findings"]
    }


def test_doctor_says_what_is_broken(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], place: Path
) -> None:
    from entitybench.leaderboard.cli import doctor

    (place / "file").write_text("")
    monkeypatch.setenv("ENTITYBENCH_DATA", str(place / "file" / "data"))
    monkeypatch.setattr(doctor, "rendering", lambda: iter(()))
    monkeypatch.setattr(doctor, "determinism", lambda: iter(()))
    assert main(["doctor"]) == 2
    shown = capfd.readouterr()
    assert "ENTITYBENCH_DATA" in shown.out
    assert shown.err.splitlines() == ["bench: broken: data folder"]


def test_python_dash_m_is_bench(monkeypatch: pytest.MonkeyPatch, bench: Bench) -> None:
    import runpy

    monkeypatch.setattr(sys, "argv", ["entitybench", "list", "tasks"])
    with pytest.raises(SystemExit) as stop:
        runpy.run_module("entitybench", run_name="__main__")
    assert stop.value.code == 0


def test_a_result_that_came_meanwhile_is_not_overwritten(bench: Bench, place: Path, monkeypatch):
    from entitybench.leaderboard.evaluation import api

    real = api.evaluate

    def slow(*args, **kwargs):
        Path("a.json").write_text("of somebody else")
        return real(*args, **kwargs)

    monkeypatch.setattr(api, "evaluate", slow)
    bench("eval --agent still.py:Still --task push-1block --episodes 1 --out a.json")
    assert Path("a.json").read_text() == "of somebody else"
    assert json.loads(Path("a-2.json").read_text())["task"]["id"] == "push-1block"


def test_a_film_that_is_not_whole_is_said(bench: Bench, monkeypatch, tmp_path):
    import imageio_ffmpeg

    from entitybench.errors import BadValue
    from entitybench.leaderboard.evaluation.api import load_agent
    from entitybench.leaderboard.evaluation.video import record_video

    monkeypatch.setattr(imageio_ffmpeg, "count_frames_and_secs", lambda path: (3, 0.1))
    agent = load_agent("random", task="push-1block")
    with pytest.raises(BadValue, match="wrote 3 of 468 frames"):
        record_video(agent, "push-1block", tmp_path / "film.mp4", seeds=(0,), size=32)
    assert not list(tmp_path.glob("*film*"))


def test_lists_are_narrowed(bench: Bench) -> None:
    ids = [row["id"] for row in bench.json("list tasks push-2 --tag push state")]
    assert "push-2blocks" in ids
    assert all("push-2" in id and "pixels" not in id for id in ids)
    assert [row["id"] for row in bench.json("list datasets hopper/medium-v?")] == [
        "hopper/medium-v1"
    ]
    lines = bench("list tasks push-3blocks").splitlines()
    assert lines[0].split() == ["TASK", "HORIZON", "RANDOM", "ORACLE"]
    assert lines[1].split()[3:7] == ["0", "%", "100", "%"]


def test_a_task_is_described_with_shapes_scores_and_its_page(bench: Bench) -> None:
    found = bench.json("info push-3blocks-pixels")
    assert (found["observation"], found["action"]) == ([64, 64, 3], [2])
    found = bench.json("info team-tag")
    assert (found["observation"], found["action"]) == ([3, 16], [3, 2])
    assert found["scores"]["oracle"]["success"] > 0.9
    assert found["page"] == "docs/team.md"
