"""`reproduce` on tiny networks: what it trains, what it finds again, what it writes."""

import json
import os
import warnings

import pytest

from entitybench.datasets.generate.api import generate
from entitybench.errors import BadValue, BenchError, UnknownId
from entitybench.leaderboard.claims import reproduce as module
from entitybench.leaderboard.claims.reproduce import reproduce
from entitybench.leaderboard.evaluation import weights
from entitybench.leaderboard.training.fleet import train_all
from entitybench.leaderboard.training.runs import RunFolder

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    folder = root / "push-1block" / "play-v1"
    generate("push-1block/play-v1", episodes=6, workers=1, out=folder, say=lambda _: None)
    return root


@pytest.fixture(autouse=True)
def _place(data, monkeypatch, tmp_path):
    monkeypatch.setenv("ENTITYBENCH_DATA", str(data))
    monkeypatch.setattr(weights, "REFERENCE", tmp_path / "reference")
    real = module.train

    def quick(*args, **kwargs):
        return real(*args, **kwargs, evaluate_every=0)

    monkeypatch.setattr(module, "train", quick)


def run(out, **kwargs):
    settings = {"claim": "small-2", "preset": "tiny", "episodes": 2, "training_seeds": 2}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the dataset is a custom one
        return reproduce("hecrl", out=out, **{**settings, **kwargs})


def test_trains_what_is_missing_and_finds_it_again(tmp_path, monkeypatch):
    events = []
    first = run(tmp_path / "out", progress=events.append)
    names = ["ec-iql/push-1block/seed0", "ec-iql/push-1block/seed1"]
    assert first.trained == [*names, *(name.replace("ec-iql", "hecrl") for name in names)]
    assert {event.kind for event in events} == {"plan", "train", "evaluate", "verdict"}
    assert first.path == tmp_path / "out" / "hecrl-tiny.json"
    written = json.loads(first.path.read_text())
    assert written["verdicts"][0]["claim"] == "small-2"
    assert written["verdicts"][0]["holds"] in (True, False)
    assert str(tmp_path) not in first.path.read_text()
    for path in written["records"]:
        assert (tmp_path / "out" / path).is_file()
    for text in (first.text(), first.markdown()):
        assert "4 trained now" in text
        assert "small-2" in text

    second = run(tmp_path / "out")
    assert (second.trained, len(second.found)) == ([], 4)
    assert second.verdicts == first.verdicts

    weights_of = tmp_path / "out" / "tiny" / "weights"
    (tmp_path / "reference").mkdir()
    weights_of.rename(tmp_path / "reference" / "weights")
    third = run(tmp_path / "other")
    assert len(third.shipped) == 4
    assert third.verdicts == first.verdicts
    planned = module._plan(
        module._chosen("hecrl", "small-2", "tiny"), "tiny", tmp_path / "other" / "tiny", True, 2
    )
    assert [len(part) for part in planned] == [0, 0, 4]  # from scratch: none of the shipped


def test_two_workers_give_the_same_weights(tmp_path):
    one = run(tmp_path / "one", training_seeds=1)
    two = run(tmp_path / "two", training_seeds=1, workers=2)
    assert two.trained == one.trained
    for need in one.trained:
        files = [tmp_path / n / "tiny" / "weights" / need for n in ("one", "two")]
        assert len({(file / "weights.safetensors").read_bytes() for file in files}) == 1


def test_a_worker_that_fails_gives_its_line(tmp_path):
    jobs = [
        {
            "agent_id": "ec-iql",
            "task": "push-1block",
            "preset": preset,
            "out": str(tmp_path / preset),
        }
        for preset in ("none", "tiny")
    ]
    with pytest.raises(BenchError, match=r"^unknown preset 'none'") as caught:
        train_all(jobs, 1, lambda: None)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "tiny").exists()


@pytest.mark.skipif(os.name == "nt", reason="no SIGTERM")
def test_workers_that_are_stopped_have_checkpoints(tmp_path):
    job = {"agent_id": "ec-iql", "task": "push-1block", "preset": "tiny", "seed": 5}
    job |= {"out": str(tmp_path), "evaluate_every": 1}
    folder = RunFolder(tmp_path, 5)

    def poll():
        if folder.metrics.is_file() and folder.metrics.stat().st_size > 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_all([job], 2, poll, pause_s=0.01)
    if not folder.final.exists():  # the run is short: it may have ended in time
        assert int(folder.checkpoints()[0].name[-9:]) > 0


def test_what_cannot_be_reproduced(tmp_path):
    with pytest.raises(UnknownId, match="unknown claim 'small-9'"):
        run(tmp_path, claim="small-9")
    with pytest.raises(BadValue, match="'paper' is checked with --preset paper: got 'tiny'"):
        run(tmp_path, claim="paper")
    with pytest.raises(UnknownId, match="unknown preset 'smal'"):
        run(tmp_path, claim=None, preset="smal")
    with pytest.raises(BadValue, match="at least one worker"):
        run(tmp_path, workers=0)
    assert list(tmp_path.iterdir()) == []
