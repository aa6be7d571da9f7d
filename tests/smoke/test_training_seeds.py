"""Several training seeds, one after another and side by side; and what loggers are told of them."""

import csv
import dataclasses
import json
import sys
import time

import numpy as np
import pytest
import toy
from toy import DATA, SPEC

import entitybench as eb
from entitybench.errors import BadValue, BenchError, Diverged, MissingExtra
from entitybench.kinds import KINDS
from entitybench.leaderboard.training import api, loggers, loop, runs
from entitybench.leaderboard.training import train as training
from entitybench.leaderboard.training.runs import RunFolder
from entitybench.leaderboard.training.summary import summary_of
from entitybench.registry import tasks

TASK = dataclasses.replace(tasks()["push-1block"], horizon=5)
CLASSES = {"alone": "Toy", "beside": "Together"}


@pytest.fixture(params=CLASSES)
def way(request, monkeypatch):
    """Whether seeds learn one after another or side by side."""
    spec = dataclasses.replace(SPEC, target=f"{toy.__file__}:{CLASSES[request.param]}")
    monkeypatch.setattr(training, "agent_spec", lambda id: spec)
    monkeypatch.setattr(api, "agent_spec", lambda id: spec)
    return request.param


def run(out, seeds=(0, 1, 2), **kwargs):
    settings = {"dataset": DATA, "evaluate_every": 0, "device": "cpu", **kwargs}
    return training.train_seeds("toy", TASK, seeds=seeds, out=out, **settings)


def weights(folder):
    return np.load(folder / "weights.npy").tobytes()


def rows(folder):
    found = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in row.items() if k != "updates_per_s"} for row in found]


class Stop(Exception):
    pass


def stopped(out, monkeypatch, at, seeds=(0, 1, 2), **kwargs):
    """A run that is as good as killed after the checkpoint of step `at`, once."""

    def save_and_stop(folders, crew):
        runs.save(folders, crew)
        if crew.step == at:
            raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(loop, "save", save_and_stop)
        with pytest.raises(Stop):
            run(out, seeds, checkpoint_s=0, **kwargs)


def test_every_seed_has_its_folder_and_is_what_it_is_alone(way, tmp_path):
    folders = run(tmp_path / "all")
    assert folders == {seed: tmp_path / "all" / f"seed{seed}" for seed in range(3)}
    assert sorted(p.name for p in (tmp_path / "all").iterdir()) == ["seed0", "seed1", "seed2"]
    asked = json.loads((folders[1] / "run.json").read_text())
    assert asked.get("beside") == ([0, 1, 2] if way == "beside" else None)
    single = run(tmp_path / "one", [1])[1]
    assert weights(single) == weights(folders[1])
    assert rows(single) == rows(folders[1])
    assert len({weights(folder) for folder in folders.values()}) == 3


def test_resuming_goes_on_with_the_unfinished_and_skips_the_finished(way, tmp_path, monkeypatch):
    whole = run(tmp_path / "whole", [0, 1, 2])
    stopped(tmp_path / "broken", monkeypatch, 30)
    with pytest.raises(BadValue, match=r"unfinished run, at step 30: add --resume"):
        run(tmp_path / "broken")
    notes = []
    folders = run(tmp_path / "broken", resume=True, progress=lambda s: notes.append(s.note))
    # One after another, the first was stopped and the others had not begun.
    expected = "seeds 0 1 2 resumed at 30" if way == "beside" else "seed 0 resumed at 30"
    assert [note for note in notes if note] == [expected]
    for seed, folder in folders.items():
        assert weights(folder) == weights(whole[seed])
        assert rows(folder) == rows(whole[seed])
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "broken").rglob("*")}
    notes.clear()
    again = run(tmp_path / "broken", resume=True, progress=lambda s: notes.append(s.note))
    assert again == folders
    assert len(notes) == 3
    assert all("finished already" in note for note in notes)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "broken").rglob("*")} == before


def test_finished_seeds_of_other_settings_are_not_taken_for_these(way, tmp_path):
    run(tmp_path, [0])
    for seeds in ([0, 1], [0]):
        with pytest.raises(BadValue, match=r"seed0 was begun with config\.rate .*and now"):
            run(tmp_path, seeds, resume=True, changes={"rate": 0.2})
    assert not (tmp_path / "seed1").exists()


