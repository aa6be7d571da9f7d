"""Learners of teams: what an agent sees, what its choices are, what it learns."""

from __future__ import annotations

import chain
import games
import numpy as np
import pytest
import torch

from entitybench.agents.common.side_by_side import SideBySide
from entitybench.agents.common.team.actions import center_of, choice_of, vector_of
from entitybench.envs.api import make_worlds
from entitybench.errors import BadValue
from entitybench.registry import agent, agents, resolve_agent, tasks
from entitybench.seeding import BatchGenerator, generator

TEAMS = [spec for spec in agents() if spec.kind == "team-control" and spec.weights_of is None]
ALONE = [spec.id for spec in TEAMS if not spec.central]
CENTRAL = [spec.id for spec in TEAMS if spec.central]


def made(agent_id: str, task_id: str, preset: str = "tiny"):
    spec, task = agent(agent_id), tasks()[task_id]
    target = resolve_agent(spec)
    config = target.configure(spec, preset, task)
    return target.create(config, task, seed=0, data=None, parts={}, device="cpu")


@pytest.mark.parametrize("task", ["team-pushbox", "hockey-mallets-4", "team-cheetah-6x1"])
@pytest.mark.parametrize("id", ALONE)
def test_no_agent_sees_what_another_sees(id: str, task: str) -> None:
    learner = made(id, task)
    team = learner.agents
    before = acted(learner, task)
    for other in range(team):
        after = acted(learner, task, other=other)
        same = [m for m in range(team) if m != other]
        np.testing.assert_array_equal(after[:, same], before[:, same])


@pytest.mark.parametrize("id", [*CENTRAL, "madiff-central"])
def test_what_is_labelled_central_sees_it(id: str) -> None:
    learner = made(id, "team-pushbox")
    before, after = acted(learner, "team-pushbox"), acted(learner, "team-pushbox", other=0)
    assert not np.array_equal(after[:, 1:], before[:, 1:])


def acted(learner, task: str, other: int | None = None):
    """Three steps' actions, the last of which is given; from the second on one sees other things.

    The central state, which is no one's observation either, changes with it.
    """
    policy, worlds = learner.policy(), make_worlds(task, 2)
    obs = worlds.reset([0, 1])
    changed = {key: x.copy() for key, x in obs.items()}
    if other is not None:
        changed["observation"][:, other] += 1.0
        changed["state"][:] += 1.0
    rng = BatchGenerator([generator(0, row) for row in range(2)])
    state = policy.initial_state(2)
    for step in range(3):
        action, state = policy.act(changed if step else obs, state, rng)
    return action


def test_data_of_another_team_are_refused_in_one_line() -> None:
    learner, data = made("macflow", "team-matrix-xor"), games.dataset("xor")
    learner.source(data)
    other = made("macflow", "team-pushbox")
    with pytest.raises(BadValue, match=r"it has 2 agents that see 1 .*, the task 3 that see 19"):
        other.source(data)
    chosen = games.dataset("xor")
    chosen.columns["actions"] = chosen.columns["actions"].astype(np.int64)
    with pytest.raises(BadValue, match="its actions are int64, and actions here are numbers"):
        learner.source(chosen)
    with pytest.raises(BadValue, match=r"observations and actions are \(rows, agents, numbers\)"):
        learner.source(chain.dataset())


def test_what_nobody_has_stays_zero() -> None:
    """Agents that see less have zeros there, which standardising leaves, and so does learning."""
    data = games.dataset("xor")
    data.columns["observations"] = data.columns["observations"].copy()
    data.columns["observations"][:, 1] = 0.0  # the second agent sees nothing at all
    learner = made("macflow", "team-matrix-xor")
    learner.measure(learner.source(data))
    seen = learner.prepared(learner.source(data).sampler.sample(8, generator(0)))["observations"]
    assert seen.shape == (16, 3)
    np.testing.assert_array_equal(seen[1::2, 0], 0.0)


def test_choices_are_vectors_for_losses_of_numbers() -> None:
    choice = np.array([0, 2, 1])
    expected = [[1, -1, -1], [-1, -1, 1], [-1, 1, -1]]
    assert vector_of(choice, 3).tolist() == vector_of(torch.as_tensor(choice), 3).tolist()
    assert vector_of(choice, 3).tolist() == expected
    action = np.array([-1.0, -0.61, -0.59, 0.0, 0.59, 0.61, 1.0])
    assert choice_of(torch.as_tensor(action), 5).tolist() == choice_of(action, 5).tolist()


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


@pytest.mark.parametrize("id", [spec.id for spec in TEAMS])
def test_seeds_that_learn_choices_side_by_side_become_what_they_become_alone(id: str) -> None:
    spec, task, data = agent(id), games.task_of("climbing", choices=True), games.dataset("climbing")
    target = resolve_agent(spec)
    config = target.configure(spec, "tiny", task)
    together = SideBySide.create(target, config, task, seeds=(0, 3), data=data)
    alone = [target.create(config, task, seed=seed, data=data) for seed in (0, 3)]
    for _ in range(3):
        together.advance(data)
        for one in alone:
            one.advance(data)
    for mine, one in zip(together.learners, alone, strict=True):
        for group, params in mine.params.items():
            for name, value in params.items():
                torch.testing.assert_close(
                    value, one.params[group][name], rtol=1e-4, atol=1e-4, msg=f"{group}/{name}"
                )


@pytest.mark.parametrize("id", ["svn", "maicq", "omiga"])
def test_mixers_without_the_teams_state_are_refused_in_one_line(id: str) -> None:
    learner, data = made(id, "team-matrix-xor"), games.dataset("xor")
    learner.source(data)
    del data.columns["entities"]
    with pytest.raises(BadValue, match=r"state, and team-matrix-xor/hand-v1 has no column 'ent"):
        learner.source(data)
