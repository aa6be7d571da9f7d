"""Blocks of a suite on workers: the same rows from all executors, and after every kill."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from served import ACT, server

import entitybench as eb
from entitybench.errors import BenchError, UnknownId
from entitybench.executors import slurm
from entitybench.leaderboard.cli.main import main
from entitybench.leaderboard.suites.spread import _as_json, _spec_of
from entitybench.records import Record
from entitybench.registry import agent as agent_spec
from entitybench.types import SuiteSpec

SUITE = SuiteSpec(
    id="two",
    metric="success",
    data=("push-1block/play-v1", "push-1block-obstacles/play-v1"),
    episodes=51,  # three blocks a task
)


def rows(folder: Path) -> dict[str, str]:
    """What records say, less times, and versions: of torch where a process has loaded it."""
    found = {}
    for path in sorted(folder.rglob("*.json")):
        said = Record.read(path).deterministic()
        found[path.parent.name] = json.dumps({k: x for k, x in said.items() if k != "versions"})
    return found


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The rows of one process."""
    folder = tmp_path_factory.mktemp("alone")
    eb.evaluate_suite("random", SUITE, out=folder, workers=1)
    assert files(folder) == {"random.json"}
    return rows(folder)


@pytest.mark.parametrize(
    ("executor", "workers"),
    [
        ("local", 2),
        pytest.param("slurm", 3, marks=pytest.mark.slow),
        pytest.param("ray", 2, marks=pytest.mark.slow),
    ],
)
def test_all_executors_give_the_same_rows(
    executor: str,
    workers: int,
    alone: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if executor == "slurm":
        pytest.importorskip("submitit", reason="pip install -e '.[slurm]'")
        monkeypatch.setattr(slurm, "CLUSTER", "local")
    if executor == "ray":
        pytest.importorskip("ray", reason="pip install -e '.[ray]'")
    lines: list[str] = []
    how: dict[str, Any] = {"executor": executor, "workers": workers, "told": lines.append}
    table = eb.evaluate_suite("random", SUITE, out=tmp_path, **how)
    assert table.complete, lines
    assert rows(tmp_path) == alone
    assert files(tmp_path) == {"random.json"}
    assert sorted(line[:3] for line in lines) == ["1/2", "2/2"]
    for path in tmp_path.rglob("*.json"):
        costs = Record.read(path).costs
        assert costs is not None
        assert costs.evaluation_cpu_s
    assert costs.evaluation_cpu_s > 0, "also that of workers"


@pytest.mark.skipif(os.name == "nt", reason="no signals")
@pytest.mark.parametrize("workers", ["2", pytest.param("1", marks=pytest.mark.slow)])
def test_a_kill_within_a_task_costs_its_unfinished_blocks_alone(
    workers: str, tmp_path: Path
) -> None:
    """By the first block that is there; the others of the task are done by the second command."""
    line = f"eval --suite control-small --agent random --episodes 51 --workers {workers} --out"
    command = [sys.executable, "-P", "-m", "entitybench", *line.split(), str(tmp_path / "a")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not list((tmp_path / "a").rglob("seed*.part")):
            time.sleep(0.01)
        process.kill()
    assert list((tmp_path / "a").rglob("seed*.part"))
    assert not list((tmp_path / "a").rglob("random.json"))
    suite = SuiteSpec(id="one", metric="success", data=("push-1block/play-v1",), episodes=51)
    eb.evaluate_suite("random", suite, out=tmp_path / "b", workers=1)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "1/3 push-1block/play-v1: success" in done.stderr
    assert rows(tmp_path / "a")["push-1block"] == rows(tmp_path / "b")["push-1block"]
    assert files(tmp_path / "a") == {"random.json"}


def test_kept_blocks_are_used_and_those_of_something_else_are_not(tmp_path: Path) -> None:
    """A server that goes away after two blocks, and comes back with one that answers otherwise."""
    suite = SuiteSpec(id="one", metric="success", data=("push-1block/play-v1",), episodes=51)
    there = {"blocks": 1}

    def act(body: dict[str, Any]) -> Any:
        count = sum(path == "/reset" for path, _ in bodies)
        return ACT if count <= there["blocks"] else 503

    with server(act) as (url, bodies):
        with pytest.raises(BenchError, match=r"26 episodes could not be run .*HTTP 503.* are kept"):
            eb.evaluate_suite(url, suite, out=tmp_path, workers=1, threads=1)
        (part,) = tmp_path.rglob("*.part")
        before = part.stat().st_mtime_ns
        there["blocks"] = 100
        bodies.clear()
        lines: list[str] = []
        eb.evaluate_suite(url, suite, out=tmp_path, workers=1, threads=1, told=lines.append)
        blocks = [body["batch"] for path, body in bodies if path == "/reset"]
        assert blocks.count(25) == 2, "the first block is not asked again"
    assert before
    assert not part.exists()
    assert len(files(tmp_path)) == 1


def test_damaged_blocks_are_done_again(tmp_path: Path) -> None:
    suite = SuiteSpec(id="one", metric="success", data=("push-1block/play-v1",), episodes=26)
    with pytest.raises(BenchError, match="HTTP 503"), server(lambda _: 503) as (url, _):
        eb.evaluate_suite(url, suite, out=tmp_path, workers=1)
    assert files(tmp_path) == {"arguments"}
    folder = next(tmp_path.rglob("arguments")).parent
    (folder / "seed0-000000.part").write_bytes(b"no block at all")
    with server() as (other, bodies):
        eb.evaluate_suite(other, suite, out=tmp_path, workers=1)
    assert [path for path, _ in bodies].count("/reset") >= 2


def test_a_failure_in_a_worker_is_one_line_and_the_other_tasks_are_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (
        "import numpy as np\n"
        "class Odd:\n"
        "    def __init__(self, task): self.task = task\n"
        "    def initial_state(self, batch): return None\n"
        "    def act(self, obs, state, rng):\n"
        "        if self.task.id == 'push-2blocks': raise ValueError('odd')\n"
        "        return np.zeros((len(obs['observation']), 2)), state\n"
    )
    (tmp_path / "odd.py").write_text(text)
    words = f"eval --suite control-small --agent {tmp_path}/odd.py:Odd --episodes 1 --workers 2"
    assert main([*words.split(), "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().err
    assert "2/3 push-2blocks/play-v1: the policy of" in said
    assert "ValueError: odd" in said
    assert {path.parent.name for path in (tmp_path / "out").rglob("*.json")} == {
        "push-1block",
        "push-3blocks",
    }


def test_options_of_a_suite_are_refused_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    for more in (["--executor", "local"], ["--workers", "2"]):
        assert main(["eval", "--agent", "zero", "--task", "push-1block", *more]) == 2
        assert f"{more[0]} {more[1]} is of a suite" in capsys.readouterr().err
    with pytest.raises(UnknownId, match="unknown executor"):
        eb.evaluate_suite("zero", SUITE, out="nowhere", executor="mpi")


def test_specs_travel_as_json() -> None:
    for id in ("hecrl", "random", "my.py:Class", "policy.onnx"):
        spec = agent_spec(id)
        assert _spec_of(json.loads(json.dumps(_as_json(spec)))) == spec
