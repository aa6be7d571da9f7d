"""Robots and teams equal to Gymnasium's and MaMuJoCo's, number for number; mazes and experts."""

from __future__ import annotations

import warnings

import gymnasium
import mujoco
import numpy as np
import pytest

from entitybench.datasets.experts.evolve import BEGIN, PERIOD, WIDTH, gait
from entitybench.datasets.experts.rollouts import Seen
from entitybench.datasets.experts.train import SEARCHES, Progress, improve
from entitybench.envs.api import make_worlds, oracle_of, world_of
from entitybench.envs.locomotion.maze import MAZES, blocked
from entitybench.envs.locomotion.team import PARTS
from entitybench.envs.views.team import TeamEnv
from entitybench.seeding import BatchGenerator, generator

GYMNASIUM = {
    "hopper": "Hopper-v5",
    "halfcheetah": "HalfCheetah-v5",
    "walker2d": "Walker2d-v5",
    "ant": "Ant-v5",
}
SCENARIOS = {
    "cheetah-2x3": ("HalfCheetah", "2x3"),
    "cheetah-6x1": ("HalfCheetah", "6x1"),
    "hopper-3x1": ("Hopper", "3x1"),
    "ant-2x4": ("Ant", "2x4"),
}
STRENGTHS = (1.0, 0.4, 0.0)  # of the random actions of an episode each
STEPS = 150


def put(env, start) -> None:
    """Begin an episode of Gymnasium's at a start of ours."""
    env.reset(seed=0)
    mujoco.mj_resetData(env.model, env.data)
    env.set_state(start.qpos, start.qvel)


@pytest.mark.parametrize("id", GYMNASIUM)
def test_a_robot_is_gymnasiums_bit_for_bit(id: str) -> None:
    worlds, env = make_worlds(id, len(STRENGTHS)), gymnasium.make(GYMNASIUM[id]).unwrapped
    rng = np.random.default_rng(0)
    strengths = np.array(STRENGTHS)[:, None]
    actions = rng.uniform(-1, 1, (STEPS, len(STRENGTHS), worlds.world.action_dim)) * strengths
    seen = [worlds.reset(range(len(STRENGTHS)))["observation"]]
    rewards, ended = [], []
    for action in actions:
        obs, info = worlds.step(action)
        seen.append(obs["observation"])
        rewards.append(info["reward"])
        ended.append(info.get("terminated", np.zeros(len(STRENGTHS), bool)))
    for row in range(len(STRENGTHS)):
        put(env, worlds.world.start(row))
        np.testing.assert_array_equal(seen[0][row, 0], env._get_obs().astype(np.float32))
        for step, action in enumerate(actions[:, row]):  # beyond the end of the episode, too
            observation, reward, terminated, _, _ = env.step(action)
            np.testing.assert_array_equal(seen[step + 1][row, 0], observation.astype(np.float32))
            assert rewards[step][row] == np.float32(reward)
            assert ended[step][row] == terminated
    assert np.array(ended).any() == (id in ("hopper", "walker2d"))


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_team_is_mamujocos_bit_for_bit(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        robotics = pytest.importorskip("gymnasium_robotics")
    scenario, agents = SCENARIOS[name]
    peer = robotics.mamujoco_v1.parallel_env(scenario, agents, agent_obsk=1)
    env, rng = TeamEnv(f"team-{name}"), np.random.default_rng(0)
    assert env.possible_agents == peer.possible_agents
    for seed, strength in enumerate(STRENGTHS):
        env.reset(seed=seed)
        peer.reset(seed=0)
        put(peer.single_agent_env.unwrapped, env.world.start(seed))
        while env.agents and env.worlds.elapsed[0] < STEPS:
            shape = (len(env.agents), env.world.action_dim)
            chosen = strength * rng.uniform(-1, 1, shape)
            action = dict(zip(env.possible_agents, chosen, strict=True))
            ours, theirs = env.step(action), peer.step(action)
            for i, agent in enumerate(env.possible_agents):
                size = len(theirs[0][agent])
                assert size == len(env.world.sees[i])
                expected = theirs[0][agent].astype(np.float32)
                np.testing.assert_array_equal(ours[0][agent][:size], expected)
                assert not ours[0][agent][size:].any()
                assert ours[1][agent] == np.float32(theirs[1][agent])
                assert ours[2][agent] == theirs[2][agent]
            np.testing.assert_array_equal(env.state(), peer.state().astype(np.float32))


def test_a_model_changes_only_in_its_cameras_and_looks() -> None:
    for id, theirs in GYMNASIUM.items():
        ours, model = world_of(id).model, gymnasium.make(theirs).unwrapped.model
        for field in ("body_mass", "body_inertia", "geom_friction", "dof_damping", "jnt_range"):
            np.testing.assert_array_equal(getattr(ours, field), getattr(model, field))


@pytest.mark.parametrize("name", MAZES)
def test_the_way_through_a_maze_is_found_and_walls_hold(name: str) -> None:
    id = f"point-maze-{name}"
    for oracle in (oracle_of(id), None):
        worlds = make_worlds(id, 20)
        obs = worlds.reset(range(20))
        rng = BatchGenerator([generator(seed, "maze-test") for seed in range(20)])
        state = oracle.initial_state(20) if oracle else None
        solved, total = np.zeros(20, bool), np.zeros(20)
        for _ in range(200):
            action = rng.uniform(-1, 1, (20, 2))
            if oracle:
                action, state = oracle.act(obs, state, rng)
            obs, info = worlds.step(action)
            total += info["reward"] * ~solved
            np.testing.assert_array_equal(info["terminated"], info["reward"] == 1)
            solved |= info["terminated"]
            assert np.abs(worlds.state[:, :2]).max() < worlds.world.edge
        np.testing.assert_array_equal(total, solved)
        assert solved.mean() == (1.0 if oracle else 0.0)


def test_the_u_has_one_wall() -> None:
    world = world_of("point-maze-u")
    np.testing.assert_allclose(world.walls, [[-0.5, 1.0, 1.6, 0.1]])
    assert blocked(world.plan, 0, 0, 1, 0)
    assert not blocked(world.plan, 0, 3, 1, 0)
    assert world.entities == 3


def test_perturbed_robots_differ_in_mass_and_friction_not_in_size() -> None:
    worlds = make_worlds("hopper", 1, bank="perturbed")
    worlds.reset([3])
    plain, model = worlds.model, worlds.physics.models[0]
    ratio = model.body_mass[1:] / plain.body_mass[1:]
    assert np.ptp(ratio) < 1e-12
    assert abs(ratio[0] - 1) > 1e-3
    np.testing.assert_array_equal(model.geom_size, plain.geom_size)
    change = model.geom_friction[:, 0] / plain.geom_friction[:, 0]  # the floor's, too
    np.testing.assert_allclose(change, change[0])
    assert abs(change[0] - 1) > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("id", "bar"),
    [("hopper", 3000), ("halfcheetah", 4000), ("team-hopper-3x1", 3000), ("ant", 1200)],
)
def test_experts_score(id: str, bar: float) -> None:
    worlds, policy = make_worlds(id, 4), oracle_of(id)
    obs, state = worlds.reset(range(4)), policy.initial_state(4)
    rng = BatchGenerator([generator(seed, "x") for seed in range(4)])
    total = np.zeros(4)
    for _ in range(worlds.horizon):
        action, state = policy.act(obs, state, rng)
        obs, info = worlds.step(action)
        total += info["reward"].reshape(4, -1)[:, 0]
    assert info["is_success"].all()
    assert total.min() > bar


