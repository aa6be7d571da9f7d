"""robosuite's arms: their rewards, their motion, three profiles, and scripts that solve them."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from entitybench.envs.api import make_worlds, oracle_of, world_of
from entitybench.envs.robosuite import library
from entitybench.envs.robosuite.robots import robots
from entitybench.errors import BadValue, MissingExtra, UnknownId
from entitybench.registry import resolve, tasks

there = importlib.util.find_spec("robosuite") is not None
needs_robosuite = pytest.mark.skipif(not there, reason="pip install -e '.[robosuite]'")
STATE = [task.id for task in tasks() if {"robosuite", "state"} <= task.tags]


def run(id: str, profile: str, seeds: range, steps: int | None = None, **kwargs: Any) -> tuple:
    """Worlds after the oracle's episodes, and the last scores."""
    worlds, policy = make_worlds(id, len(seeds), profile=profile, **kwargs), oracle_of(id)
    obs, state = worlds.reset(list(seeds)), policy.initial_state(len(seeds))
    rng = StubGenerator(len(seeds))
    info: dict = {}
    for _ in range(tasks()[id].horizon if steps is None else steps):
        action, state = policy.act(obs, state, rng)
        obs, info = worlds.step(action)
    return worlds, info


class StubGenerator:
    def __init__(self, batch: int) -> None:
        self._rng = np.random.default_rng(0)

    def random(self, shape: tuple[int, ...]) -> np.ndarray:
        return self._rng.random(shape)


def test_without_robosuite_there_is_one_line_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(library, "installed", lambda: False)
    with pytest.raises(MissingExtra, match=r"pip install -e '\.\[robosuite\]'"):
        resolve(tasks()["robosuite-lift"].target)()


def test_listing_tasks_imports_no_robosuite() -> None:
    program = "import sys; from entitybench.registry import tasks; tasks(); print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "robosuite" not in run.stdout.split()


@needs_robosuite
def test_nothing_is_printed_and_global_randomness_stays(capfd: pytest.CaptureFixture) -> None:
    np.random.seed(4)  # noqa: NPY002
    worlds = make_worlds("robosuite-lift", 1)
    worlds.reset([0])
    worlds.step(np.zeros((1, 7)))
    drawn = np.random.random(3)  # noqa: NPY002
    np.random.seed(4)  # noqa: NPY002
    assert np.array_equal(drawn, np.random.random(3))  # noqa: NPY002
    assert capfd.readouterr() == ("", "")


@needs_robosuite
def test_wrong_arguments_are_refused() -> None:
    for wrong in ({"profile": "slow"}, {"view": "back"}, {"pixels": 5}, {"robot": "Baxter"}):
        with pytest.raises(BadValue):
            world_of("robosuite-lift", **wrong)


@needs_robosuite
def test_a_robot_that_is_not_taken_is_named_with_those_that_are() -> None:
    with pytest.raises(UnknownId, match=r"unknown robot 'Sawyr'. Did you mean 'Sawyer'"):
        world_of("robosuite-lift", robot="Sawyr")
    with pytest.raises(BadValue, match=r"PandaDexRH has a hand with six commands: .*Panda, Sawyer"):
        world_of("robosuite-lift", robot="PandaDexRH")


@needs_robosuite
@pytest.mark.slow
def test_the_oracle_lifts_with_every_robot() -> None:
    for robot in robots():
        _, info = run("robosuite-lift", "assets", range(2), robot=robot)
        assert info["is_success"].all(), robot
        _, info = run("robosuite-lift", "fast", range(1), 60, robot=robot)
        assert info["is_success"].all(), robot


@needs_robosuite
@pytest.mark.slow
@pytest.mark.parametrize("id", STATE)
def test_the_oracle_solves_perturbed_starts(id: str) -> None:
    _, info = run(id, "assets", range(6), bank="perturbed")
    assert info["is_success"].mean() > 0.7


@needs_robosuite
@pytest.mark.slow
def test_the_faithful_profile_moves_as_robosuite_does() -> None:
    """A stock environment and ours, from the same start, through the same actions."""
    import robosuite

    with library.quietly():
        stock = robosuite.make(
            "Stack", robots="Panda", has_renderer=False, has_offscreen_renderer=False,
            use_camera_obs=False, reward_shaping=True, renderer="mujoco",
        )  # fmt: skip
        stock.reset()
        worlds = make_worlds("robosuite-stack", 1, profile="faithful")
        worlds.reset([0])
        worlds.world.engine.begin(np.array(stock.sim.data.qpos), None, {})
        worlds.physics._keep(0)
        rng = np.random.default_rng(0)
        for _ in range(25):
            action = rng.uniform(-1, 1, 7)
            _, reward, _, _ = stock.step(action)
            _, info = worlds.step(action[None])
            qpos = worlds.physics._states[0, : stock.sim.model.nq]
            assert np.allclose(qpos, stock.sim.data.qpos, atol=1e-9)
            assert info["reward"][0] == pytest.approx(reward, abs=1e-6)


