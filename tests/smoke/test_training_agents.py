"""Agents that learn from goals in data: a stopped run ends with the weights of an unbroken one."""

import dataclasses
import hashlib

import pytest

from entitybench.datasets.generate.api import generate
from entitybench.errors import BadValue, CheckpointError
from entitybench.leaderboard.evaluation.api import evaluate
from entitybench.leaderboard.training import loop, runs
from entitybench.leaderboard.training.train import train, train_seeds
from entitybench.registry import agents, tasks

torch = pytest.importorskip("torch")
from safetensors.torch import load_file  # noqa: E402

TRAINED = [
    spec.id
    for spec in agents()
    if spec.trains and spec.weights_of is None and spec.kind == "goal-control"
    if spec.learns_from == "dataset"
]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "tiny"
    return generate("push-1block/play-v1", episodes=6, workers=1, out=folder, say=lambda _: None)


def run(agent, data, out, **kwargs):
    settings = {"preset": "tiny", "seed": 1, "evaluate_every": 0, "device": "cpu", **kwargs}
    return train(agent, "push-1block", dataset=data, out=out, **settings)


class Stop(Exception):
    pass


def digest(folder):
    return hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()


@pytest.mark.parametrize("agent", TRAINED)
def test_resumed_runs_end_with_the_same_bits(agent, data, tmp_path):
    whole = run(agent, data, tmp_path / "whole")

    def save_and_stop(folders, crew):
        runs.save(folders, crew)
        if crew.step == 17:
            raise Stop  # as good as a kill: nothing after the checkpoint is kept

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "save", save_and_stop)
        with pytest.raises(Stop):
            run(agent, data, tmp_path / "broken", checkpoint_s=0)
    # Evaluation in between must leave no trace in the weights either.
    broken = run(agent, data, tmp_path / "broken", resume=True, evaluate_every=20)
    digests = [digest(folder) for folder in (whole, broken)]
    assert digests[0] == digests[1]
    record = evaluate(agent, "push-1block", episodes=1, weights=tmp_path / "broken")
    assert record.training_seeds == [1]
    assert record.hashes.weights == {"1": digests[0]}
    assert record.data[0].sha256 is not None


@pytest.mark.parametrize("agent", ["gcbc", "ec-iql"])
def test_seeds_learn_side_by_side_and_a_killed_run_ends_with_the_same_bits(agent, data, tmp_path):
    settings = {"preset": "tiny", "device": "cpu", "dataset": data, "seeds": (0, 1)}
    settings |= {"changes": {"compile": False}}
    whole = train_seeds(agent, "push-1block", out=tmp_path / "whole", evaluate_every=0, **settings)

    def save_and_stop(folders, crew):
        runs.save(folders, crew)
        if crew.step == 17:
            raise Stop

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "save", save_and_stop)
        with pytest.raises(Stop):
            train_seeds(agent, "push-1block", out=tmp_path / "broken", checkpoint_s=0, **settings)
    notes = []
    broken = train_seeds(
        agent, "push-1block", out=tmp_path / "broken", resume=True, evaluate_every=20,
        progress=lambda status: notes.append(status.note), **settings,
    )  # fmt: skip
    assert notes[0] == "seeds 0 1 resumed at 17"
    for seed, folder in whole.items():
        assert digest(folder) == digest(broken[seed])
        single = run(agent, data, tmp_path / "single", seed=seed, changes={"compile": False})
        mine, its = (load_file(each / "weights.safetensors") for each in (single, folder))
        for name, value in mine.items():  # Adam divides what processors round by its own size
            torch.testing.assert_close(value, its[name], rtol=1e-3, atol=1e-3, msg=name)
    record = evaluate(agent, "push-1block", episodes=1, weights=tmp_path / "broken")
    assert record.training_seeds == [0, 1]


def test_corrupt_weights_are_refused(data, tmp_path):
    folder = run("ec-iql", data, tmp_path)
    file = folder / "weights.safetensors"
    file.write_bytes(file.read_bytes()[:-7])
    with pytest.raises(CheckpointError, match="truncated or corrupt"):
        evaluate("ec-iql", "push-1block", episodes=1, weights=folder)


def test_what_does_not_train(data, tmp_path):
    with pytest.raises(BadValue, match="random has nothing to train"):
        run("random", data, tmp_path)
    with pytest.raises(BadValue, match="hecrl-max-value uses the weights of hecrl"):
        run("hecrl-max-value", data, tmp_path)
    with pytest.raises(BadValue, match="is a dataset of push-1block, not of push-2blocks"):
        train("ec-iql", "push-2blocks", dataset=data, out=tmp_path, preset="tiny")


@pytest.fixture(scope="module")
def hecrl(data, tmp_path_factory):
    return run("hecrl", data, tmp_path_factory.mktemp("hecrl"))


@pytest.mark.parametrize(
    "agent", ["hecrl", *(spec.id for spec in agents() if spec.weights_of == "hecrl")]
)
def test_rows_do_not_depend_on_threads_or_shards(agent, hecrl):
    task = dataclasses.replace(tasks()["push-1block"], horizon=25)
    whole = evaluate(agent, task, episodes=30, weights=hecrl, threads=1).deterministic()
    assert evaluate(agent, task, episodes=30, weights=hecrl, threads=3).deterministic() == whole
    part = evaluate(agent, task, episodes=4, episode_seed=23, weights=hecrl).deterministic()
    for name in ("item", "digest"):
        assert part["rows"][name] == whole["rows"][name][23:27]
    for name, column in part["rows"]["values"].items():
        assert column == whole["rows"]["values"][name][23:27]