def test_a_search_depends_on_its_seed_alone() -> None:
    world, search = world_of("hopper"), SEARCHES["hopper"]

    def run() -> np.ndarray:
        size = world.features
        seen = Seen(0.0, np.zeros(size), np.zeros(size))
        progress = Progress(np.zeros((3, size)), seen)
        improve(world, search, progress, 0)
        return progress.weights

    np.testing.assert_array_equal(run(), run())


def test_every_joint_has_one_owner() -> None:
    for parts in PARTS.values():
        owned = [joint for joints in parts.owns for joint in joints]
        assert sorted(owned) == sorted(parts.robot.motors)


def test_the_walker_s_legs_do_the_same_half_a_period_apart() -> None:
    world = world_of("walker2d")
    rng = np.random.default_rng(0)
    numbers = BEGIN + WIDTH * rng.standard_normal(BEGIN.shape)
    policy = gait(world, numbers)
    names, motors = list(world.feature_names), list(world.motors)
    observation = rng.standard_normal((1, len(names)))
    swapped = observation.copy()
    for name in ("thigh", "leg", "foot", "v_thigh", "v_leg", "v_foot"):
        left, right = names.index(f"{name}_left"), names.index(name)
        swapped[:, [left, right]] = observation[:, [right, left]]
    now = policy.act(policy.see(observation, np.array([7])))[0]
    later = policy.act(policy.see(swapped, np.array([7 + PERIOD // 2])))[0]
    for name in ("thigh", "leg", "foot"):
        assert np.isclose(now[motors.index(name)], later[motors.index(f"{name}_left")])
    # The spring: at its middle, at rest, without a swing and feedback, a joint is left alone.
    numbers[:, 1:3] = numbers[:, 5:] = 0
    policy = gait(world, numbers)
    still = np.zeros((1, len(names)))
    for joint, name in enumerate(("thigh", "leg", "foot")):
        still[:, [names.index(name), names.index(f"{name}_left")]] = numbers[joint, 0]
    assert np.allclose(policy.act(policy.see(still, np.array([3]))), 0)
