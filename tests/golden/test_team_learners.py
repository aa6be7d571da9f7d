"""Learners of teams: what an agent sees, what its choices are, what it learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from entitybench.agents.common.team.actions import center_of, choice_of
from entitybench.envs.api import make_worlds
from entitybench.registry import agent, agents, resolve_agent, tasks
from entitybench.seeding import BatchGenerator, generator

TEAMS = [spec.id for spec in agents() if spec.kind == "team-control" and spec.weights_of is None]


def made(agent_id: str, task_id: str, preset: str = "tiny"):
    spec, task = agent(agent_id), tasks()[task_id]
    target = resolve_agent(spec)
    config = target.configure(spec, preset, task)
    return target.create(config, task, seed=0, data=None, parts={}, device="cpu")


@pytest.mark.parametrize("task", ["team-pushbox", "hockey-mallets-4", "team-cheetah-6x1"])
@pytest.mark.parametrize("id", TEAMS)
def test_no_agent_sees_what_another_sees(id: str, task: str) -> None:
    policy = made(id, task).policy()
    worlds = make_worlds(task, 2)
    obs = worlds.reset([0, 1])
    rng = BatchGenerator([generator(0, row) for row in range(2)])
    before, _ = policy.act(obs, policy.initial_state(2), rng)
    team = obs["observation"].shape[1]
    for other in range(team):
        changed = {key: x.copy() for key, x in obs.items()}
        changed["observation"][:, other] += 1.0
        changed["state"][:] += 1.0  # the central state is no one's observation either
        rng = BatchGenerator([generator(0, row) for row in range(2)])
        after, _ = policy.act(changed, policy.initial_state(2), rng)
        same = [m for m in range(team) if m != other]
        np.testing.assert_array_equal(after[:, same], before[:, same])


def test_each_agent_is_told_which_it_is() -> None:
    learner = made("ma-bc", "team-pushbox")
    same = np.ones((1, 3, 19), np.float32)
    given = learner.flat(same)
    assert given.shape == (1, 3, 22)
    np.testing.assert_array_equal(given[0, :, 19:], np.eye(3))
    np.testing.assert_array_equal(learner.flat(torch.as_tensor(same)).numpy(), given)


def test_choices_are_equal_parts_of_the_box() -> None:
    action = np.array([-1.0, -0.61, -0.59, 0.0, 0.59, 0.61, 1.0])
    assert choice_of(action, 5).tolist() == [0, 0, 1, 2, 3, 4, 4]
    choices = np.arange(5)
    assert choice_of(center_of(choices, 5), 5).tolist() == choices.tolist()


def test_the_worlds_read_the_same_choice() -> None:
    learner = made("ma-bc", "hockey-mallets-2")
    assert learner.choices == 5
    worlds = make_worlds("hockey-mallets-2", 1)
    world = worlds.world
    for choice in range(5):
        action = center_of(np.full((1, 2, 1), choice), 5)
        assert world.commands(action).tolist() == [[choice, choice]]


def test_one_network_learns_that_agents_do_different_things() -> None:
    """Agent 0 always chooses 0.5, agent 1 −0.5, from the same observation."""
    learner = made("ma-bc", "team-matrix-xor", "small")
    action = np.tile(np.array([[0.5], [-0.5]], np.float32), (32, 1, 1))
    seen = np.zeros((32, 2, 1), np.float32)
    for _ in range(200):
        batch = {"observations": seen, "next_observations": seen, "actions": action}
        learner.update(learner.prepared(batch))
    found, _ = learner.policy().act({"observation": seen[:1]}, None, None)
    np.testing.assert_allclose(found[0, :, 0], [0.5, -0.5], atol=0.15)
