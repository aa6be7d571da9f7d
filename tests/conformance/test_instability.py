"""A simulation that goes wrong is told: by the physics, by every view, and in records."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from entitybench.envs.api import make, make_vec, make_worlds
from entitybench.envs.views.joint import JointEnv
from entitybench.leaderboard.evaluation.evaluate import evaluate
from entitybench.leaderboard.tables.table import table

HAS_ROBOSUITE = importlib.util.find_spec("robosuite") is not None


@pytest.fixture(autouse=True)
def _silence(tmp_path, monkeypatch, capfd):
    """MuJoCo by itself writes MUJOCO_LOG.TXT into the current folder, and prints."""
    monkeypatch.chdir(tmp_path)
    yield
    assert list(tmp_path.iterdir()) == []
    assert "WARNING" not in "".join(capfd.readouterr())


def break_row(worlds, row: int) -> None:
    """Make one episode's simulation go wrong in its next step."""
    if worlds.datas:
        worlds.datas[row].qvel[:] = np.nan
    elif hasattr(worlds.physics, "engine"):
        worlds.physics._saved[row] = np.nan
    else:
        worlds.state[row] = np.nan


def still(worlds) -> np.ndarray:
    return np.zeros((worlds.batch, *worlds.world.action_shape))


SUITE = pytest.mark.skipif(not HAS_ROBOSUITE, reason="robosuite is not installed")
KINDS = [
    ("push-3blocks", {}),
    ("push-3blocks", {"threads": 2}),
    ("push-3blocks", {"interactions": True}),  # stepped one physics step at a time
    ("push-3blocks", {"bank": "perturbed"}),
    ("ant", {}),
    ("team-pushbox", {}),
    ("team-spread", {}),  # no MuJoCo
    ("dag-10", {}),
    pytest.param("robosuite-lift", {}, marks=SUITE),
    pytest.param("robosuite-lift", {"profile": "assets"}, marks=SUITE),
]


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize(("task", "kwargs"), KINDS)
def test_an_episode_that_goes_wrong_stays_so_until_its_reset(task, kwargs):
    worlds = make_worlds(task, 3, **kwargs)
    worlds.reset([0, 1, 2])
    assert worlds.judge()["unstable"].tolist() == [False] * 3
    _, info = worlds.step(still(worlds))
    assert info["unstable"].dtype == bool
    assert info["unstable"].tolist() == [False] * 3
    before = worlds.snapshot()
    break_row(worlds, 1)
    for _ in range(3):
        _, info = worlds.step(still(worlds))
        assert info["unstable"].tolist() == [False, True, False]
    after = worlds.snapshot()
    worlds.restore(before)
    assert worlds.step(still(worlds))[1]["unstable"].tolist() == [False] * 3
    worlds.restore(after)
    assert worlds.judge()["unstable"].tolist() == [False, True, False]
    assert worlds.step(still(worlds))[1]["unstable"].tolist() == [False, True, False]
    worlds.reset_rows([1], [7])
    assert worlds.judge()["unstable"].tolist() == [False] * 3
    assert worlds.step(still(worlds))[1]["unstable"].tolist() == [False] * 3
    worlds.close()


FULL = """
import mujoco
from entitybench.envs.core.messages import listen
def mine(message): print("mine:", message)
{before}
listen()
mujoco.get_mju_user_warning()(mujoco.mju_warningText(mujoco.mjtWarning.mjWARN_CONTACTFULL, 7))
mujoco.get_mju_user_warning()(mujoco.mju_warningText(mujoco.mjtWarning.mjWARN_BADQACC, 7))
"""


