"""`reproduce` on tiny networks: what it trains, what it finds again, what it writes."""

import json
import os
from pathlib import Path

import pytest

import entitybench as eb
from entitybench import registry
from entitybench.checkpoints import read_meta
from entitybench.datasets.generate.api import generate
from entitybench.errors import BadValue, BenchError, UnknownId
from entitybench.executors import slurm
from entitybench.leaderboard.claims import plan, registered
from entitybench.leaderboard.claims.reproduce import reproduce
from entitybench.leaderboard.cli.main import main
from entitybench.leaderboard.evaluation import provenance
from entitybench.leaderboard.training.fleet import train_all
from entitybench.leaderboard.training.runs import RunFolder
from entitybench.leaderboard.training.train import train
from entitybench.places import sha256_of
from entitybench.records import Record, Revision
from tests.support import claim_methods

pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore:.*is a custom")  # a small dataset


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    folder = root / "push-1block" / "play-v1"
    generate("push-1block/play-v1", episodes=6, workers=1, out=folder, say=lambda _: None)
    return root


class Point:
    """What importlib.metadata knows of a package with an agent."""

    @staticmethod
    def load():
        return claim_methods.SPECS


@pytest.fixture(autouse=True)
def _place(data, monkeypatch):
    monkeypatch.setenv("ENTITYBENCH_DATA", str(data))
    real = registry.entry_points
    monkeypatch.setattr(
        registry,
        "entry_points",
        lambda group: [Point] if group == "entitybench.agents" else real(group=group),
    )
    registry.agents.cache_clear()
    yield
    registry.agents.cache_clear()


def run(out, **kwargs):
    settings = {"method": "still", "claim": "cloned", "preset": "tiny"}
    return reproduce(out=out, **{**settings, **kwargs})


NAMES = [f"gcbc/push-1block/play-v1{name}/seed0" for name in ("+batch_size=16", "")]


def test_trains_what_is_missing_and_finds_it_again(tmp_path, monkeypatch):
    events = []
    first = run(tmp_path / "out", workers=2, progress=events.append)
    assert first.trained == NAMES
    assert {event.kind for event in events} == {"plan", "train", "evaluate", "measure", "verdict"}
    assert first.path == tmp_path / "out" / "still-tiny.json"
    assert str(tmp_path) not in first.path.read_text()
    verdict = first.verdicts[0]
    assert verdict.holds is True, first.text()
    assert "never in 1 of 1 runs of cloned: their last step" in verdict.findings[1].shown
    assert first.records == [
        *(
            f"tiny/records/push-1block/{name}.json"
            for name in ("gcbc", "gcbc+batch_size=16", "random+episode_seed=7")
        ),
        "tiny/records/measured/tests.support.claim_methods.size-cloned.json",
    ]
    records = {path: (tmp_path / "out" / path).read_text() for path in first.records}
    assert Record.read(tmp_path / "out" / first.records[2]).items == [7, 8]
    for text in (first.text(), first.markdown()):
        assert "2 trained now" in text
    curve = tmp_path / "out" / "tiny" / "weights" / NAMES[0] / "metrics.jsonl"
    steps = [row["step"] for row in map(json.loads, curve.open()) if "evaluation" in row]
    assert steps[:2] == [10, 20]
    alone = train("gcbc", "push-1block", out=tmp_path / "alone", preset="tiny", evaluate_every=0)
    same = [f / "weights.safetensors" for f in (alone, curve.parents[2] / "play-v1" / "seed0")]
    assert same[0].read_bytes() == same[1].read_bytes()  # as a single run gives them

    second = run(tmp_path / "out")
    assert (second.trained, second.found) == ([], NAMES)
    assert second.verdicts == first.verdicts
    assert set(second.records) == set(records)

    there = tmp_path / "out" / "tiny" / "weights"
    shipped = {0: there / NAMES[1]}
    monkeypatch.setattr(plan, "reference_weights", lambda agent, task, dataset: shipped)
    claims = registered.chosen("still", "cloned", "tiny")
    fresh = plan.make_plan(claims, "tiny", tmp_path)
    assert [str(need) for need in fresh.shipped] == NAMES[1:]  # not those with changes
    assert [str(need) for need in fresh.missing] == NAMES[:1]
    assert len(plan.make_plan(claims, "tiny", tmp_path, from_scratch=True).missing) == 2
    assert len(plan.make_plan(claims, "small", tmp_path).missing) == 2
    (there / NAMES[1] / "metrics.jsonl").unlink()
    assert len(plan.make_plan(claims, "tiny", tmp_path).missing) == 2  # its curve is asked for

    one = read_meta(there / NAMES[0])
    one["dataset"]["content_hash"] = "0" * 64
    (there / NAMES[0] / "agent.json").write_text(json.dumps(one))
    with pytest.raises(BadValue, match="trained on other episodes than push-1block/play-v1 has"):
        run(tmp_path / "out", from_scratch=True)