def test_other_data_are_named_and_nothing_is_said_before_all_seeds_are_checked(
    way, tmp_path, monkeypatch
):
    class Other(toy.Rows):
        id, content_hash = "toy/other-v2", "fedcba9876543210"

    line = (
        "was begun with dataset 'toy/rows-v1 (0123456789ab)', and now it is "
        "'toy/other-v2 (fedcba987654)': choose another --out."
    )
    run(tmp_path / "a", [0, 1], dataset=DATA.view(Other))
    notes = []

    def again(out, seeds, **kwargs):
        with pytest.raises(BadValue) as caught:
            run(out, seeds, resume=True, progress=lambda s: notes.append(s.note), **kwargs)
        assert notes == []
        return str(caught.value)

    run(tmp_path / "b", [0])
    assert again(tmp_path / "b", [0, 1], dataset=DATA.view(Other)).endswith(f"seed0 {line}")
    assert again(tmp_path / "b", [0], dataset=DATA.view(Other)).endswith(f"seed0 {line}")
    # Seed 0 is finished, and seed 1 has begun: with other data, then with other settings.
    stopped(tmp_path / "b", monkeypatch, 30, [1])
    (tmp_path / "b" / "seed0").rename(tmp_path / "of these data")
    (tmp_path / "a" / "seed0").rename(tmp_path / "b" / "seed0")
    said = again(tmp_path / "b", [0, 1], dataset=DATA.view(Other))
    assert said.endswith(f"seed1.training {line}")
    again(tmp_path / "b", [0, 1], dataset=DATA.view(Other), changes={"rate": 0.2})
    # The same content under another name is the same.
    same = type("Same", (toy.Rows,), {"id": "elsewhere"})
    (tmp_path / "b" / "seed0").rename(tmp_path / "of other data")
    run(tmp_path / "b", [1], resume=True, dataset=DATA.view(same))


def test_a_seed_that_was_never_begun_begins_beside_finished_ones(way, tmp_path):
    run(tmp_path, [0])
    with pytest.raises(BadValue, match=r"seed0 is a finished run .*: add --resume to keep it"):
        run(tmp_path, [0, 1])
    assert not (tmp_path / "seed1").exists()
    assert list(run(tmp_path, [0, 1, 4], resume=True)) == [0, 1, 4]
    assert weights(tmp_path / "seed4") == weights(run(tmp_path / "x", [4])[4])


def test_seeds_that_learned_side_by_side_go_on_together(tmp_path, monkeypatch):
    spec = dataclasses.replace(SPEC, target=f"{toy.__file__}:Together")
    monkeypatch.setattr(training, "agent_spec", lambda id: spec)
    stopped(tmp_path, monkeypatch, 30)
    with pytest.raises(BadValue, match=r"side by side with other seeds: .*`--seeds 0 1 2`"):
        run(tmp_path, [1], resume=True)
    with pytest.raises(BadValue, match=r"begun with config.rate 0.1, and now it is 0.2"):
        run(tmp_path, resume=True, changes={"rate": 0.2})
    # Killed between the checkpoints of two seeds: they go on from the last one that all have.
    newest = RunFolder(tmp_path, 2).checkpoints()[0]
    newest.rename(newest.with_name("lost"))
    folders = run(tmp_path, [*range(3), 5], resume=True)
    whole = run(tmp_path / "whole", range(3))
    assert all(weights(folders[seed]) == weights(whole[seed]) for seed in whole)


def test_a_kill_between_the_last_steps_of_two_seeds(tmp_path, monkeypatch):
    spec = dataclasses.replace(SPEC, target=f"{toy.__file__}:Together")
    monkeypatch.setattr(training, "agent_spec", lambda id: spec)
    whole = run(tmp_path / "whole")
    real = RunFolder.clean

    def clean(self):
        real(self)
        raise Stop

    out = tmp_path / "broken"
    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "clean", clean)
        with pytest.raises(Stop):
            run(out)
    (out / "seed2").rename(out / "gone")  # as if the kill had come before its turn
    folders = run(out, resume=True)
    assert weights(folders[2]) == weights(whole[2])


def test_one_seed_diverges_and_the_others_go_on(way, tmp_path, monkeypatch):
    notes, changes = [], {"lost": 1}
    whole = run(tmp_path / "whole")
    out = tmp_path / "out"
    line = (
        "training stopped with seed 1: loss is nan after 30 of 60 updates: try a smaller learning "
        "rate; seeds 0 2 finished. Begin anew in another --out."
    )
    with pytest.raises(Diverged) as caught:
        run(out, changes=changes, progress=lambda s: notes.append(s.note))
    assert str(caught.value) == line
    assert caught.value.finished == {seed: out / f"seed{seed}" for seed in (0, 2)}
    assert {path.name for path in out.iterdir()} == {"seed0", "seed1.training", "seed2"}
    for seed in (0, 2):
        assert weights(out / f"seed{seed}") == weights(whole[seed])
        assert rows(out / f"seed{seed}") == rows(whole[seed])
    why = "loss is nan after 30 of 60 updates: try a smaller learning rate"
    expected = [f"seed 1 stopped: {why}"]
    expected += ["seeds 0 2 go on at 30"] if way == "beside" else []
    assert [note for note in notes if note] == expected
    assert "NaN" not in (out / "seed1.training" / "metrics.jsonl").read_text()
    with pytest.raises(BadValue, match=r"seed1.training is a run that stopped \(loss is nan"):
        run(out, [1], changes=changes)
    # Nobody goes on with it, and nothing is trained again.
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.name != ".lock"}
    with pytest.raises(Diverged) as caught:
        run(out, changes=changes, resume=True)
    assert str(caught.value) == line
    assert before == {p: p.stat().st_mtime_ns for p in out.rglob("*") if p.name != ".lock"}


