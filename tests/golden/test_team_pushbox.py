"""team-pushbox: one robot cannot move the box and two can; rewards, what is seen, the script."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from entitybench.envs.api import make_worlds, world_of
from entitybench.envs.team.pushbox import ALIGNED, BONUS, NEAR, TURN_COST, PushboxWorld
from entitybench.envs.team.pushbox_oracle import PushboxOracle
from entitybench.envs.team.pushbox_sizes import BOX_HALF, FASTEST, FORCE, ROBOT_RADIUS
from entitybench.errors import BadValue


def world() -> PushboxWorld:
    found = world_of("team-pushbox")
    assert isinstance(found, PushboxWorld)
    return found


def push(robots: list, directions: list, steps: int, yaw: float = 0.0) -> np.ndarray:
    """How far the box (at (0.6, 0), alone) comes in x, y and yaw."""
    found, model = world(), world().model
    data = mujoco.MjData(model)
    parked = [[-0.9, 0.9], [-0.9, -0.9], [-0.9, 0.0]]
    data.qpos[found.robots] = [*robots, *parked][:3]
    data.qpos[found.box] = [0.6, 0, yaw]
    action = np.zeros((3, 2))
    action[: len(directions)] = directions
    for _ in range(steps):
        data.ctrl[:] = found.control(np.empty(0), action)
        mujoco.mj_step(model, data, found.substeps)
    return data.qpos[found.box] - [0.6, 0, yaw]


@pytest.mark.parametrize("seed", range(12))
def test_one_robot_cannot_move_the_box_wherever_it_pushes(seed: int) -> None:
    """It comes from 30 cm away at full speed, and then pushes with all it has for 7.5 s."""
    rng = np.random.default_rng(seed)
    angle, yaw = rng.uniform(-np.pi, np.pi), rng.uniform(-0.8, 0.8)
    place = 0.3 * np.array([np.cos(angle), np.sin(angle)])
    aim = rng.uniform(-0.1, 0.1, 2) - place
    moved = push([np.add(place, (0.6, 0))], [2 * aim / np.linalg.norm(aim)], 150, yaw)
    assert np.hypot(*moved[:2]) < 0.005
    assert abs(moved[2]) < 0.04  # by the first blow


def test_one_robot_cannot_turn_the_box_at_a_corner() -> None:
    moved = push([[0.6 + BOX_HALF[0] - 0.005, -0.2]], [[0, 1]], 150)
    assert np.abs(moved[:2]).max() < 0.005
    assert abs(moved[2]) < 0.04  # by the first blow


@pytest.mark.parametrize("yaw", [0.0, 0.4, 0.785])
def test_two_robots_move_it_alike_in_every_direction(yaw: float) -> None:
    turn = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
    behind = -BOX_HALF[1] - ROBOT_RADIUS - 0.005
    robots = [turn @ [x, behind] + [0.6, 0] for x in (-0.065, 0.065)]
    moved = push(robots, [turn @ [0, 1]] * 2, 20, yaw)
    assert turn.T @ moved[:2] == pytest.approx([0, 0.254], abs=0.01)
    assert abs(moved[2]) < 0.01


def test_a_free_robot_gets_the_velocity_it_wants() -> None:
    found, model = world(), world().model
    data = mujoco.MjData(model)
    data.qpos[found.robots] = [[-1, 0], [-0.9, 0.9], [-0.9, -0.9]]
    action = np.zeros((3, 2))
    action[0] = 0.5, 0
    for _ in range(10):
        data.ctrl[:] = found.control(np.empty(0), action)
        mujoco.mj_step(model, data, found.substeps)
    assert data.qvel[0] == pytest.approx(0.5 * FASTEST, rel=0.01)
    corner = found.control(np.empty(0), np.ones((3, 2)))
    assert np.hypot(*corner[:2]) == pytest.approx(1)  # no stronger along a diagonal
    assert model.actuator_gear[0, 0] == FORCE


@pytest.mark.parametrize(
    ("robots", "directions"),
    [
        ([[-0.3, 0.0]], [[1, 0]]),  # into the pillar
        ([[-0.9, 0.6], [-0.2, 0.6]], [[1, 0], [-1, 0]]),  # into each other
        ([[0.6, -0.5]], [[0, 1]]),  # into the long side of the box
        ([[0.1, 0.0]], [[1, 0]]),  # into its short side
    ],
)
@pytest.mark.parametrize("phase", range(6))
def test_nothing_gets_through_at_full_speed(robots: list, directions: list, phase: int) -> None:
    found, model = world(), world().model
    data = mujoco.MjData(model)
    parked = [[-1.1, 1.1], [-1.1, -1.1], [1.1, -1.1]]
    data.qpos[found.robots] = [*robots, *parked][:3]
    data.qpos[found.robots[0]] -= 0.007 * phase * np.array(directions[0])
    data.qpos[found.box] = [0.6, 0, 0]
    action = np.zeros((3, 2))
    action[: len(directions)] = directions
    deepest = 0.0
    for _ in range(20):
        data.ctrl[:] = found.control(np.empty(0), action)
        for _ in range(found.substeps):
            mujoco.mj_step(model, data)
            deepest = min([deepest, *data.contact.dist])
    # The centre of a robot stays outside of what it hits; then it is pushed out again.
    assert -ROBOT_RADIUS * len(robots) < deepest < -0.005
    assert min(data.contact.dist) > -0.005


def test_what_an_agent_sees() -> None:
    worlds = make_worlds("team-pushbox", 1)
    obs = worlds.reset([3])
    entities, seen = obs["state"][0], obs["observation"][0]
    assert entities.shape == (6, 11)
    assert seen.shape == (3, 19)
    for i in range(3):
        own, box, goal = entities[i, :2], entities[3], entities[5]
        others = [entities[j, :2] - own for j in range(3) if j != i]
        expected = [*own, 0, 0, *(box[:2] - own), *box[2:4], 0, 0, 0]
        expected += [*(goal[:2] - own), *goal[2:4], *others[0], *others[1]]
        assert seen[i] == pytest.approx(expected, abs=1e-6)
    assert (entities[3, 2:4] ** 2).sum() == pytest.approx(1)
    assert (entities[4, :2] == 0).all()


def place_box(worlds: object, offset: tuple[float, float, float]) -> None:
    """Put the box of row 0 beside its goal."""
    found = world()
    state = worlds.integration_state(0)
    state[1 + found.box] = worlds.state[0, found._goal] + offset  # the first number is the time
    worlds.set_integration_state(0, state)


@pytest.mark.parametrize(
    ("offset", "inside"),
    [
        ((0.049, 0, 0.19), True),
        ((0.051, 0, 0), False),
        ((0, 0, 0.21), False),
        ((0, 0, -0.19), True),
    ],
)
def test_success_needs_place_and_direction(offset: tuple, inside: bool) -> None:
    worlds = make_worlds("team-pushbox", 1)
    worlds.reset([0])
    place_box(worlds, offset)
    _, info = worlds.step(np.zeros((1, 3, 2)))
    assert info["is_success"][0] == inside
    assert (info["success_fraction"][0] == 1) == inside
    far, turned = np.hypot(*offset[:2]), abs(offset[2])
    paid = -far - TURN_COST * turned + BONUS * inside
    terms = world().reward_terms(worlds.state, np.empty(0), worlds.state)
    assert sum(terms.values())[0] == pytest.approx(info["reward"][0], abs=1e-6)
    assert info["reward"][0] == pytest.approx([paid] * 3, abs=2e-3)
    assert NEAR == 0.05
    assert ALIGNED == 0.2


def test_the_bonus_is_paid_once() -> None:
    worlds = make_worlds("team-pushbox", 1)
    worlds.reset([0])
    paid = []
    for offset in ((0, 0, 0), (0, 0, 0), (0.2, 0, 0), (0, 0, 0)):
        place_box(worlds, offset)
        paid.append(worlds.step(np.zeros((1, 3, 2)))[1]["reward"][0, 0])
    assert paid == pytest.approx([BONUS, 0, -0.2, 0], abs=2e-3)


def test_starts_leave_room() -> None:
    for seed in range(100):
        start = world().start(seed)
        robots, box = start.qpos[world().robots], start.qpos[world().box]
        goal = start.memory[world()._goal - world().slot("memory").start]
        gaps = np.linalg.norm(robots[:, None] - robots[None], axis=-1) + 9 * np.eye(3)
        assert gaps.min() >= 0.16
        assert np.linalg.norm(robots - box[:2], axis=-1).min() > np.hypot(*BOX_HALF) + 0.02
        assert box[1] < -0.6
        assert goal[1] > 0.6


def test_an_episode_does_not_depend_on_the_batch() -> None:
    seeds, oracle = [4, 1, 7, 2, 9], PushboxOracle("team-pushbox")
    worlds, alone = make_worlds("team-pushbox", 5, threads=2), make_worlds("team-pushbox", 1)
    obs, one = worlds.reset(seeds), alone.reset(seeds[2:3])
    state, single = oracle.initial_state(5), oracle.initial_state(1)
    for _ in range(60):
        action, state = oracle.act(obs, state, None)
        mine, single = oracle.act(one, single, None)
        assert np.array_equal(action[2:3], mine)
        obs, info = worlds.step(action)
        one, scores = alone.step(mine)
        assert all(np.array_equal(obs[key][2:3], one[key]) for key in obs)
        assert all(np.array_equal(info[key][2:3], scores[key]) for key in info)
    assert worlds.state_digest(2) == alone.state_digest(0)


def test_pushes_are_in_the_graph() -> None:
    worlds = make_worlds("team-pushbox", 1, interactions=True)
    oracle = PushboxOracle("team-pushbox")
    obs, state = worlds.reset([0]), oracle.initial_state(1)
    for _ in range(30):
        action, state = oracle.act(obs, state, None)
        obs, info = worlds.step(action)
    graph = info["interactions"][0]
    assert graph[3, state.pair[0]].all()  # both push the box
    assert not graph[3, 3 - state.pair[0].sum()]  # the third does not
    assert graph[:3, -1].all()
    assert not graph[3:, -1].any()


@pytest.mark.parametrize("convention", [{}, {"side": "left", "pair": (0, 1)}, {"side": "right"}])
def test_the_script_solves_it_in_every_convention(convention: dict) -> None:
    worlds, oracle = make_worlds("team-pushbox", 20), PushboxOracle("team-pushbox", **convention)
    obs, state = worlds.reset(range(20)), oracle.initial_state(20)
    sides = []
    for _ in range(worlds.horizon):
        action, state = oracle.act(obs, state, None)
        obs, info = worlds.step(action)
        box = obs["state"][:, 3]
        sides.append(np.where(np.abs(box[:, 1]) < 0.1, np.sign(box[:, 0]), 0))
    assert info["is_success"].mean() >= 0.95
    passed = np.sign(np.sum(sides, axis=0))
    assert (passed == state.side).all()
    if convention:
        assert (passed == (-1 if convention["side"] == "left" else 1)).all()


def test_conventions_that_do_not_exist_are_refused() -> None:
    with pytest.raises(BadValue, match="left, right or near"):
        PushboxOracle("team-pushbox", side="up")
    with pytest.raises(BadValue, match="pair"):
        PushboxOracle("team-pushbox", pair=(1, 1))


def test_random_actions_bring_it_nowhere() -> None:
    worlds, rng = make_worlds("team-pushbox", 30), np.random.default_rng(0)
    worlds.reset(range(30))
    for _ in range(150):
        obs, info = worlds.step(rng.uniform(-1, 1, (30, 3, 2)))
        assert (np.abs(obs["observation"]) <= worlds.world.agent_bounds).all()
    assert not info["is_success"].any()