def test_records_are_made_anew_when_something_has_changed(tmp_path, monkeypatch):
    revision = Revision(commit="c", dirty=False)
    monkeypatch.setattr(provenance, "revision", lambda: revision)
    words = []

    def again():
        words.clear()
        run(tmp_path, claim="quiet", progress=lambda event: words.append(event.message))
        return sum("record found" in word for word in words)

    assert again() == 0
    assert again() == 4
    path = tmp_path / "tiny" / "records" / "push-1block" / "still.json"
    record = json.loads(path.read_text())
    for change in (
        {"device": "cuda"},
        {"data": [{"training_seed": 0, "dataset": "a/b-v0", "sha256": "0"}]},
        {"revision": {"commit": "d", "dirty": False}},
        {"revision": {"commit": "c", "dirty": True}},
    ):
        path.write_text(json.dumps({**record, **change}))
        assert again() == 3, change


def test_a_strangers_claims_are_found_and_judged(tmp_path, capsys):
    found = run(tmp_path, claim="quiet")
    verdict = found.verdicts[0]
    assert verdict.word == "holds"
    assert verdict.task == "push-1block, push-2blocks"
    assert verdict.findings[0].says.startswith(
        "at least 1 of 2: return(still-1) − return(random-1) ≥ -1000; "
    )
    assert "by training seed 0.001, 0.002" in verdict.findings[1].shown
    measured = tmp_path / "tiny/records/measured/tests.support.claim_methods.residual.json"
    assert json.loads(measured.read_text())["values"] == {"0": 0.001, "1": 0.002}
    assert main(["info", "still"]) == 0
    assert "Doing nothing is no worse than noise" in capsys.readouterr().out
    assert main(["reproduce", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "still --claim quiet" in shown
    assert "hecrl --claim small-1" in shown


@pytest.fixture
def installed(tmp_path_factory, monkeypatch):
    """The agents of `Point` for other processes too."""
    site = tmp_path_factory.mktemp("site")
    about = site / "stranger-0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 0\n")
    points = f"[entitybench.agents]\nstranger = {claim_methods.HERE}:SPECS\n"
    (about / "entry_points.txt").write_text(points)
    paths = (str(site), str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))


def test_a_record_tells_the_weights_that_its_agent_is_built_on(tmp_path, installed):
    found = run(tmp_path, method="built", claim="parts", device="cpu", workers=2)
    assert found.verdicts[0].holds is True, found.text()
    there = tmp_path / "tiny" / "weights"
    nets = [there / f"net/push-1block/play-v1/seed{seed}" for seed in (0, 1)]
    record = Record.read(tmp_path / "tiny/records/push-1block/built.json")
    assert [each.parts for each in record.data] == [
        {"net": sha256_of(net / "weights.safetensors")} for net in nets
    ]
    assert record.data[0].parts != record.data[1].parts
    with pytest.raises(BadValue, match=r"built on the parts net \(of net\): got none.*reproduce"):
        train("built", "push-1block", out=tmp_path / "alone", preset="tiny")
    with pytest.raises(BadValue, match=r"net is scored by nobody: evaluate_every is 0, not 1"):
        train("net", "push-1block", out=tmp_path / "alone", preset="tiny", evaluate_every=1)
    with pytest.raises(BadValue, match=r"net is built into other agents"):
        eb.load_agent("net", task="push-1block", weights=nets[0])
    assert not (tmp_path / "alone").exists()


