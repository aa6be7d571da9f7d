"""The kitchen is what its page says: its arm, its elements beside FrankaKitchen's, its scripts."""

from __future__ import annotations

import warnings

import mujoco
import numpy as np
import pytest

from entitybench.envs.api import make_worlds, oracle_of, world_of
from entitybench.envs.failures import failures_of, inject
from entitybench.envs.kitchen import elements as k
from entitybench.envs.kitchen import panda
from entitybench.envs.kitchen.failures import KNOB, SEVERAL
from entitybench.envs.kitchen.oracle import KitchenOracle
from entitybench.envs.kitchen.world import KitchenTasksWorld, KitchenWorld
from entitybench.seeding import BatchGenerator, generator

ROBOTS = ("kitchen", "kitchen-gripper")


def solve(
    id: str,
    count: int,
    steps: int | None = None,
    oracle: bool = True,
    bank: str = "public",
) -> np.ndarray:
    worlds, policy = make_worlds(id, count, bank=bank), oracle_of(id)
    rng = BatchGenerator([generator(seed, "test") for seed in range(count)])
    obs, state = worlds.reset(range(count)), policy.initial_state(count)
    info = worlds.judge()
    random = np.random.default_rng(0)
    for _ in range(steps or worlds.horizon):
        if oracle:
            action, state = policy.act(obs, state, rng)
        else:
            action = random.uniform(-1, 1, (count, worlds.world.action_dim))
        obs, info = worlds.step(action)
    worlds.close()
    return info["is_success"]


def test_kinematics_are_those_of_the_scene() -> None:
    world = world_of("kitchen-goal")
    model, data = world.model, mujoco.MjData(world.model)
    rng = np.random.default_rng(0)
    q = rng.uniform(panda.LOWER, panda.UPPER, (4, 7))
    point, axes, jacobian = panda.forward(q, k.GRIP)
    site = model.site("grip").id
    dofs = [int(model.joint(f"panda{i + 1}").dofadr[0]) for i in range(7)]
    for row in range(4):
        data.qpos[[world.at(f"panda{i + 1}") for i in range(7)]] = q[row]
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        move, turn = np.zeros((2, 3, model.nv))
        mujoco.mj_jacSite(model, data, move, turn, site)
        assert point[row] == pytest.approx(data.site_xpos[site], abs=1e-12)
        assert axes[row] == pytest.approx(data.site_xmat[site].reshape(3, 3), abs=1e-12)
        assert jacobian[row] == pytest.approx(np.vstack([move, turn])[:, dofs], abs=1e-12)
    one = panda.forward(q[2:3], k.GRIP)
    assert all(
        np.array_equal(a[0], b[2]) for a, b in zip(one, (point, axes, jacobian), strict=True)
    )


def test_the_arm_has_the_published_masses_and_limits() -> None:
    model = world_of("kitchen-goal").model
    for i in range(7):
        body, joint = model.body(f"panda{i + 1}"), model.joint(f"panda{i + 1}")
        assert body.mass[0] == pytest.approx(panda.MASS[i])
        assert joint.range == pytest.approx([panda.LOWER[i], panda.UPPER[i]])
        assert model.actuator(f"panda{i + 1}").forcerange[1] == panda.TORQUE[i]
    flange = panda.forward(np.zeros((1, 7)), 0.0)[0][0]  # of the published zero posture
    height = 0.333 + 0.316 + 0.384 - 0.107
    assert flange == pytest.approx([0, 0.088, panda.BASE[2] + height], abs=1e-12)


def test_starts_are_closed_and_goals_ask_for_what_the_task_says() -> None:
    for prefix in ROBOTS:
        for name in k.NAMES:
            world = world_of(f"{prefix}-{name}")
            assert isinstance(world, KitchenWorld)
            start = world.start(3)
            asked = start.goal[1:, 7] > 0
            assert np.flatnonzero(asked).tolist() == [k.NAMES.index(name)]
            assert not start.goal[0].any()
            assert not start.goal[1:][~asked].any()
        world = world_of(f"{prefix}-goal")
        counts = {int(world.start(seed).goal[1:, 7].sum()) for seed in range(60)}
        assert counts == set(range(1, 10))


@pytest.mark.parametrize("prefix", ROBOTS)
def test_a_reached_goal_is_a_success_and_relabels(prefix: str) -> None:
    world = world_of(f"{prefix}-goal")
    assert isinstance(world, KitchenWorld)
    worlds = make_worlds(f"{prefix}-goal", 1)
    obs = worlds.reset([5])
    goal = world.goal_rows()
    qpos = world.goal_qpos(goal)
    for joint in ("finger_left", "finger_right"):
        qpos[world.at(joint)] = 0.0
    data = worlds.datas[0]
    data.qpos[:] = qpos
    world.refresh(worlds.model, data)
    worlds.physics.read(worlds.state)
    after = worlds.observe()
    assert world.success(after["achieved_goal"], goal[None]).all()
    assert world.success(obs["achieved_goal"], obs["achieved_goal"]).all()
    assert not world.success(obs["achieved_goal"], goal[None]).any()
    assert world.success_fraction(obs["achieved_goal"], goal[None])[0] == 0
    worlds.close()


