"""HInt that reads graphs of a trained NCII: what it chooses, what it keeps, what it refuses."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from parts import untrained

from entitybench.agents.common.online.rules import control_target
from entitybench.agents.hint.inferred import GRAPHS
from entitybench.checkpoints import WEIGHTS, read_meta
from entitybench.envs.training import WorldsOf
from entitybench.errors import BadValue, CheckpointError
from entitybench.leaderboard.cli.main import main
from entitybench.leaderboard.training.crew import crew_of
from entitybench.leaderboard.training.parts import parts_of_seeds
from entitybench.registry import agent, resolve_agent, tasks

TASK = tasks()["hockey-goal"]
SPEC = agent("hint-ncii")


def naming(folder, *, task=TASK, threshold=0.0, test=3.0, **changes):
    """A fresh NCII whose tuned thresholds, of its head and of its null test, are these."""
    untrained("ncii", task, folder, **changes)
    one = resolve_agent(agent("ncii")).load(folder)
    one.buffers["thresholds"] = torch.full((2,), threshold)
    one.buffers["thresholds_test"] = torch.full((2,), test)
    one.save(folder, training=False)
    return folder


@pytest.fixture
def part(tmp_path):
    """Names an edge in about half of the episodes of uniform actions."""
    return naming(tmp_path / "ncii", threshold=0.2723)


def made(part, seed=0, named="tuned", **changes):
    target = resolve_agent(SPEC)
    config = target.configure(SPEC, "tiny", TASK, named=named, **changes)
    parts = {} if part is None else {GRAPHS: part}
    return target.create(config, TASK, seed=seed, data=WorldsOf(TASK), parts=parts)


def trained(one, steps):
    logs, data = {}, WorldsOf(TASK)
    while one.step < steps:
        logs = one.advance(data)
    return one, logs


def test_episodes_are_chosen_by_what_the_part_names(part):
    one, logs = trained(made(part, steps=8_000, starts=8_000), 8_000)
    replay, ncii = one.replay, resolve_agent(agent("ncii")).load(part)
    n, count = one.world.entities, replay.episodes
    chosen, touched = np.zeros(count, bool), np.zeros(count, bool)
    for e, first in enumerate(np.unique(replay.of("first"))):
        last = first + replay.of("length")[e]
        seen = replay.of("observation")[first : last + 1].reshape(-1, n, one.world.features)
        steps = {"observations": seen[:-1], "next_observations": seen[1:]}
        steps["actions"] = replay.of("action")[first:last]
        scores = ncii.infer(steps, None)
        chosen[e] = (scores[:, 1, 0] > 0.5).any()  # the puck, the mallet
        nearest = np.linalg.norm(seen[:, 0, :2] - seen[:, 1, :2], axis=-1).min()
        touched[e] = nearest < one.world.mallet_radius + one.world.puck_radius
    np.testing.assert_array_equal(replay.of("chosen"), chosen)
    np.testing.assert_array_equal(replay.of("keep"), chosen)
    assert 0.1 < chosen.mean() < 0.9
    assert logs["chosen"] == pytest.approx(chosen.mean())
    # Contacts within a step are not seen between the steps.
    assert logs["touched"] >= touched.mean()
    assert logs["agreement"] == pytest.approx((chosen == touched).mean(), abs=0.15)


def test_whoever_names_all_or_nothing_agrees_as_often_as_there_are_contacts(tmp_path):
    for name, threshold, chosen in (("all", 0.0, 1.0), ("none", 1e30, 0.0)):
        part = naming(tmp_path / name, threshold=threshold)
        _, logs = trained(made(part, steps=4_000, starts=4_000), 4_000)
        assert logs["chosen"] == chosen
        expected = logs["touched"] if chosen else 1 - logs["touched"]
        assert logs["agreement"] == pytest.approx(expected)
        assert 0 < logs["touched"] < 1


def test_everything_has_dynamics_of_its_own_whatever_is_named(tmp_path):
    one = made(naming(tmp_path / "none", threshold=1e30))
    truth = np.zeros((3, 2, 3), bool)
    found = one.graphs(np.zeros((4, 24), np.float32), np.zeros((3, 2), np.float32), truth)
    np.testing.assert_array_equal(found, np.broadcast_to(np.eye(2, 3, dtype=bool), (3, 2, 3)))
    assert not control_target(found, (1,), (0,))


def test_a_killed_run_asks_the_same_weights_and_ends_with_the_same_bits(part, tmp_path):
    changes = {"steps": 1_600, "starts": 400, "rows": 4}
    whole, _ = trained(made(part, **changes), 1_600)
    one, _ = trained(made(part, **changes), 812)
    sha256 = read_meta(part)["sha256"][WEIGHTS]
    one.save(tmp_path / "part")
    naming(part, threshold=1e30)  # the folder is another one now
    one, _ = trained(resolve_agent(SPEC).load(tmp_path / "part"), 1_600)
    for each, name in ((whole, "a"), (one, "b")):
        each.save(tmp_path / name)
        assert read_meta(tmp_path / name)["parts"] == {GRAPHS: sha256}
    for file in ("weights.safetensors", "training.safetensors"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    one.save(tmp_path / "acts", training=False)
    acting = resolve_agent(SPEC).load(tmp_path / "acts")
    assert acting.inferrer is None
    assert not any(GRAPHS in name for name in acting.buffers)


def test_seeds_side_by_side_have_a_part_each(tmp_path):
    changes = {"steps": 800, "starts": 800}
    parts = [naming(tmp_path / name, threshold=t) for name, t in (("all", 0.0), ("none", 1e30))]
    together = [made(part, seed, **changes) for seed, part in enumerate(parts)]
    crew = crew_of(together)
    while crew.step < 800:
        logs = crew.advance(WorldsOf(TASK))
    assert [log["chosen"] for log in logs] == [1.0, 0.0]


def test_each_training_seed_gets_the_weights_of_its_number(tmp_path):
    for seed in (0, 2):
        naming(tmp_path / f"seed{seed}", seed=seed)
    found = parts_of_seeds(SPEC, TASK, {GRAPHS: tmp_path}, [2, 0])
    assert found == {s: {GRAPHS: tmp_path / f"seed{s}"} for s in (2, 0)}
    found = parts_of_seeds(SPEC, TASK, {GRAPHS: tmp_path / "seed2"}, [0, 1])
    assert found == {s: {GRAPHS: tmp_path / "seed2"} for s in (0, 1)}
    match = r"no weights of ncii .* seed 1 .*seeds 0, 2.*then add `--part "
    with pytest.raises(CheckpointError, match=match):
        parts_of_seeds(SPEC, TASK, {GRAPHS: tmp_path}, [0, 1])


def refused(capsys, out, *words):
    call = ["train", "--agent", "hint-ncii", "--task", "hockey-goal", "--preset", "tiny"]
    assert main([*call, "--out", str(out), *words]) == 2
    text = capsys.readouterr().err
    assert text.count("\n") == 1
    assert not Path(out).exists()
    return text


def test_the_command_takes_a_part_or_says_in_one_line_why_not(part, tmp_path, capsys):
    out = tmp_path / "out"
    said = refused(capsys, out)
    assert "built on the parts graphs (of ncii): got none" in said
    assert "--part graphs=FOLDER" in said
    assert "got nets" in refused(capsys, out, "--part", f"nets={part}")
    assert "--part takes NAME=VALUE" in refused(capsys, out, "--part", str(part))
    assert "it is not there" in refused(capsys, out, "--part", f"graphs={tmp_path / 'no'}")
    other = naming(tmp_path / "other", task=tasks()["hockey-goal-obstacles"])
    said = refused(capsys, out, "--part", f"graphs={other}")
    assert "trained on hockey-goal-obstacles, not on hockey-goal; ncii is of use in its own" in said
    jaci = untrained("graph-jaci", TASK, tmp_path / "jaci")
    said = refused(capsys, out, "--part", f"graphs={jaci}")
    assert "holds weights of graph-jaci, not of ncii" in said
    said = refused(capsys, out, "--part", f"graphs={part}", "--set", "accept=displaced")
    assert "accept is one of random, action-graph, control-target" in said
    with pytest.raises(BadValue, match="hint is built on no parts: got graphs"):
        parts_of_seeds(agent("hint"), TASK, {GRAPHS: part}, [0])
    for given in (7, "graphs", [part]):
        with pytest.raises(BadValue, match="parts are names with their folders: got "):
            parts_of_seeds(SPEC, TASK, given, [0])
    with pytest.raises(BadValue, match="hint-ncii is built on the part graphs"):
        made(None)


@pytest.mark.parametrize(("named", "cut"), [("head", 0.5), ("test", 3.0)])
def test_thresholds_of_the_definitions_are_not_those_that_labels_gave(tmp_path, named, cut):
    one = made(naming(tmp_path / "ncii", threshold=0.0, test=0.0), named=named)
    asked = one.inferrer
    assert asked.config.infer == named
    assert asked.thresholds.tolist() == [cut, cut]
    # Just what has more than the cut is an edge.
    for more, expected in ((-0.01, False), (0.01, True)):
        asked.scores = lambda batch, more=more: torch.full((len(batch["mask"]), 2, 3), cut + more)
        truth = np.zeros((3, 2, 3), bool)
        found = one.graphs(np.zeros((4, 24), np.float32), np.zeros((3, 2), np.float32), truth)
        assert control_target(found, (1,), (0,)) is expected
    one.save(tmp_path / "c")
    again = resolve_agent(SPEC).load(tmp_path / "c").inferrer
    assert (again.config.infer, again.thresholds.tolist()) == (named, [cut, cut])


@pytest.mark.slow
def test_the_command_trains_resumes_and_acts(part, tmp_path, capsys):
    call = ["train", "--agent", "hint-ncii", "--task", "hockey-goal", "--preset", "tiny"]
    call += [
        "--part",
        f"graphs={part}",
        "--set",
        "named=tuned",
        "--evaluate-every",
        "0",
        "--seeds",
        "0",
        "1",
    ]
    out = str(tmp_path / "out")
    assert main([*call, "--out", out]) == 0
    assert main([*call, "--out", out, "--resume"]) == 0
    naming(part, threshold=0.9)
    assert main([*call, "--out", str(tmp_path / "apart"), "--executor", "local"]) == 0
    ours, theirs = (read_meta(tmp_path / n / "seed0")["parts"] for n in ("out", "apart"))
    assert ours.keys() == theirs.keys() == {GRAPHS}
    assert ours != theirs
    capsys.readouterr()
    call = ["eval", "--agent", "hint-ncii", "--task", "hockey-goal", "--weights", out]
    assert main([*call, "--episodes", "2", "--out", str(tmp_path / "record.json")]) == 0


def test_a_world_that_does_not_say_who_acted_is_one_line():
    task = dataclasses.replace(TASK, id="silent", target=f"{__file__}:Silent")
    for id in ("hint", "her-random"):
        target = resolve_agent(agent(id))
        config = target.configure(agent(id), "tiny", task)
        with pytest.raises(BadValue, match="in silent nobody knows who acted on whom") as caught:
            target.create(config, task, seed=0, data=None, parts={}, device="cpu")
        assert "\n" not in str(caught.value)


class Silent:
    """A world without MuJoCo that does not tell who acted on whom."""

    def __new__(cls):
        import carry

        from entitybench.envs.core.world import ArrayMixin

        return type("Silent", (carry.Carry,), {"touching": ArrayMixin.touching})()
