"""The pick worlds are what their page says: grasps hold, towers stand, locks lock."""

from __future__ import annotations

import numpy as np
import pytest

from entitybench.envs.api import make_worlds, oracle_of, task_of, world_of
from entitybench.envs.pick.bins import BinsWorld
from entitybench.envs.pick.scene_world import BUTTON0, DRAWER, KINDS, VALUE, SceneWorld
from entitybench.envs.pick.world import AREA, SPACING, PickWorld, StackWorld, fourfold
from entitybench.seeding import BatchGenerator, generator

UP = np.array([0, 0, 0.1])


def laid(task: str, hand: list[float], cubes: list[list[float]], yaw: list[float]):
    """One episode with everything put somewhere."""
    worlds = make_worlds(task, 1)
    worlds.reset([0])
    world = worlds.world
    assert isinstance(world, PickWorld)
    worlds.datas[0].qpos[:] = world.lay(np.array(hand), np.array(cubes), np.array(yaw))
    worlds.physics.read(worlds.state)
    return worlds


def play(task: str, seeds: range, *, random: bool = False, **kwargs: object) -> np.ndarray:
    """Success of the oracle, or of random actions, at the last step."""
    worlds, policy = make_worlds(task, len(seeds), **kwargs), oracle_of(task)
    rng = BatchGenerator([generator(seed, "policy") for seed in seeds])
    obs, state = worlds.reset(seeds), policy.initial_state(len(seeds))
    for _ in range(worlds.horizon):
        action, state = policy.act(obs, state, rng)
        if random:
            action = 2 * rng.random((len(seeds), 5)) - 1
        obs, info = worlds.step(action)
    return info["is_success"]


def test_starts_and_goals() -> None:
    world = world_of("pick-10cubes")
    assert isinstance(world, PickWorld)
    for seed in range(20):
        start = world.start(seed)
        obs = world.observe(start.qpos, start.constants)
        for places in (obs[1:, :3], start.goal[1:, :3]):
            assert np.abs(places[:, :2]).max() <= AREA + 1e-6
            gaps = np.linalg.norm(places[:, None] - places[None], axis=-1) + np.eye(10)
            assert gaps.min() >= SPACING - 1e-6
            assert places[:, 2] == pytest.approx(0.02)
        assert np.array_equal(obs[1:, 6:], start.goal[1:, 6:])
        assert not start.goal[0].any()
        assert not start.goal[:, 3:6].any()
    tower = world_of("stack-4cubes").start(3).goal[1:, :3]
    assert tower[:, 2] == pytest.approx([0.02, 0.06, 0.10, 0.14])
    assert np.ptp(tower[:, :2], axis=0).max() == 0


def test_success_is_four_centimetres_and_half_of_that_in_height() -> None:
    world = world_of("stack-2cubes")
    assert isinstance(world, StackWorld)
    goal = world.start(1).goal
    for axis, far in ((0, 0.04), (2, 0.02)):
        achieved = goal.copy()
        achieved[1, axis] += far - 0.0005
        assert world.success(achieved, goal)
        achieved[2, axis] += far + 0.0005
        assert not world.success(achieved, goal)
        assert world.success_fraction(achieved, goal) == 0.5


def test_a_cube_looks_the_same_on_every_face() -> None:
    rng = np.random.default_rng(0)

    def times(a, b):
        w, x, y, z = a
        return np.array(
            [
                w * b[0] - x * b[1] - y * b[2] - z * b[3],
                w * b[1] + x * b[0] + y * b[3] - z * b[2],
                w * b[2] - x * b[3] + y * b[0] + z * b[1],
                w * b[3] + x * b[2] - y * b[1] + z * b[0],
            ]
        )

    half = np.sqrt(0.5)
    quarter = [np.array([half, *(half * np.eye(3)[i])]) for i in range(3)]
    for _ in range(40):
        yaw = rng.uniform(0, 6)
        turn = np.array([np.cos(yaw / 2), 0, 0, np.sin(yaw / 2)])
        for i in rng.integers(3, size=5):
            turn = times(turn, quarter[i])
        cos, sin = fourfold(turn[[0, 1, 3, 2], None])
        assert cos[0] == pytest.approx(np.cos(4 * yaw), abs=1e-9)
        assert sin[0] == pytest.approx(np.sin(4 * yaw), abs=1e-9)


def test_a_grasp_holds_for_ten_seconds() -> None:
    worlds = laid("pick-1cube", [0, 0, 0.02, 0, 0.03, 0.03], [[0, 0, 0.02]], [0])
    for step in range(15):
        obs, _ = worlds.step(np.array([[0, 0, 0.3 * (step > 5), 0, -1.0]]))
    first = obs["observation"][0, 1, :3] - obs["observation"][0, 0, :3]
    for step in range(200):
        swing = [0.3 * np.sin(step / 5), 0.3 * np.cos(step / 7), 0.1 * np.sin(step / 9), 0.2]
        obs, _ = worlds.step(np.array([[*swing, -1.0]]))
    slid = obs["observation"][0, 1, :3] - obs["observation"][0, 0, :3] - first
    assert obs["observation"][0, 1, 2] > 0.05
    assert np.abs(slid).max() < 0.005