def test_a_list_gives_one_for_each_element_once_and_then_ends() -> None:
    world = world_of("kitchen-gripper-4tasks")
    assert isinstance(world, KitchenTasksWorld)
    worlds = make_worlds("kitchen-gripper-4tasks", 1)
    worlds.reset([0])
    data = worlds.datas[0]
    total = 0.0
    for count, (name, values) in enumerate(
        (
            ("light-switch", (-0.5,)),
            ("microwave", (-0.6,)),
            ("top-left-burner", (-0.9,)),  # not on the list
            ("bottom-left-burner", (-0.7,)),
            ("kettle", (-0.23, 0.70, 0.0)),
        )
    ):
        element = k.ELEMENTS[k.NAMES.index(name)]
        for joint, value in zip(element.joints, values, strict=False):
            data.qpos[world.model.joint(joint).qposadr[0]] = value
        obs, info = worlds.step(np.zeros((1, 5)))
        assert info["reward"][0] == (name in k.FOUR)
        total += float(info["reward"][0])
        assert info["terminated"][0] == (count == 4)
        assert obs["observation"][0, k.ROW[name], 7] == 0
        _, again = worlds.step(np.zeros((1, 5)))
        assert again["reward"][0] == 0
    assert total == 4
    # What is undone again stays off the list.
    data.qpos[world.model.joint("light-switch").qposadr[0]] = 0.0
    assert worlds.step(np.zeros((1, 5)))[1]["is_success"][0]
    worlds.close()


def test_elements_are_those_of_franka_kitchen() -> None:
    gymnasium = pytest.importorskip("gymnasium")
    robotics = pytest.importorskip("gymnasium_robotics")
    from gymnasium_robotics.envs.franka_kitchen import kitchen_env

    gymnasium.register_envs(robotics)
    assert kitchen_env.BONUS_THRESH == k.THRESHOLD
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = gymnasium.make("FrankaKitchen-v1", tasks_to_complete=["microwave"]).unwrapped
    low = peer.model.jnt_range
    address = {int(a): j for j, a in enumerate(peer.model.jnt_qposadr)}
    mine = {element.peer: element for element in k.ELEMENTS if element.peer}
    assert set(mine) == set(kitchen_env.OBS_ELEMENT_GOALS)
    for name, goal in kitchen_env.OBS_ELEMENT_GOALS.items():
        if name == "kettle":
            assert goal[:2] == pytest.approx(k.KETTLE_GOAL)
            assert goal[[3, 6]] == pytest.approx(k.KETTLE_QUATERNION)
            continue
        assert goal == pytest.approx(mine[name].goal)
        for index, ours in zip(
            kitchen_env.OBS_ELEMENT_INDICES[name], mine[name].ranges, strict=True
        ):
            assert low[address[int(index)]] == pytest.approx(ours, abs=1e-3)
    _same_verdicts(kitchen_env, mine)
    peer.close()


def _same_verdicts(kitchen_env, mine: dict) -> None:
    """The same values of an element are done here and there."""
    world = world_of("kitchen-goal")
    assert isinstance(world, KitchenWorld)
    rng = np.random.default_rng(0)
    goal = world.goal_rows()
    for name, element in mine.items():
        wanted = kitchen_env.OBS_ELEMENT_GOALS[name]
        row = k.ROW[element.name]
        for _ in range(50):
            entities = goal.copy()
            if name == "kettle":
                values = wanted.copy()
                values[:2] += rng.uniform(-0.3, 0.3, 2)
                turn = rng.uniform(-0.6, 0.6)
                values[[3, 6]] = np.cos(turn / 2), np.sin(turn / 2)
                entities[row, :2], entities[row, 3:5] = values[:2], values[[3, 6]]
            else:
                values = wanted + rng.uniform(-0.5, 0.5, len(wanted))
                entities[row, 5 : 5 + len(values)] = values / world._scale[row, 5 : 5 + len(values)]
            apart = np.linalg.norm(values - wanted)
            if abs(apart - k.THRESHOLD) > 1e-4:
                assert world.near(entities, goal)[row - 1] == (apart < kitchen_env.BONUS_THRESH)


def test_an_action_moves_a_joint_as_in_franka_kitchen() -> None:
    """The target is 2 rad/s times the control step ahead of where the joint is."""
    world = world_of("kitchen-goal")
    worlds = make_worlds("kitchen-goal", 1)
    worlds.reset([0])
    here = worlds.state[0, [world.at(joint) for joint in world._joints]]
    target = world.control(worlds.state, np.full((1, 9), 0.5))[0]
    assert target - here == pytest.approx(np.full(9, 0.5 * 2 * 0.08))
    before = here[0]
    worlds.step(np.eye(9)[:1])
    moved = worlds.state[0, world.at("panda1")] - before
    assert 0.06 < moved < 0.1  # about half-way to the target, 1 rad/s
    worlds.close()