@pytest.mark.parametrize("own", [False, True])
def test_what_else_mujoco_says_is_logged_unless_somebody_listens_already(own, tmp_path):
    script = FULL.format(before="mujoco.set_mju_user_warning(mine)" if own else "")
    done = subprocess.run(
        [sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True
    )
    if own:
        assert [line[:14] for line in done.stdout.splitlines()] == [
            "mine: Too many",
            "mine: Nan, Inf",
        ]
        assert done.stderr == ""
    else:
        assert done.stdout == ""
        assert done.stderr.startswith("MuJoCo: Too many contacts")
        assert done.stderr.count("\n") == 1


def test_controls_that_are_no_numbers_are_noticed_too():
    worlds = make_worlds("push-3blocks", 2)
    worlds.reset([0, 1])
    actions = still(worlds)
    actions[0] = np.nan
    assert worlds.step(actions)[1]["unstable"].tolist() == [True, False]
    worlds.reset([0, 1])
    assert worlds.step(still(worlds))[1]["unstable"].tolist() == [False, False]


def test_a_state_that_is_loaded_is_a_sound_one():
    worlds = make_worlds("push-3blocks", 1)
    worlds.reset([0])
    sound = worlds.integration_state(0)
    break_row(worlds, 0)
    assert worlds.step(still(worlds))[1]["unstable"][0]
    worlds.set_integration_state(0, sound)
    assert not worlds.step(still(worlds))[1]["unstable"][0]


@pytest.mark.parametrize("task", ["push-1block", "ant", "dag-10", "push-1block-pixels"])
def test_single_and_vector_views_tell(task):
    env, vec = make(task, **_small(task)), make_vec(task, 2, threads=1, **_small(task))
    _, info = env.reset(seed=0)
    _, infos = vec.reset(seed=0)
    assert not info["unstable"]
    assert infos["unstable"].tolist() == [False, False]
    action = np.zeros(env.action_space.shape, np.float32)
    assert not env.step(action)[4]["unstable"]
    break_row(env.worlds, 0)
    break_row(vec.worlds, 1)
    for _ in range(2):
        assert env.step(action)[4]["unstable"]
        infos = vec.step(np.stack([action, action]))[4]
        assert infos["unstable"].tolist() == [False, True]
        assert infos["_unstable"].all()
    assert not env.reset(seed=0)[1]["unstable"]
    env.close()
    vec.close()


def _small(task: str) -> dict:
    return {"pixels": 16} if task.endswith("-pixels") else {}


def test_the_vector_tells_of_the_episode_that_ended():
    vec = make_vec("push-1block", 2, threads=1, horizon=2, autoreset_mode="SameStep")
    vec.reset(seed=0)
    break_row(vec.worlds, 1)
    actions = np.zeros(vec.action_space.shape, np.float32)
    vec.step(actions)
    infos = vec.step(actions)[4]
    assert infos["final_info"]["unstable"].tolist() == [False, True]
    assert infos["unstable"].tolist() == [False, False]
    vec.close()


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("task", ["team-pushbox", "team-spread"])
def test_teams_and_their_joint_view_tell(task):
    team, joint = make(task), JointEnv(task)
    _, infos = team.reset(seed=0)
    assert not any(info["unstable"] for info in infos.values())
    assert not joint.reset(seed=0)[1]["unstable"]
    joint_action = {name: np.zeros(box.shape) for name, box in joint.action_space.items()}
    actions = team.actions_of(np.zeros(team.world.action_shape))
    assert not any(info["unstable"] for info in team.step(actions)[4].values())
    assert not joint.step(joint_action)[4]["unstable"]
    break_row(team.worlds, 0)
    break_row(joint.team.worlds, 0)
    infos = team.step(actions)[4]
    assert set(infos) == set(team.possible_agents)
    assert all(info["unstable"] for info in infos.values())
    assert joint.step(joint_action)[4]["unstable"]
    team.close()
    joint.close()


class Breaks:
    """Worlds in which the episodes of some seeds go wrong after five steps."""

    def __init__(self, *broken: int) -> None:
        self.broken = broken

    def __call__(self, task, batch, threads):
        worlds = make_worlds(task, batch, threads)
        step = worlds.step

        def and_break(actions):
            if worlds.elapsed[0] == 5:
                for row in np.flatnonzero(np.isin(worlds.seeds, self.broken)):
                    break_row(worlds, int(row))
            return step(actions)

        worlds.step = and_break
        return worlds


class Follows:
    """A policy whose actions are no numbers where what it sees is none."""

    def __init__(self, task: str) -> None:
        self.shape = make_worlds(task, 1).world.action_shape

    def initial_state(self, batch):
        return None

    def act(self, obs, state, rng):
        seen = obs["observation"].reshape(len(rng), -1)
        return np.tanh(seen[:, : np.prod(self.shape)]).reshape(-1, *self.shape), state

    def diagnostics(self, state):
        return {"calm": np.ones(25)}


def test_evaluation_leaves_out_and_counts_such_a_start():
    sound = evaluate(Follows("push-1block"), "push-1block", episodes=30)
    record = evaluate(Follows("push-1block"), "push-1block", episodes=30, worlds=Breaks(3, 28))
    assert record.failures() == {"infrastructure": 2, "policy": 0}
    assert record.unstable() == 2
    for row, whole in zip(record.rows, sound.rows, strict=True):
        if row.item in (3, 28):
            assert row.error is not None
            assert row.error.startswith("infrastructure: unstable")
            assert not row.counts
            assert not row.values["success"]
            assert (row.values["length"], row.digest) == (5, "")
        else:  # no row depends on the ones beside it
            assert row.digest == whole.digest
            assert row.error is None
    notes = " ".join(table([record]).grid().notes)
    assert "2 episodes ended by infrastructure errors, left out (2 of them" in notes
    assert "unstable" in notes


@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_world_without_mujoco_that_goes_wrong_is_no_fault_of_the_policy():
    record = evaluate(Follows("team-spread"), "team-spread", episodes=4, worlds=Breaks(0))
    assert [row.counts for row in record.rows] == [False, True, True, True]
    assert record.unstable() == 1