@pytest.mark.slow
def test_claims_whose_training_diverged_are_left_out(tmp_path, installed, capfd):
    """And told in one line at the end, while the others are trained for and judged."""
    words = f"reproduce built --preset tiny --device cpu --workers 2 --out {tmp_path}".split()
    why = (
        "lost (built/push-1block/play-v1+lost=true/seed0: training stopped with seed 0: loss is "
        "nan after 1 of 2 updates: try a smaller learning rate. Begin anew in another --out)"
    )
    for _ in ("at first", "again"):
        assert main(words) == 2
        lines = capfd.readouterr().err.splitlines()
        assert f"not judged: {why}" in lines
        assert lines[-1].startswith(f"bench: claims that could not be judged: {why}. The other ver")
        assert not [line for line in lines if "Traceback" in line]
        found = json.loads((tmp_path / "built-tiny.json").read_text())
        assert [each["claim"] for each in found["verdicts"]] == ["parts"]
        assert len(found["trained"]) == 4  # two of the claim, each on its part; not the lost one
    assert main([*words, "--claim", "lost"]) == 2
    assert capfd.readouterr().err.splitlines()[-1].endswith(f"{why}.")


def test_a_worker_that_fails_gives_its_line(tmp_path):
    jobs = [
        {
            "agent_id": "ec-iql",
            "task": "push-1block",
            "preset": preset,
            "out": str(tmp_path / preset),
            "seeds": [0],
        }
        for preset in ("none", "tiny")
    ]
    with pytest.raises(BenchError, match=r"^unknown preset 'none'") as caught:
        train_all(jobs, 1, lambda: None)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "tiny").exists()


@pytest.mark.slow
def test_runs_on_a_cluster_train_and_fail_as_here(tmp_path, monkeypatch):
    """Through submitit's local executor."""
    pytest.importorskip("submitit", reason="pip install -e '.[slurm]'")
    monkeypatch.setattr(slurm, "CLUSTER", "local")
    monkeypatch.chdir(tmp_path)
    job = {"agent_id": "ec-iql", "task": "push-1block", "out": str(tmp_path / "runs")}
    tiny = {**job, "preset": "tiny", "seeds": [5], "evaluate_every": 0}
    assert train_all([tiny], 1, lambda: None, executor="slurm") == {}
    assert RunFolder(tmp_path / "runs", 5).final.is_dir()
    with pytest.raises(BenchError, match=r"^unknown preset 'none'"):
        train_all([{**job, "preset": "none", "seeds": [5]}], 1, lambda: None, executor="slurm")
    assert {path.name for path in tmp_path.iterdir()} == {"runs"}
    words = "train --agent ec-iql --task push-1block --preset tiny --evaluate-every 0 --seeds 5 6"
    words += " --device cpu --executor local --workers 2 --out seeds"
    assert main(words.split()) == 0
    weights = Path("seed5") / "weights.safetensors"
    assert (tmp_path / "seeds" / weights).read_bytes() == (tmp_path / "runs" / weights).read_bytes()
    assert (tmp_path / "seeds" / "seed6").is_dir()
    assert main(words.split()) == 2, "they are there already"
    assert main([*words.split(), "--resume"]) == 0


@pytest.mark.skipif(os.name == "nt", reason="no SIGTERM")
def test_workers_that_are_stopped_have_checkpoints(tmp_path):
    job = {"agent_id": "ec-iql", "task": "push-1block", "preset": "tiny", "seeds": [5]}
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
    def hecrl(**kwargs):
        return run(tmp_path, method="hecrl", **{"claim": "small-2", **kwargs})

    with pytest.raises(UnknownId, match="unknown claim 'small-9'"):
        hecrl(claim="small-9")
    with pytest.raises(BadValue, match="'paper' is checked with --preset paper: got 'tiny'"):
        hecrl(claim="paper")
    with pytest.raises(UnknownId, match="unknown preset 'smal'"):
        hecrl(claim=None, preset="smal")
    with pytest.raises(BadValue, match="at least one worker"):
        hecrl(workers=0)
    with pytest.raises(BadValue, match="unknown device 'gpu'"):
        hecrl(device="gpu")
    assert list(tmp_path.iterdir()) == []
