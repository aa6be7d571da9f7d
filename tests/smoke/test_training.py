"""The training loop with a toy agent: resuming after kill -9, interruption, errors."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import toy
from toy import DATA, SPEC, Toy

from entitybench.checkpoints import Checkpoint
from entitybench.errors import BadValue, BenchError, CheckpointError, Diverged
from entitybench.leaderboard.training import runs
from entitybench.leaderboard.training import train as training
from entitybench.leaderboard.training.metrics import cut_metrics
from entitybench.leaderboard.training.order import same
from entitybench.leaderboard.training.runs import RunFolder
from entitybench.registry import tasks


def run(out, **kwargs):
    task = dataclasses.replace(tasks()["push-1block"], horizon=5)
    settings = {"dataset": DATA, "evaluate_every": 0, "device": "cpu", "seed": 3, **kwargs}
    return training.train("toy", task, out=out, **settings)


@pytest.fixture(autouse=True)
def _toy(monkeypatch):
    monkeypatch.setattr(training, "agent_spec", lambda id: SPEC)


def weights(folder):
    return np.load(folder / "weights.npy")


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def without_rates(rows):
    return [{k: v for k, v in row.items() if k != "updates_per_s"} for row in rows]


def test_a_run_leaves_the_agent_its_metrics_and_its_arguments(tmp_path):
    folder = run(tmp_path)
    assert folder == tmp_path / "seed3"
    assert {p.name for p in folder.iterdir()} >= {"agent.json", "weights.npy", "metrics.jsonl"}
    assert not (folder / "momentum.npy").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["seed3"]
    rows = lines(folder / "metrics.jsonl")
    assert [row["step"] for row in rows] == list(range(1, 61))
    assert rows[-1]["loss"] < rows[0]["loss"]
    asked = json.loads((folder / "run.json").read_text())
    assert asked["preset"] == "small"
    assert asked["config"]["updates"] == 60


def wait_for(condition, child):
    end = time.monotonic() + 60
    while not condition():
        assert child.poll() is None, child.stderr.read().decode()
        assert time.monotonic() < end
        time.sleep(0.01)


def start(out, *arguments):
    paths = os.pathsep.join([str(Path(toy.__file__).parent), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, __file__, str(out), *arguments],
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": paths},
    )


@pytest.mark.skipif(os.name == "nt", reason="no kill -9")
def test_killed_and_resumed_twice_ends_with_the_same_bits(tmp_path):
    whole = run(tmp_path / "whole")
    broken = RunFolder(tmp_path / "broken", 3)
    for step, more in ((15, []), (35, ["--resume"])):
        child = start(tmp_path / "broken", *more)
        wait_for(
            lambda step=step: any(int(p.name[-9:]) > step for p in broken.checkpoints()), child
        )
        child.kill()
        child.wait()
        assert not broken.final.exists()
    with open(broken.metrics, "a") as file:
        file.write('{"step": 59, "loss": 7}\n{"step": 6')  # what a kill may leave behind
    notes = []
    folder = run(tmp_path / "broken", resume=True, progress=lambda s: notes.append(s.note))
    assert weights(folder).tobytes() == weights(whole).tobytes()
    rows = lines(folder / "metrics.jsonl")
    assert without_rates(rows) == without_rates(lines(whole / "metrics.jsonl"))
    assert notes[0].startswith("seed 3 resumed at ")


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT to a child")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_runs_lose_nothing(tmp_path, number):
    child = start(tmp_path, "--rarely")
    log = tmp_path / "seed3.training" / "metrics.jsonl"
    wait_for(lambda: (tmp_path / "going").exists() and log.exists(), child)
    child.send_signal(number)
    assert child.wait() == 130
    step = int(RunFolder(tmp_path, 3).checkpoints()[0].name[-9:])
    assert step > 0
    folder = run(tmp_path, resume=True)
    assert weights(folder).tobytes() == weights(run(tmp_path / "whole")).tobytes()


def test_a_finished_run_is_not_overwritten(tmp_path):
    folder = run(tmp_path)
    before = (folder / "agent.json").stat().st_mtime_ns
    with pytest.raises(BadValue, match=r"finished run and is not overwritten: add --resume"):
        run(tmp_path)
    notes = []
    assert run(tmp_path, resume=True, progress=lambda s: notes.append(s.note)) == folder
    assert "finished already" in notes[0]
    assert (folder / "agent.json").stat().st_mtime_ns == before


class Stop(Exception):
    pass


def unfinished(out, at=20):
    def stop(status):
        if status.step >= at:
            raise Stop

    with pytest.raises(Stop):
        run(out, checkpoint_s=0, progress=stop, changes={"pause_s": 0.05, "updates": 40})
    return RunFolder(out, 3)


def test_wrong_resumes_are_refused(tmp_path):
    with pytest.raises(BadValue, match=r"no checkpoint in .* leave out --resume"):
        run(tmp_path, resume=True)
    assert list(tmp_path.iterdir()) == []
    unfinished(tmp_path)
    with pytest.raises(BadValue, match=r"unfinished run, at step \d+: add --resume"):
        run(tmp_path)
    with pytest.raises(BadValue, match=r"begun with config.rate 0.1, and now it is 0.2"):
        run(tmp_path, resume=True, changes={"pause_s": 0.05, "updates": 40, "rate": 0.2})


@pytest.mark.parametrize("device", [None, "cpu"])
def test_a_run_begun_on_a_gpu_goes_on_without_one(tmp_path, device):
    folder = unfinished(tmp_path)
    asked = json.loads((folder.work / "run.json").read_text())
    assert asked["devices"] == [{"device": "cpu", "from": 0}]
    begun = {**asked, "device": "cuda:7", "devices": [{"device": "cuda:7", "from": 0}]}
    (folder.work / "run.json").write_text(json.dumps(begun))
    notes = []
    settings = {"pause_s": 0.05, "updates": 40}
    done = run(
        tmp_path,
        resume=True,
        device=device,
        changes=settings,
        progress=lambda status: notes.append(status.note),
    )
    after = json.loads((done / "run.json").read_text())
    assert after["device"] == "cpu"
    [first, second] = after["devices"]
    assert first == {"device": "cuda:7", "from": 0}
    assert second["device"] == "cpu"
    assert second["from"] > 0
    assert any("cuda:7, which is not here" in str(note) for note in notes) == (device is None)
    assert Checkpoint(done, {}).devices == ("cuda:7", "cpu")
    unbroken = run(tmp_path / "unbroken", changes=settings)
    np.testing.assert_array_equal(weights(done), weights(unbroken))


def test_runs_of_earlier_versions_tell_their_device(tmp_path):
    folder = unfinished(tmp_path)
    asked = json.loads((folder.work / "run.json").read_text())
    del asked["devices"]
    (folder.work / "run.json").write_text(json.dumps({**asked, "device": "cuda"}))
    done = run(tmp_path, resume=True, changes={"pause_s": 0.05, "updates": 40})
    devices = json.loads((done / "run.json").read_text())["devices"]
    assert [one["device"] for one in devices] == ["cuda", "cpu"]


def test_runs_of_versions_without_a_setting_go_on_where_it_is_none(tmp_path):
    folder, now = RunFolder(tmp_path, 0), {"config": {"rate": 0.1, "texts": None}}
    same(folder, {"config": {"rate": 0.1}}, now)
    with pytest.raises(BadValue, match=r"was begun with config\.texts None, and now it is 'a'"):
        same(folder, {"config": {"rate": 0.1}}, {"config": {"rate": 0.1, "texts": "a"}})


def test_an_unreadable_checkpoint_falls_back_to_the_one_before(tmp_path):
    folder = unfinished(tmp_path)
    newest, older = folder.checkpoints()
    (newest / "agent.json").write_text("{")
    assert runs.load([folder], Toy, "cpu").step == int(older.name[-9:])
    (older / "agent.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"no checkpoint in .* can be read"):
        runs.load([folder], Toy, "cpu")


@pytest.mark.parametrize(
    "end", [b'{"step": 9', b"\xff\x00\x93" * 400, b"\x00" * 4096, b"7\n[]\n{}\n", b"[" * 100_000]
)
def test_whatever_a_power_cut_leaves_in_the_metrics_is_dropped(tmp_path, end):
    file = tmp_path / "metrics.jsonl"
    rows = [{"step": step, "loss": 0.5} for step in (1, 2, 3)]
    file.write_bytes("".join(json.dumps(row) + "\n" for row in rows).encode() + end)
    assert cut_metrics(file, 2) == rows[:2]
    assert lines(file) == rows[:2]
    file.write_bytes(b"\xff" + end)
    assert cut_metrics(file, 2) == []


def test_a_run_that_another_process_holds(tmp_path):
    with RunFolder(tmp_path, 3).locked(), pytest.raises(BadValue, match=r"another process"):
        run(tmp_path)


def test_divergence_is_said(tmp_path):
    with (
        np.errstate(all="ignore"),
        pytest.raises(
            Diverged,
            match=r"^training stopped with seed 3: loss is (inf|nan) after \d+ of 4000 up",
        ),
    ):
        run(tmp_path, changes={"rate": 1e6, "updates": 4000})


def test_a_full_disk_keeps_the_last_checkpoint(tmp_path, monkeypatch):
    folder = unfinished(tmp_path)
    before = folder.checkpoints()

    def full(self, folder, *, training=True):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("entitybench.leaderboard.training.train.resolve_agent", lambda _: Toy)
    monkeypatch.setattr(Toy, "save", full)
    settings = {"pause_s": 0.05, "updates": 40}
    with pytest.raises(BenchError, match=r"the disk is full. The last checkpoint is kept"):
        run(tmp_path, resume=True, checkpoint_s=0, changes=settings)
    assert folder.checkpoints() == before


def test_a_disk_that_is_full_from_the_start_promises_no_checkpoint(tmp_path, monkeypatch):
    def full(self, folder, *, training=True):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("entitybench.leaderboard.training.train.resolve_agent", lambda _: Toy)
    monkeypatch.setattr(Toy, "save", full)
    with pytest.raises(
        BenchError, match=r"the disk is full\. There is no checkpoint yet"
    ) as caught:
        run(tmp_path)
    assert "--resume" not in str(caught.value)


def test_periodic_evaluation_uses_validation_seeds(tmp_path, monkeypatch):
    asked = []
    from entitybench.leaderboard.evaluation import evaluate as engine

    real = engine.evaluate

    def spy(*args, **kwargs):
        asked.append(kwargs["episode_seed"])
        return real(*args, **kwargs)

    monkeypatch.setattr(engine, "evaluate", spy)
    seen = []
    folder = run(tmp_path, evaluate_every=None, progress=seen.append)
    rows = [row for row in lines(folder / "metrics.jsonl") if "evaluation" in row]
    assert [row["step"] for row in rows] == [12, 24, 36, 48, 60]
    assert asked == [1_000_000] * 5
    assert set(rows[0]["evaluation"]) == {"success", "success_any", "success_fraction", "return"}
    assert sum(status.evaluation is not None for status in seen) == 5
    assert seen[-1].total == 60


def test_arguments_that_cannot_be(tmp_path):
    with pytest.raises(BadValue, match=r"0 or more: got -1"):
        run(tmp_path, seed=-1)
    with pytest.raises(BenchError, match=r"unknown preset 'smal'.*'small'"):
        run(tmp_path, preset="smal")
    with pytest.raises(BadValue, match=r"no such setting"):
        run(tmp_path, changes={"ratte": 1})
    for name in ("preset", "task", "spec", "cls"):  # what `configure` is given besides
        with pytest.raises(BadValue, match=rf"no setting '{name}'"):
            run(tmp_path, changes={name: 1})
    with pytest.raises(BadValue, match=r"unknown device 'gpu'"):
        run(tmp_path, device="gpu")
    assert list(tmp_path.iterdir()) == []


if __name__ == "__main__":
    training.agent_spec = lambda id: SPEC
    out = Path(sys.argv[1])
    rarely = "--rarely" in sys.argv

    def going(status):
        (out / "going").touch()
        time.sleep(0.05)

    original = training.resolve_agent

    def slow(target):
        toy = original(target)
        advance = toy.advance

        def slowly(self, data):
            time.sleep(0.03)
            return advance(self, data)

        toy.advance = slowly
        return toy

    training.resolve_agent = slow
    try:
        run(out, resume="--resume" in sys.argv, checkpoint_s=1e9 if rarely else 0, progress=going)
    except KeyboardInterrupt:
        sys.exit(130)
