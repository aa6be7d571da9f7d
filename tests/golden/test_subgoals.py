"""The rule by which HECRL chooses subgoals, on values set by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from entitybench.agents.common.goal.subgoals import Proposal, SubgoalPolicy, settle
from entitybench.agents.hecrl.agent import HECRL
from entitybench.registry import agent, tasks
from entitybench.seeding import BatchGenerator, generator

TASK = tasks()["push-2blocks"]
RADIUS = -8.0


def hecrl(**changes):
    config = HECRL.configure(agent("hecrl"), "tiny", TASK)
    one = HECRL.create(dataclasses.replace(config, **changes), TASK, seed=0)
    one.buffers = {"scale": torch.ones(2, one.layout.physicals), "radius": torch.tensor(RADIUS)}
    return one


def rows(count):
    return BatchGenerator([generator(0, "test", k) for k in range(count)])


def scene(one, batch):
    now = torch.zeros(batch, one.layout.entities, one.layout.features)
    goal = torch.ones_like(now)
    return now, goal


def rig(one, near, far, straight):
    """V(s, x_n) = near, V(x_n, g) = far, V(s, g) = straight; sample n moves block 1 by n + 1."""
    near, far, straight = (torch.tensor(x, dtype=torch.float32) for x in (near, far, straight))
    samples = far.shape[1]

    def sample_subgoals(state, goal, noise):
        assert noise.shape[1] == samples
        out = state[:, None].repeat(1, samples, 1, 1)
        out[:, :, 1, 0] = torch.arange(1, samples + 1)
        return out

    def value_of(state, goal):
        if len(state) == len(straight):
            return straight
        from_subgoals = bool((state[:, 1, 0] > 0).all())
        return (far if from_subgoals else near).flatten()

    one.sample_subgoals, one.value_of = sample_subgoals, value_of
    return one


def chosen(one, batch=2):
    now, goal = scene(one, batch)
    proposal = one.propose(now, goal, rows(batch))
    return proposal.pursued[:, 1, 0].tolist(), proposal.fallback.tolist()


NEAR = [[-3, -9, -7], [-9, -9, -9]]  # the radius is -8
FAR = [[-6, -1, -5], [-2, -3, -4]]


def test_the_best_subgoal_within_the_radius():
    # Sample 1 is best but too far away; of the others sample 2 is nearer the goal.
    one = rig(hecrl(samples=3), NEAR, FAR, [-20, -20])
    subgoals, fallback = chosen(one)
    assert subgoals[0] == 3.0
    assert fallback == [
        False,
        False,
    ]  # all of the second row's are out of reach, and so is the goal
    assert subgoals[1] == 1.0  # the nearest of them


def test_the_goal_when_it_is_nearer_than_the_best_subgoal():
    one = rig(hecrl(samples=3), NEAR, FAR, [-4.9, -7.9])
    assert chosen(one)[1] == [True, True]
    one = rig(hecrl(samples=3), NEAR, FAR, [-5.1, -8.1])
    assert chosen(one)[1] == [False, False]


def test_max_value_looks_at_no_radius():
    one = rig(hecrl(samples=3, choice="max-value"), NEAR, FAR, [-20, -20])
    assert chosen(one) == ([2.0, 1.0], [False, False])
    one = rig(hecrl(samples=3, choice="max-value"), NEAR, FAR, [-0.5, -20])
    assert chosen(one)[1] == [True, False]


def test_random_takes_its_one_sample():
    one = rig(hecrl(samples=3, choice="random"), [[-90], [-90]], [[-90], [-90]], [-95, -95])
    assert chosen(one) == ([1.0, 1.0], [False, False])


def test_the_goal_is_pursued_only_within_the_radius_unless_the_paper_says_so():
    far = [[-20, -20, -20], [-20, -20, -20]]
    one = rig(hecrl(samples=3), [[-3] * 3] * 2, far, [-15, -7])  # better than all; the radius is -8
    assert chosen(one)[1] == [False, True]
    one = rig(hecrl(samples=3, fallback="value"), [[-3] * 3] * 2, far, [-15, -7])
    assert chosen(one)[1] == [True, True]


def test_settle_keeps_what_would_hardly_move_and_never_the_actor():
    one = hecrl()
    now, _ = scene(one, 1)
    subgoal = now.clone()
    subgoal[0, 0, 0] += 0.01
    subgoal[0, 1, 0] += 0.01
    subgoal[0, 1, 2] += 0.5
    subgoal[0, 2:, 1] += 0.03
    settled = settle(one.layout, now, subgoal, 0.02)
    assert torch.equal(settled[0, 1], now[0, 1])
    assert torch.equal(settled[0, 0], subgoal[0, 0])
    assert torch.equal(settled[0, 2:], subgoal[0, 2:])


def test_regression_proposes_without_noise():
    one = hecrl(high_level="awr")
    now, goal = scene(one, 2)
    first, second = one.propose(now, goal, rows(2)), one.propose(now, goal, rows(2))
    assert torch.equal(first.pursued, second.pursued)
    assert not first.fallback.any()
    assert torch.equal(first.pursued[..., one.layout.ids], now[..., one.layout.ids])


def test_samples_are_displacements_in_their_own_unit():
    one = hecrl(samples=2)
    one.buffers["scale"] = torch.tensor([[0.5] * 4, [2.0] * 4])
    now, _ = scene(one, 3)
    moved = one.decode({}, now, torch.ones(3, one.layout.entities, 4))
    assert torch.equal(moved[:, 0, :4], torch.full((3, 4), 0.5))
    assert torch.equal(moved[:, 1:, :4], torch.full((3, 2, 4), 2.0))
    assert not moved[..., one.layout.ids].any()
    noise = torch.randn(3, 2, 11, one.layout.entities, 4)
    assert one.sample_subgoals(now, now, noise).shape == (3, 2, *now.shape[1:])


class High:
    """A high level that counts its calls; odd calls fall back in row 0."""

    def __init__(self, replan_steps, max_subgoals):
        one = hecrl(replan_steps=replan_steps, max_subgoals=max_subgoals)
        self.config, self.layout, self.device = one.config, one.layout, one.device
        self.buffers = {"value_after_steps": torch.tensor([[5.0, 40.0], [-1.5, -9.0]])}
        self.calls, self.pursued = 0, []

    def act(self, state, goal):
        self.pursued.append(goal[:, 1, 0].tolist())
        return torch.zeros(len(state), 2)

    def propose(self, now, goal, rng):
        self.calls += 1
        subgoal = now.clone()
        subgoal[:, 0, 0] = 0.7  # the actor's part of a subgoal is no goal
        subgoal[:, 1, 0] += 0.1 * self.calls
        settled = now if self.calls == 4 else subgoal
        return Proposal(settled, subgoal, torch.tensor([self.calls % 2 == 1, False]))


def play(high, steps):
    policy = SubgoalPolicy(high)
    now, goal = scene(high, 2)
    obs = {"observation": now.numpy(), "desired_goal": goal.numpy()}
    state = policy.initial_state(2)
    for _ in range(steps):
        _, state = policy.act(obs, state, rows(2))
    return policy.diagnostics(state)


def test_subgoals_are_pursued_for_some_steps_then_the_goal():
    high = High(replan_steps=3, max_subgoals=2)
    play(high, 8)
    assert high.calls == 2
    np.testing.assert_allclose(
        high.pursued, [*[[1, 0.1]] * 3, *[[0.2, 0.2]] * 3, *[[1, 1]] * 2], rtol=1e-6
    )


def test_diagnostics_leave_out_the_goal_itself():
    found = play(High(replan_steps=1, max_subgoals=100), 4)
    assert found["value_after_5"].tolist() == [-1.5, -1.5]
    assert found["value_after_40"].tolist() == [-9.0, -9.0]
    # Row 0 falls back in calls 1 and 3; every other call moves one block, whatever the actor does.
    assert found["fallback_fraction"].tolist() == pytest.approx([0.5, 0.0])
    assert found["changed_objects"].tolist() == pytest.approx([1.0, 1.0])
    assert found["pursued_objects"].tolist() == pytest.approx([0.5, 0.75])  # call 4 moved nothing
