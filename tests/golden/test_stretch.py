"""Stretches of control steps give what as many single steps do, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

from entitybench.envs.api import world_of
from entitybench.envs.core.banks import Bank
from entitybench.envs.core.batch import Worlds
from entitybench.envs.core.stretch import StretchedPhysics, fits, stretch
from entitybench.registry import tasks

BATCH, LENGTH = 3, 8
PERTURBED = "perturbed:mass,friction"
# Of each kind of scene one; with obstacles, a team, one that ends, one that computes what it reads.
CASES = [
    ("push-3blocks", "public"),
    ("push-3blocks", PERTURBED),
    ("push-1block-obstacles", "public"),
    ("pick-2cubes", PERTURBED),
    ("tetris-2pieces", "public"),
    ("hopper", "public"),
    ("point-maze-u", "public"),
    ("team-ant-2x4", "public"),
    ("hockey-strike", "public"),
    ("kitchen-kettle", "public"),
]


@pytest.mark.parametrize(("name", "bank"), CASES)
def test_a_stretch_is_as_many_steps(name: str, bank: str) -> None:
    spec, world = tasks()[name], world_of(tasks()[name])
    assert fits(world, Bank(bank))
    made = {"horizon": spec.horizon, "bank": Bank(bank)}
    single = Worlds(world, BATCH, threads=1, **made)
    quick = Worlds(world, BATCH, threads=2, physics=StretchedPhysics, **made)
    seeds = [4, 9, 2]
    for key, value in single.reset(seeds).items():
        np.testing.assert_array_equal(value, quick.reset(seeds)[key])
    rng = np.random.default_rng(0)
    for part, counts in enumerate([[8, 8, 8], [8, 3, 8], [5, 0, 8]]):
        actions = rng.uniform(-1.5, 1.5, (LENGTH, BATCH, *world.action_shape))
        for at, found in enumerate(stretch(quick, actions, np.array(counts))):
            _, info = single.step(actions[at])
            expected = info | ({"bumped": single.bumped()} if world.obstacles else {})
            assert found.keys() == expected.keys()
            for row in np.flatnonzero(np.array(counts) > at).tolist():
                for key, value in expected.items():
                    assert value.dtype == found[key].dtype
                    np.testing.assert_array_equal(value[row], found[key][row], err_msg=key)
                if at + 1 == counts[row]:
                    state = single.integration_state(row)
                    np.testing.assert_array_equal(state, quick.integration_state(row))
        if part == 0:  # from elsewhere, as after a checkpoint that differs
            state = single.integration_state(1)
            state[2] += 1e-9
            for worlds in (single, quick):
                worlds.set_integration_state(1, state)
    single.close()
    quick.close()


def test_what_goes_wrong_stays_where_it_was() -> None:
    world = world_of(tasks()["push-1block"])
    quick = Worlds(world, 2, horizon=10, physics=StretchedPhysics)
    quick.reset([0, 1])
    state = quick.integration_state(0)
    state[1:3] = np.nan
    quick.set_integration_state(0, state)
    found = list(stretch(quick, np.zeros((4, 2, *world.action_shape)), np.array([4, 4])))
    assert [step["unstable"].tolist() for step in found] == [[True, False]] * 4


@pytest.mark.parametrize(
    "name", ["team-pushbox", "hockey-goal", "hockey-1v1", "kitchen-4tasks", "team-tag"]
)
def test_worlds_that_keep_something_between_steps_do_not_stretch(name: str) -> None:
    assert not fits(world_of(tasks()[name]), Bank())


def test_nor_do_late_actions_and_absent_entities() -> None:
    world = world_of(tasks()["push-1block"])
    assert not fits(world, Bank("perturbed:latency"))
    assert not fits(world, Bank(absent=0.5))
