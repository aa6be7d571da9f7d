"""Every way to fail does what its name says: the injected predicate holds, and no other."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from entitybench.envs.api import make_worlds, task_of
from entitybench.envs.failures import Trace, failures_of, inject
from entitybench.envs.pick.failures import OPENS, facts
from entitybench.envs.pick.faulty import AXES
from entitybench.envs.pick.scene import CUBE_MASS
from entitybench.envs.push import failures as push

QUICK = ("push-2blocks-zones", "pick-2cubes-bins", "kitchen-gripper-top-left-burner")
SLOW = ("stack-2cubes", "stack-3cubes", "kitchen-hinge-cabinet", "kitchen-gripper-4tasks")
STARTS = 8
STEPS = {"stack-2cubes": 120, "stack-3cubes": 170, "kitchen-gripper-4tasks": 200}
# Numbers of the modes (docs/banks.md), by what they apply to.
NUMBERS = {
    "push-2blocks-zones": {0, 4, 5, 6, 7, 9, 10, 11},
    "pick-2cubes-bins": {0, 1, 2, 3, 4, 5, 6, 7},
    "stack-2cubes": {0, 1, 2, 3, 4, 6, 7, 8},  # there is no other target
    "stack-3cubes": {0, 1, 2, 3, 4, 5, 6, 7, 8, 12},
    "kitchen-gripper-top-left-burner": {0, 4, 7, 9, 10, 11},
    "kitchen-hinge-cabinet": {0, 4, 7, 9, 10},  # its goal is where it ends
    "kitchen-gripper-4tasks": {0, 12},
}


@lru_cache(maxsize=8)
def run(task: str, failure: str) -> tuple[Trace, np.ndarray]:
    return inject(task, failure, range(STARTS), steps=STEPS.get(task, task_of(task).horizon))


def modes() -> list:
    pairs = [(task, name) for task in (*QUICK, *SLOW) for name in failures_of(task)]
    return [
        pytest.param(task, name, marks=[pytest.mark.slow] if task in SLOW else [])
        for task, name in pairs
    ]


def test_the_modes_of_the_sheet_are_there() -> None:
    for task, numbers in NUMBERS.items():
        assert {failure.number for failure in failures_of(task).values()} == numbers, task


@pytest.mark.parametrize(("task", "name"), modes())
def test_injected_it_holds_and_otherwise_not(task: str, name: str) -> None:
    failure = failures_of(task)[name]
    trace, kept = run(task, name)
    assert kept.mean() >= 0.6
    assert failure.holds(trace)[kept].all()
    assert (trace.success[kept] == (name == "success")).all()
    plain, solved = run(task, "success")
    assert failure.holds(plain)[solved].all() == (name == "success")
    assert failure.holds(plain)[solved].any() == (name == "success")


def test_an_impulse_is_a_force_times_its_time() -> None:
    worlds = make_worlds("stack-3cubes", 2)
    worlds.reset([0, 1])
    for row in range(2):
        worlds.datas[row].qpos[:] = worlds.world.goal_qpos(worlds.goals[row])
    worlds.physics.read(worlds.state)
    worlds.physics.weigh()
    for _ in range(20):
        worlds.step(np.zeros((2, 5)))
    weight = CUBE_MASS * 9.81 * worlds.world.control_dt  # N s in a control step
    impulses = worlds.physics.impulses
    assert np.allclose(impulses, impulses.transpose(0, 2, 1))
    assert impulses[:, 3, 2] == pytest.approx(weight, rel=0.02)
    assert impulses[:, 2, 1] == pytest.approx(2 * weight, rel=0.02)
    assert not impulses[:, 0].any()
    assert not impulses[:, 3, 1].any()


@pytest.mark.parametrize("task", QUICK)
def test_a_collision_is_a_matter_of_force(task: str) -> None:
    trace, kept = run(task, "collision")
    failure = failures_of(task)["collision"]
    assert kept.any()
    softly = replace(trace, impulses=0.1 * trace.impulses)
    assert not failure.holds(softly).any()


def test_a_slip_is_not_told_to_open_and_an_early_release_is() -> None:
    for name in ("slip", "early-release"):
        trace, kept = run("pick-2cubes-bins", name)
        found = facts(trace)
        high = found.path[:-1, :, 2] > 0.05
        opened = (high & (trace.actions[..., 4] > OPENS)).any(0)
        assert (opened[kept] == (name == "early-release")).all()


def test_directions_are_recorded() -> None:
    trace, kept = run("push-2blocks-zones", "misplaced")
    rows = np.arange(STARTS)
    wanted = push.asked(trace.goals)
    aside = trace.notes["aim"][rows, wanted] - trace.goals[rows, 1 + wanted, :2]
    sides = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]])
    assert len(sides) == len(push.DIRECTIONS)
    assert np.array_equal(push.direction(trace)[kept], (aside @ sides.T).argmax(1)[kept])


@pytest.mark.slow
def test_a_tower_is_missed_in_the_direction_that_is_noted() -> None:
    trace, kept = run("stack-2cubes", "misplaced")
    found = facts(trace)
    aside = (found.path[-1] - found.goal)[:, :2]
    assert np.array_equal((aside @ AXES.T).argmax(1)[kept], trace.notes["direction"][kept])
