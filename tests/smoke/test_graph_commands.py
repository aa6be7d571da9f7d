"""Graphs from the command line: trained, evaluated and compared as a user does it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from entitybench.leaderboard.cli.main import main

pytestmark = pytest.mark.filterwarnings("ignore:.*is a custom")  # a small dataset


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENTITYBENCH_DATA", str(tmp_path / "data"))
    return tmp_path


def test_the_shipped_weights_say_who_acted_on_whom(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = "eval --agent graph-static --task dag-10 --episodes 2 --out record.json"
    assert main(words.split()) == 0
    shown = capsys.readouterr().out
    named = ("balanced misprediction", "edges between entities", "edges from the action", "AUROC")
    assert all(name in shown for name in named)
    record = json.loads((place / "record.json").read_text())
    assert (record["kind"], len(record["data"])) == ("graph", 5)
    assert record["data"][0]["dataset"] == "dag-10/random-absent-v1"


def test_a_team_s_task_is_trained_in_and_scored_as_a_graph(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task, data = "hockey-mallets-4", "hockey-mallets-4/random-v1"
    folder = f"data/{data}"
    assert main(f"generate {data} --episodes 5 --workers 1 --out {folder}".split()) == 0
    train = f"train --agent graph-distance --task {task} --preset tiny --seeds 0 1 --out runs"
    assert main([*train.split(), "--device", "cpu"]) == 0
    lines = capsys.readouterr().err.splitlines()
    for seed in (0, 1):
        (line,) = [line for line in lines if line.startswith(f"seed {seed}: ")]
        assert "4 batches" in line
        assert "balanced misprediction (%)" in line  # of the agent's kind, not the task's
    for agent, more in (("graph-distance", " --weights runs"), ("bc", ""), ("graph-static", "")):
        words = f"eval --agent {agent} --task {task} --episodes 2 --out {agent}.json{more}"
        code = main(words.split())
        assert code == (0 if more else 2)
    record = json.loads((place / "graph-distance.json").read_text())
    assert (record["kind"], record["task"]["kind"]) == ("graph", "team-control")
    assert main(["compare", "graph-distance.json", "graph-distance.json"]) == 0


def test_an_episode_of_graphs_is_drawn_by_a_command(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = "plot graphs graph-static random"
    words = f"{start} --task dag-10 --episode-seed 1 --out graphs.svg"
    assert main(words.split()) == 0
    assert capsys.readouterr().out == "graphs.svg\n"
    drawn = (place / "graphs.svg").read_text()
    assert "graph-static" in drawn
    assert "active, not named" in drawn
    for command, why in (
        ("plot graphs --task dag-10", "bench plot graphs AGENT... --task TASK --out x.svg"),
        (start, "graphs are of a task: name it, e.g. --task dag-10."),
        (f"{start} --task hopper", "graph-static"),
        (f"{start} --task dag-10 --metric auroc", "graphs have no metric: leave out 'auroc'."),
        ("plot graphs random random --task dag-10", "random is named twice among the agents"),
        ("plot graphs ncii= --task dag-10", "agents are named ID or ID=FOLDER, e.g."),
        ("plot bars graphs.svg --task dag-10", "--task is of graphs: leave it out for bars."),
        ("plot bars graphs.svg --episode-seed 0", "--episode-seed is of graphs: leave it out"),
    ):
        assert main([*command.split(), "--out", "x.svg"]) == 2
        told = capsys.readouterr().err
        assert why in told
        assert told.count("\n") == 1
    assert not (place / "x.svg").exists()
