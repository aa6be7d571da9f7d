"""What a user gets wrong about worlds, starts and scripted policies is one line."""

from __future__ import annotations

import ast
import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from entitybench.envs.api import make, make_vec, make_worlds, oracle_of, world_of
from entitybench.envs.core.batch import Worlds
from entitybench.envs.core.starts import all_apart, drawn, spread
from entitybench.envs.core.world import whole_steps
from entitybench.envs.drawing.render import Renderer
from entitybench.envs.failures import inject
from entitybench.envs.push.world import PushWorld
from entitybench.errors import BadValue, BenchError
from entitybench.registry import resolve, tasks
from entitybench.seeding import BatchGenerator, generator

ENVS = Path(__file__).parents[2] / "envs"
THERE = [
    task
    for task in tasks()
    if "state" in task.tags and (not task.extra or importlib.util.find_spec(task.extra))
]


def family(task) -> str:
    return task.target.rpartition(":")[0].split(".")[2]


ORACLES = sorted({task.oracle for task in THERE if task.oracle})
LOOKED_FOR = [folder for folder in ENVS.iterdir() if folder.is_dir() and folder.name != "speed"]


@pytest.mark.parametrize("oracle", ORACLES)
def test_a_policy_of_another_world_is_refused_in_a_line(oracle):
    mine = {family(task) for task in THERE if task.oracle == oracle}
    one_each = {family(task): task for task in THERE if family(task) not in mine}
    kwargs = next(task.oracle_kwargs for task in THERE if task.oracle == oracle)
    for task in one_each.values():
        with pytest.raises(BenchError) as caught:
            resolve(oracle)(task, **kwargs)
        assert "\n" not in str(caught.value)
        assert task.id in str(caught.value)


@pytest.mark.parametrize("id", ["push-1block", "pick-1cube", "scene", "tetris-1piece", "sprites"])
def test_a_scripted_policy_without_a_goal_to_see_says_so(id):
    policy, worlds = oracle_of(id), make_worlds(id, 1)
    obs = {"observation": worlds.reset([0])["observation"]}
    rng = BatchGenerator([generator(0)])
    with pytest.raises(BadValue, match="needs a goal"):
        policy.act(obs, policy.initial_state(1), rng)


@pytest.mark.parametrize("task", THERE, ids=lambda task: task.id)
def test_a_control_step_is_a_whole_number_of_physics_steps(task):
    world = world_of(task)
    assert world.substeps >= 1
    assert world.substeps * world.physics_dt == pytest.approx(world.control_dt, rel=1e-6)


class Uneven(PushWorld):
    control_dt = 0.105


@pytest.mark.parametrize(
    ("control", "physics"), [(0.105, 0.01), (0.01, 0.02), (0.1, 0.0), (0.0, 0.01), (0.1, 0.03)]
)
def test_a_control_step_that_is_no_multiple_is_refused(control, physics):
    with pytest.raises(BadValue, match="no whole number of physics steps"):
        whole_steps(control, physics)


def test_worlds_refuse_it_when_they_are_made():
    with pytest.raises(BadValue, match=r"0.105 s is no whole number of physics steps of 0.01 s"):
        Worlds(Uneven(1), 1, horizon=1)
    assert whole_steps(0.3, 0.1) == 3  # for floats 0.3 / 0.1 is a little less
    assert whole_steps(0.05, 0.002) == 25


def test_a_world_of_no_kind_is_refused_when_it_is_made():
    class Nothing:
        entities, features = 1, 1

    with pytest.raises(BadValue, match="Nothing is none of them"):
        Worlds(Nothing(), 1, horizon=1)


def test_what_never_fits_ends_with_the_numbers():
    calls = []
    with pytest.raises(BadValue, match="none of 20 draws gave a number above 1"):
        drawn(lambda: calls.append(0) or 0.5, lambda x: x > 1, "a number above 1", 20)
    assert len(calls) == 20
    rng = generator(0, "test")
    with pytest.raises(BadValue, match=r"9 points, 0.5 m apart, between -0.1 and 0.1 m"):
        spread(rng, 9, -0.1, 0.1, 0.5, tries=3)
    with pytest.raises(BadValue, match=r"between 0, 0 and 0.1, 0.2 m"):
        spread(rng, 9, [0.0, 0.0], [0.1, 0.2], 0.5, tries=3)
    points = spread(rng, 9, -1, 1, 0.3)
    assert points.shape == (9, 2)
    assert all_apart(points, 0.3)
    assert not all_apart(points, 2.0)


def test_a_world_whose_blocks_do_not_fit_says_so(monkeypatch):
    monkeypatch.setattr(spread, "__defaults__", (5,))
    world = PushWorld(6)
    world.area = 0.03
    with pytest.raises(BadValue, match=r"6 points, .* m apart, between -0.03 and 0.03 m"):
        world.start(0)


def test_an_expert_of_another_robot_is_refused():
    with pytest.raises(BadValue, match="the expert of ant has 8 motors: hopper has 3"):
        resolve("entitybench.envs.locomotion.expert:LocomotionExpert")("hopper", robot="ant")
    with pytest.raises(BenchError, match="unknown robot 'hoper'"):
        resolve("entitybench.envs.locomotion.expert:LocomotionExpert")("hopper", robot="hoper")


def test_no_start_is_looked_for_without_end():
    endless = [
        f"{path.relative_to(ENVS)}:{node.lineno}"
        for folder in LOOKED_FOR
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.While)
        and (isinstance(node.test, ast.Constant) or "rng" in ast.dump(node))
    ]
    assert endless == []


def test_no_goal_no_picture_of_it():
    world = world_of("hopper")
    renderer = Renderer.__new__(Renderer)  # nothing is drawn
    renderer._world = world
    with pytest.raises(BadValue, match="Hopper has no goals to draw"):
        renderer.goal(np.zeros((1, 1)))


def test_failures_need_episodes_and_a_physics_that_feels():
    with pytest.raises(BadValue, match="no seeds"):
        inject("kitchen-gripper-microwave", "success", [])
    tag = replace(tasks()["team-tag"], failures=tasks()["kitchen-gripper-microwave"].failures)
    with pytest.raises(BadValue):
        inject(tag, "success", [0])


@pytest.mark.parametrize("task", ["push-1block", "team-spread"])
def test_one_episode_has_no_threads(task) -> None:
    with pytest.raises(BadValue, match="stepped by one thread, not threads=2"):
        make(task, threads=2)


@pytest.mark.parametrize("view", [make, make_vec])
def test_the_batch_of_an_environment_is_no_argument(view) -> None:
    with pytest.raises(BadValue, match="no argument 'batch'"):
        view("push-1block", batch=4)