def test_a_tower_of_four_stands_for_ten_seconds() -> None:
    tower = [[0, 0, 0.02], [0.004, 0.003, 0.06], [-0.004, 0.002, 0.1], [0.003, -0.004, 0.14]]
    worlds = laid("stack-4cubes", [0.2, 0.2, 0.3, 0, 0.03, 0.03], tower, [0, 0.3, 0.6, 0.2])
    for _ in range(200):
        obs, _ = worlds.step(np.zeros((1, 5)))
    assert np.abs(obs["observation"][0, 1:, :3] - tower).max() < 0.001


@pytest.mark.parametrize("cubes", [2, 3, 4, 5])
def test_a_tower_as_the_goal_has_it_stands_for_ten_seconds(cubes: int) -> None:
    count = 20
    worlds = make_worlds(f"stack-{cubes}cubes", count)
    worlds.reset(range(count))
    for row in range(count):
        worlds.datas[row].qpos[:] = worlds.world.goal_qpos(worlds.goals[row])
    worlds.physics.read(worlds.state)
    for _ in range(200):
        obs, info = worlds.step(np.zeros((count, 5)))
        assert info["is_success"].all()
    gap = obs["observation"][:, 1:, :3] - worlds.goals[:, 1:, :3]
    assert np.abs(gap).max() < 0.002


@pytest.mark.parametrize(
    "task",
    [
        "pick-1cube",
        "pick-2cubes-bins",
        *(pytest.param(task, marks=pytest.mark.slow) for task in ("stack-3cubes", "scene")),
    ],
)
def test_the_oracle_solves_and_random_actions_do_not(task: str) -> None:
    assert play(task, range(8)).mean() >= 0.85
    assert not play(task, range(8), random=True).any()


def test_rows_do_not_depend_on_the_batch() -> None:
    for task in ("pick-3cubes", "scene", "pick-2cubes-bins"):
        alone, many = make_worlds(task, 1), make_worlds(task, 5)
        one, five = alone.reset([3]), many.reset(range(1, 6))
        rng = np.random.default_rng(0)
        for _ in range(30):
            action = rng.uniform(-1, 1, (5, 5))
            one, _ = alone.step(action[2:3])
            five, _ = many.step(action)
        assert all(np.array_equal(one[key][0], five[key][2]) for key in one)


def test_a_locked_drawer_stays_and_a_button_unlocks_it() -> None:
    worlds = make_worlds(task_of("scene"), 1, kind="rearrange-medium")
    world = worlds.world
    assert isinstance(world, SceneWorld)
    obs = worlds.reset([0])
    drawer = obs["observation"][0, DRAWER]
    assert obs["observation"][0, BUTTON0, VALUE] == 0

    def go(place: np.ndarray, grip: float, steps: int) -> None:
        nonlocal obs
        for _ in range(steps):
            hand = obs["observation"][0, 0]
            step = np.clip((place - hand[:3]) / 0.05, -1, 1)
            yaw = np.clip(-np.arctan2(hand[4], hand[3]) / 0.3, -1, 1)
            obs, _ = worlds.step(np.array([[*step, yaw, grip]]))

    def pull() -> float:
        go(drawer[:3] + UP, 0.0, 20)
        go(drawer[:3], 0.0, 12)
        go(drawer[:3], -1.0, 8)
        go(drawer[:3] - [0, 0.1, 0], -1.0, 12)
        moved = obs["observation"][0, DRAWER, VALUE] - drawer[VALUE]
        go(obs["observation"][0, 0, :3].astype(float), 1.0, 4)
        go(obs["observation"][0, 0, :3] + UP, 1.0, 8)
        return float(moved)

    assert abs(pull()) < 0.002
    button = obs["observation"][0, BUTTON0, :3].astype(float)
    go(button + UP, -1.0, 20)
    go(button, -1.0, 12)
    assert obs["observation"][0, BUTTON0, VALUE] == 1  # held down: toggled once
    go(button + UP, -1.0, 8)
    assert obs["observation"][0, BUTTON0, VALUE] == 1
    assert pull() > 0.05


def test_every_kind_of_scene_begins_unsolved() -> None:
    for kind in KINDS:
        world = world_of("scene", kind=kind)
        assert isinstance(world, SceneWorld)
        start = world.start(0)
        state = np.concatenate([start.qpos, start.memory])
        achieved = world.achieved(world.observe(state, start.constants))
        assert not world.success(achieved, start.goal)
        assert world.success(start.goal, start.goal)


def test_bins_ask_for_one_cube() -> None:
    world = world_of("pick-2cubes-bins")
    assert isinstance(world, BinsWorld)
    goals = np.array([world.start(seed).goal for seed in range(40)])
    assert ((goals[:, 1:3, 2] > 0).sum(1) == 1).all()
    assert len({tuple(goal[goal[:, 2] > 0][0, :2]) for goal in goals}) == 3


def test_cubes_can_be_absent_and_contacts_are_seen() -> None:
    assert play("pick-2cubes", range(3), absent=("cube1",)).all()
    worlds = laid("pick-1cube", [0, 0, 0.02, 0, 0.03, 0.03], [[0, 0, 0.02]], [0])
    worlds.physics.watch()
    worlds.interactions = True
    for _ in range(3):
        _, info = worlds.step(np.array([[0, 0, 0, 0, -1.0]]))
    assert info["interactions"][0, 1, 0]
