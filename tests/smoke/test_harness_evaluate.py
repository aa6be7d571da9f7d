"""The evaluation loop on a toy world: rows, blocks, padding, errors."""

import json
import threading
from dataclasses import replace

import numpy as np
import pytest

from entitybench.datasets.catalogue.shapes import measured
from entitybench.errors import BadValue, BenchError
from entitybench.leaderboard.evaluation.control import BLOCK, blocks
from entitybench.leaderboard.evaluation.evaluate import evaluate
from entitybench.leaderboard.evaluation.provenance import Source
from entitybench.records import Record
from entitybench.types import TaskSpec

TOY = TaskSpec(id="toy", version=3, kind="goal-control", target="toy:World", horizon=40)


class Dot:
    action_dim = 2
    action_shape = (2,)
    obstacles = ()


class ToyWorlds:
    """A dot on a plane that goes where the action says; success within 0.1 of the goal."""

    world = Dot()

    def __init__(self, task, batch, threads):
        self.batch = batch

    def reset(self, seeds):
        assert len(seeds) == self.batch
        rngs = [np.random.default_rng(seed) for seed in seeds]
        self.dot = np.stack([rng.uniform(-1, 1, 2) for rng in rngs])
        self.goal = np.stack([rng.uniform(-1, 1, 2) for rng in rngs])
        return self.obs()

    def obs(self):
        dot = self.dot[:, None].astype(np.float32)
        return {
            "observation": dot,
            "achieved_goal": dot.copy(),
            "desired_goal": self.goal[:, None].astype(np.float32),
        }

    def step(self, actions):
        assert actions.shape == (self.batch, 2)
        self.dot = self.dot + 0.1 * np.clip(actions, -1, 1)
        near = np.linalg.norm(self.dot - self.goal, axis=-1) < 0.1
        info = {"is_success": near, "success_fraction": near * 1.0, "reward": near - 1.0}
        return self.obs(), info

    def close(self):
        self.closed = True

    def state_digest(self, row):
        return self.dot[row].tobytes().hex()

    def rest(self, rows):
        assert not rows  # nothing ends early here


class Seeker:
    """Goes to the goal, with noise from the generator it is given."""

    def __init__(self, noise=0.3):
        self.matrix = np.random.default_rng(0).normal(size=(2, 64))
        self.back = np.linalg.pinv(self.matrix)
        self.noise = noise

    def initial_state(self, batch):
        assert batch == BLOCK
        return np.zeros(batch)

    def act(self, obs, state, rng):
        away = (obs["desired_goal"] - obs["observation"])[:, 0].astype(float)
        assert away.shape == (BLOCK, 2)
        away = away @ self.matrix @ self.back
        return 5 * away + self.noise * rng.normal(size=away.shape), state + 1

    def diagnostics(self, state):
        return {"steps": state, "never": np.full(len(state), np.nan)}


def run(policy=None, **kwargs):
    return evaluate(policy or Seeker(), TOY, worlds=ToyWorlds, **kwargs)


def rows(record):
    """All that is equal for any number of threads, a row each."""
    columns = Record.model_validate(record.model_dump(by_alias=True)).columns
    timed = [metric.name for metric in record.metrics if not metric.exact]
    found = columns.rows()
    values = [{k: v for k, v in row.values.items() if k not in timed} for row in found]
    return [(r.training_seed, r.item, v, r.digest) for r, v in zip(found, values, strict=True)]


def test_rows_hold_what_happened():
    record = run(Seeker(noise=0.0), episodes=30)
    assert record.columns.item == list(range(30))
    assert all(row.values["length"] == TOY.horizon and row.values["success"] for row in record.rows)
    for row in record.rows:
        # It moves half of the way a step, at most 0.1 an axis, and stays: no cost from then on.
        assert row.values["return"] == -(row.values["steps_to_success"] - 1)
        assert row.values["success_any"] == 1
        assert row.values["success_fraction"] == 1.0
    assert record.task.version == 3
    assert record.diagnostics == {"0": {"steps": TOY.horizon}}
    assert record.agent.id == "Seeker"


def test_what_is_over_rests_and_counts_no_more():
    """Episodes end after 3 steps and one more a row; their worlds are stepped no longer."""

    class Ending(ToyWorlds):
        at, resting = 0, frozenset()

        def step(self, actions):
            dots = self.dot.copy()
            obs, info = super().step(actions)
            rows = sorted(self.resting)
            self.dot[rows] = dots[rows]
            self.at += 1
            return obs, info | {"terminated": self.at >= 4 + np.arange(self.batch)}

        def rest(self, rows):
            assert all(row == self.at - 4 for row in rows)  # each once, when it ends
            self.resting |= set(rows)

    found = evaluate(Seeker(), TOY, worlds=Ending, episodes=5, threads=1)
    assert [row.values["length"] for row in found.rows] == [4, 5, 6, 7, 8]
    short = evaluate(Seeker(), replace(TOY, horizon=4), worlds=ToyWorlds, episodes=1, threads=1)
    assert found.rows[0].digest == short.rows[0].digest


def test_a_record_says_which_devices_trained():
    agent = Seeker()
    agent.source = Source(id="seeker", devices=("cuda", "cpu"))
    [data] = run(agent, episodes=1).data
    assert data.devices == ["cuda", "cpu"]
    assert run(episodes=1).data == []