@needs_robosuite
@pytest.mark.slow
@pytest.mark.parametrize(
    ("id", "steps", "kwargs"),
    [
        ("robosuite-lift", 40, {}),
        ("robosuite-stack", 85, {}),
        ("robosuite-door", 115, {}),
        ("robosuite-pickplace", 110, {"things": ["milk", "bread", "cereal", "can"]}),
        ("team-lift", 75, {}),
    ],
)
def test_rewards_and_success_are_robosuites(id: str, steps: int, kwargs: dict) -> None:
    """Every step of an oracle's episode: our functions of states against its own methods."""
    task = replace(tasks()[id], kwargs={**tasks()[id].kwargs, **kwargs})
    worlds, policy = make_worlds(task, 1, profile="faithful"), oracle_of(task)
    env = worlds.world.engine.env
    obs, state = worlds.reset([0]), policy.initial_state(1)
    for _ in range(steps):
        action, state = policy.act(obs, state, StubGenerator(1))
        obs, info = worlds.step(action)
        assert float(info["reward"].flat[0]) == pytest.approx(env.reward(None), abs=1e-6)
        assert bool(info["is_success"][0]) == bool(env._check_success())
    assert info["reward"].flat[0] > 0.1


@needs_robosuite
@pytest.mark.parametrize("id", STATE)
def test_the_oracle_solves_the_assets_profile(id: str) -> None:
    _, info = run(id, "assets", range(3))
    assert info["is_success"].mean() > 0.6


@needs_robosuite
def test_the_oracle_solves_the_fast_profile() -> None:
    worlds, info = run("robosuite-lift", "fast", range(2), 60)
    assert info["is_success"].all()
    assert (info["reward"] == 1).all()
    height = worlds.observe()["observation"][:, 1, 2]
    assert (height > 0.04).all()


@needs_robosuite
@pytest.mark.parametrize("id", ["robosuite-lift", "robosuite-push-1block"])
def test_random_actions_do_not(id: str) -> None:
    worlds = make_worlds(id, 6, profile="assets")
    worlds.reset(range(6))
    rng = np.random.default_rng(0)
    for _ in range(100):
        _, info = worlds.step(rng.uniform(-1, 1, (6, *worlds.world.action_shape)))
    assert not info["is_success"].any()


@needs_robosuite
def test_profiles_share_starts_features_and_actions() -> None:
    seen = [make_worlds("robosuite-stack", 2, profile=name) for name in ("fast", "assets")]
    first, second = (worlds.reset([3, 4])["observation"] for worlds in seen)
    assert np.allclose(first, second, atol=1e-6)
    assert [worlds.world.physics_dt for worlds in seen] == [0.005, 0.005]
    assert seen[0].world.action_shape == seen[1].world.action_shape == (7,)


@needs_robosuite
def test_a_lifted_cube_is_success_and_full_reward() -> None:
    worlds = make_worlds("robosuite-lift", 1, profile="assets")
    worlds.reset([0])
    state, world = worlds.state[0].copy(), worlds.world
    first = world.slot("memory").start + 3 * 1 + 2  # the cube's height
    state[first] = 0.8401
    assert world.status(state)["is_success"]
    assert world.reward(state, np.zeros(7), state) == 1
    state[first] = 0.8399
    assert not world.status(state)["is_success"]
    assert world.reward(state, np.zeros(7), state) < 1


@needs_robosuite
def test_pushing_asks_for_places_of_blocks_alone() -> None:
    worlds = make_worlds("robosuite-push-3blocks", 2, profile="assets")
    obs = worlds.reset([0, 1])
    goal, start = obs["desired_goal"], obs["observation"]
    assert (goal[:, 0] == 0).all()
    assert (goal[:, 1:, 2:18] == 0).all()
    apart = np.hypot(*np.moveaxis(goal[:, 1:, :2] - start[:, 1:, :2], -1, 0))
    assert (apart > 0.099).all()
    world = worlds.world
    near = goal.copy()
    near[:, 1:, 0] += 0.0599
    assert world.success(near, goal).all()
    near[:, 1:, 0] += 0.001
    assert not world.success(near, goal).any()