def test_a_kill_after_a_divergence(tmp_path, monkeypatch):
    """The seeds that are left go on from their own checkpoints, without the one that diverged."""
    spec = dataclasses.replace(SPEC, target=f"{toy.__file__}:Together")
    monkeypatch.setattr(training, "agent_spec", lambda id: spec)
    whole = run(tmp_path / "whole")
    out = tmp_path / "out"
    stopped(out, monkeypatch, 45, changes={"lost": 1})
    with pytest.raises(Diverged, match=r"with seed 1: .*; seeds 0 2 finished"):
        run(out, changes={"lost": 1}, resume=True)
    assert all(weights(out / f"seed{seed}") == weights(whole[seed]) for seed in (0, 2))


def test_all_seeds_diverge(way, tmp_path):
    with np.errstate(all="ignore"), pytest.raises(Diverged) as caught:
        run(tmp_path, changes={"rate": 1e6, "updates": 4000})
    assert list(caught.value.seeds) == [0, 1, 2]
    assert not caught.value.finished
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".training"]


def test_an_evaluation_of_all_seeds_gives_each_its_own(way, tmp_path):
    seen = []
    folders = run(tmp_path, evaluate_every=30, progress=seen.append)
    for folder in folders.values():
        assert [row["step"] for row in rows(folder) if "evaluation" in row] == [30, 60]
    statuses = [status for status in seen if status.evaluation is not None]
    assert len(statuses) == (2 if way == "beside" else 6)
    assert statuses[0].seeds == ((0, 1, 2) if way == "beside" else (0,))
    who = ["seeds 0 1 2"] if way == "beside" else ["seed 0", "seed 1", "seed 2"]
    expected = [f"{each} after {step} updates" for each in who for step in (30, 60)]
    assert [status.note.partition(":")[0] for status in statuses] == expected
    found = summary_of(0, folders[0])
    assert found.text(KINDS[0]).startswith("seed 0: 60 updates, ")
    assert "success, last step (%) 0.0" in found.text(KINDS[0])
    (last,) = [row for row in rows(folders[0]) if row["step"] == 60 and "loss" in row]
    assert found.to_json()["metrics"]["loss"] == last["loss"]


def test_the_same_in_python(way, tmp_path):
    folders = eb.train(
        "toy", TASK, out=tmp_path, dataset=DATA, seeds=[3, 4], set={"updates": 10},
        evaluate_every=0, device="cpu", threads=1, logger="csv",
    )  # fmt: skip
    assert list(folders) == [3, 4]
    assert len(table(folders[3] / "metrics.csv")) == 10
    one = eb.train("toy", TASK, out=tmp_path / "x", dataset=DATA, evaluate_every=0, device="cpu")
    assert list(one) == [0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seeds": [1, 1]}, "different"),
        ({"seeds": []}, "at least one"),
        ({"evaluate_every": -1}, "evaluate_every is a whole number, 0 or more: got -1"),
        ({"threads": 0}, "threads is a whole number, 1 or more: got 0"),
        ({"logger": "tensorbord"}, r"unknown logger 'tensorbord'\. Did you mean 'tensorboard'\?"),
        ({"device": "gpu"}, "unknown device 'gpu'"),
        ({"changes": {"ratte": 1}}, "no such setting"),
        ({"parts": {0: {"net": "."}}}, "is built on no parts: got net"),
        ({"dataset": "push-1block/play-v9"}, "unknown dataset"),
    ],
)
def test_what_is_refused_makes_no_folder(way, tmp_path, monkeypatch, change, words):
    def never(*_):
        raise AssertionError("a lock was taken")

    monkeypatch.setattr(RunFolder, "locked", never)
    with pytest.raises(BenchError, match=words):
        run(tmp_path / "new" / "runs", **change)
    assert list(tmp_path.iterdir()) == []