@pytest.mark.parametrize(
    ("dataset", "content", "label"),
    [
        ("push-3blocks/play-v1", None, "seeker"),
        ("push-3blocks/play-v1", "0123456789ab", "seeker (on play-v1 of own content 01234567)"),
        ("push-3blocks/random-v1", None, "seeker (on random-v1)"),
        ("push-3blocks/mine-v1", "0123456789ab", "seeker (on mine-v1)"),  # nobody else's
    ],
)
def test_data_of_ones_own_under_a_registered_id_are_told_in_the_label(dataset, content, label):
    agent = Seeker()
    known = content or measured()[dataset].sha256
    task = {"trained_on": "push-3blocks", "dataset": dataset, "dataset_sha256": known}
    agent.source = Source(id="seeker", **task)
    record = run(agent, episodes=1)
    agent = record.agent.model_copy(update={"weights_from": None})
    assert record.model_copy(update={"agent": agent}).label == label
    read = Record.model_validate_json(record.to_json())
    assert [each.registered for each in read.data] == ["own" not in label]


def test_number_of_episodes_threads_and_shards_change_no_row():
    whole = rows(run(episodes=70, threads=1))
    assert rows(run(episodes=70, threads=4)) == whole
    assert rows(run(episodes=10)) == whole[:10]
    assert rows(run(episodes=1, episode_seed=33)) == whole[33:34]
    parts = [rows(run(episodes=35, episode_seed=first)) for first in (0, 35)]
    assert parts[0] + parts[1] == whole
    assert run(episodes=9, threads=1).deterministic() == run(episodes=9, threads=3).deterministic()


def test_training_seeds_are_arms_and_draw_their_own_noise():
    record = run({7: Seeker(), 2: Seeker()}, episodes=3)
    assert [(row.training_seed, row.item) for row in record.rows] == [
        (seed, episode) for seed in (2, 7) for episode in range(3)
    ]
    first, second = record.rows[0], record.rows[3]
    assert first.digest != second.digest
    assert run([Seeker(), Seeker()], episodes=1).training_seeds == [0, 1]


def test_blocks_are_cut_at_fixed_places():
    assert blocks(range(20, 55)) == [
        tuple(range(20, 25)),
        tuple(range(25, 50)),
        tuple(range(50, 55)),
    ]


def test_the_record_survives_its_file(tmp_path):
    record = run(episodes=2)
    path = record.write(tmp_path / "deep" / "record.json")
    assert Record.read(path) == record
    rows = json.loads(path.read_text())["rows"]
    assert {"success", "return", "length"} <= set(rows["values"])


def test_progress_reaches_its_total_in_turn():
    seen = []
    run(episodes=60, threads=3, progress=lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (3 * TOY.horizon, 3 * TOY.horizon)


class Acts(Seeker):
    def __init__(self, change):
        super().__init__()
        self.change = change

    def act(self, obs, state, rng):
        actions, state = super().act(obs, state, rng)
        return self.change(actions, state[0]), state


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a, t: a[:3], r"shape \(3, 2\) at step 0; expected \(25, 2\)"),
        (lambda a, t: np.where(t < 5, a, np.nan), "nan at step 4"),
        (lambda a, t: None, "array of numbers|shape"),
        (lambda a, t: {}["x"], "raised KeyError"),
    ],
)
def test_a_policy_that_cannot_act_is_told_why(change, words):
    with pytest.raises(BenchError, match=words) as caught:
        run(Acts(change), episodes=2)
    assert "\n" not in str(caught.value)


def test_policy_failures_can_be_recorded_and_count_as_failures():
    def fail(actions, step):
        if threading.current_thread().name.endswith("_0") and step == 3:
            raise RuntimeError("lost")
        return actions

    record = run(Acts(fail), episodes=50, failures="record", threads=1)
    assert record.failures() == {"infrastructure": 0, "policy": 50}
    assert not any(row.values["success"] for row in record.rows)
    assert all(row.counts and row.values["length"] == 2 for row in record.rows)


class BrokenPhysics(ToyWorlds):
    def step(self, actions):
        if self.batch == 5:
            raise FloatingPointError("diverged")
        return super().step(actions)


def test_infrastructure_failures_are_counted_apart():
    record = evaluate(Seeker(), TOY, episodes=30, worlds=BrokenPhysics)
    assert record.failures() == {"infrastructure": 5, "policy": 0}
    assert [row.counts for row in record.rows] == [True] * 25 + [False] * 5
    with pytest.raises(BenchError, match="no episode of toy could be run: infrastructure"):
        evaluate(Seeker(), TOY, episodes=5, worlds=BrokenPhysics)


@pytest.mark.parametrize("bad", [{"episodes": 0}, {"episode_seed": -1}, {"threads": 0}])
def test_impossible_numbers(bad):
    with pytest.raises(BadValue):
        run(**bad)


def test_what_cannot_act_is_refused():
    with pytest.raises(BadValue, match="int cannot act"):
        evaluate(3, TOY, worlds=ToyWorlds)
    with pytest.raises(BadValue, match="empty"):
        evaluate({}, TOY, worlds=ToyWorlds)