@pytest.mark.parametrize("id", [f"kitchen-gripper-{name}" for name in (*k.NAMES, "4tasks")])
def test_the_oracle_solves_the_gripper_tasks(id: str) -> None:
    steps = 160 if id.endswith("4tasks") else 80
    assert solve(id, 5, steps).mean() >= 0.9


@pytest.mark.parametrize("id", ["kitchen-microwave", "kitchen-kettle", "kitchen-top-left-burner"])
def test_the_oracle_solves_the_arm_tasks(id: str) -> None:
    assert solve(id, 6, 80).mean() >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize("prefix", ROBOTS)
@pytest.mark.parametrize("name", [*k.NAMES, "4tasks", "goal"])
def test_the_oracle_solves_20_starts(prefix: str, name: str) -> None:
    assert solve(f"{prefix}-{name}", 20).mean() >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize("prefix", ROBOTS)
@pytest.mark.parametrize("name", [*k.NAMES, "4tasks", "goal"])
def test_random_actions_do_not_solve(prefix: str, name: str) -> None:
    assert solve(f"{prefix}-{name}", 40, oracle=False).mean() < 0.05


def test_an_oracle_acts_in_rows_alone() -> None:
    for id in ("kitchen-goal", "kitchen-gripper-goal"):
        worlds = make_worlds(id, 5)
        obs = worlds.reset(range(5))
        oracle = KitchenOracle(id)
        state, alone = oracle.initial_state(5), oracle.initial_state(1)
        for _ in range(12):
            action, state = oracle.act(obs, state, None)
            one, alone = oracle.act({key: value[3:4] for key, value in obs.items()}, alone, None)
            assert np.array_equal(one[0], action[3])
            obs, _ = worlds.step(action)
        worlds.close()


@pytest.mark.parametrize("failure", KNOB)
def test_failures_of_one_element_are_labelled(failure: str) -> None:
    trace, labelled = inject("kitchen-gripper-bottom-left-burner", failure, range(4), steps=80)
    assert labelled.mean() >= 0.5
    assert trace.notes["draw"].shape == (4, 3)


@pytest.mark.parametrize("failure", SEVERAL)
def test_failures_of_a_list_are_labelled(failure: str) -> None:
    assert inject("kitchen-gripper-4tasks", failure, range(3), steps=200)[1].mean() >= 0.6


def test_every_task_has_failures_that_apply() -> None:
    assert set(failures_of("kitchen-kettle")) == {
        "success",
        "wrong_object",
        "no_contact",
        "stopped_short",
    }
    numbers = {
        f.number
        for id in ("kitchen-4tasks", "kitchen-top-left-burner")
        for f in failures_of(id).values()
    }
    assert numbers == {0, 4, 7, 9, 10, 11, 12}


def test_an_absent_element_is_passed_through() -> None:
    worlds = make_worlds("kitchen-gripper-kettle", 1, absent=("kettle",))
    obs = worlds.reset([0])
    assert not obs["observation"][0, k.ROW["kettle"]].any()
    model = worlds.physics.models[0]
    assert not model.geom("kettle").contype[0]
    worlds.close()


def test_touching_is_reported() -> None:
    worlds = make_worlds("kitchen-gripper-kettle", 1, interactions=True)
    oracle = oracle_of("kitchen-gripper-kettle")
    obs, state = worlds.reset([0]), oracle.initial_state(1)
    seen = np.zeros((10, 11), bool)
    for _ in range(20):
        action, state = oracle.act(obs, state, None)
        obs, info = worlds.step(action)
        seen |= info["interactions"][0]
    assert seen[k.ROW["kettle"], 0]
    assert not seen[k.ROW["microwave"], 0]
    worlds.close()


def test_a_larger_door_is_touched_where_it_is() -> None:
    """No contact of a perturbed scene is missed by MuJoCo's bounding boxes of its bodies."""
    id = "kitchen-gripper-hinge-cabinet"
    worlds = make_worlds(id, 12, bank="perturbed:size")
    oracle = oracle_of(id)
    obs, state = worlds.reset(range(12)), oracle.initial_state(12)
    sizes = [variation.size[k.NAMES.index("hinge-cabinet")] for variation in worlds.variations]
    touches = 0
    for _ in range(80):
        action, state = oracle.act(obs, state, None)
        obs, info = worlds.step(action)
        row = int(np.argmax(sizes))
        model, data = worlds.physics.models[row], mujoco.MjData(worlds.model)
        counts = []
        for flags in (0, int(mujoco.mjtDisableBit.mjDSBL_MIDPHASE)):
            model.opt.disableflags |= flags
            data.qpos[:] = worlds.qpos[row]
            mujoco.mj_fwdPosition(model, data)
            counts.append(data.ncon)
            model.opt.disableflags &= ~flags
        assert counts[0] == counts[1]
        touches += counts[0]
    assert max(sizes) > 1.05
    assert touches > 20
    assert info["is_success"].mean() >= 0.9
    worlds.close()


@pytest.mark.slow
@pytest.mark.parametrize("id", ["kitchen-hinge-cabinet", "kitchen-4tasks"])
def test_perturbed_starts_are_solved_mostly(id: str) -> None:
    assert solve(id, 12, bank="perturbed").mean() >= 0.85