def test_a_learner_that_cannot_be_made_leaves_nothing(way, tmp_path, monkeypatch):
    def refused(*_, **__):
        raise BadValue("no network of these settings")

    monkeypatch.setattr(toy.Toy, "create", refused)
    spec = dataclasses.replace(SPEC, target=f"toy:{CLASSES[way]}")
    monkeypatch.setattr(training, "agent_spec", lambda id: spec)
    with pytest.raises(BadValue, match="no network"):
        run(tmp_path / "new" / "runs")
    assert list(tmp_path.iterdir()) == []


def scalars(folder):
    """What tensorboard's event files hold: step -> name -> number."""
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    found = {}
    for file in sorted(folder.glob("events.*")):
        for event in EventFileLoader(str(file)).Load():
            for value in event.summary.value:
                number = value.tensor.float_val[0] if value.tensor.float_val else value.simple_value
                found.setdefault(event.step, {})[value.tag] = number
    return found


def table(path):
    """What metrics.csv holds: step -> name -> number."""
    found = {}
    for row in csv.DictReader(path.read_text().splitlines()):
        step = int(row.pop("step"))
        found.setdefault(step, {}).update({k: float(v) for k, v in row.items() if v})
    return found


def logged(data):
    """The records of a log as LevelDB writes it: blocks of 32 kB, records cut at their ends."""
    assert data[:4] == b":W&B"
    place, part = 7, b""
    while place < len(data):
        left = 32768 - place % 32768
        if left < 7:
            place += left
            continue
        if len(data) < place + 7:
            break
        size, kind = int.from_bytes(data[place + 4 : place + 6], "little"), data[place + 6]
        if len(data) < place + 7 + size:
            break
        part += data[place + 7 : place + 7 + size]
        place += 7 + size
        if kind in (1, 4):  # whole, or the last piece
            yield part
            part = b""


def history(folder):
    """What the file of a wandb run that is offline holds: step -> name -> number."""
    pytest.importorskip("wandb")
    from wandb.proto.wandb_internal_pb2 import Record

    (file,) = folder.glob("offline-run-*/run-*.wandb")
    found = {}
    for data in logged(file.read_bytes()):
        record = Record()
        record.ParseFromString(data)
        items = {
            (item.key or "/".join(item.nested_key)): json.loads(item.value_json)
            for item in record.history.item
        }
        if items:
            found.setdefault(int(items.pop("_step")), {}).update(
                {k: v for k, v in items.items() if not k.startswith("_")}
            )
    return found


@pytest.mark.parametrize(
    ("name", "read"), [("csv", table), ("tensorboard", scalars), ("wandb", history)]
)
def test_a_logger_has_every_number_of_an_interrupted_run(name, read, way, tmp_path, monkeypatch):
    pytest.importorskip(name)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    stopped(tmp_path, monkeypatch, 12, [0, 1], logger=name, changes={"updates": 20})
    settings = {"changes": {"updates": 20}, "evaluate_every": 10, "logger": name}
    folders = run(tmp_path, [0, 1], resume=True, **settings)
    for folder in folders.values():
        found = read(folder / loggers.LOGGERS[name].leaves)
        told = {}
        for line in (folder / "metrics.jsonl").read_text().splitlines():
            row = json.loads(line)
            told.setdefault(row["step"], {}).update(loggers.numbers(row))
        assert set(told) == set(range(1, 21))
        assert "evaluation/success" in told[20]
        end = time.monotonic() + 60
        while name == "wandb" and found.keys() != told.keys() and time.monotonic() < end:
            time.sleep(0.1)  # another process writes it
            found = read(folder / loggers.LOGGERS[name].leaves)
        assert found.keys() == told.keys()
        for step, values in told.items():
            assert found[step] == pytest.approx(values), step


@pytest.mark.parametrize(("name", "extra"), [("tensorboard", "train"), ("wandb", "wandb")])
def test_a_logger_that_is_not_installed(name, extra, way, tmp_path, monkeypatch):
    for module in [module for module in sys.modules if module.startswith(f"{name}.")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, name, None)
    words = rf"{name} is not installed, and --logger {name} needs it: pip install .*\[{extra}\]"
    with pytest.raises(MissingExtra, match=words):
        run(tmp_path, logger=name)
    assert list(tmp_path.iterdir()) == []


def test_wandb_without_a_key(way, tmp_path, monkeypatch):
    wandb = pytest.importorskip("wandb")
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setattr(type(wandb.api), "api_key", None)
    with pytest.raises(BadValue, match=r"`wandb login`, or set WANDB_MODE=offline"):
        run(tmp_path, logger="wandb")
    assert list(tmp_path.iterdir()) == []
