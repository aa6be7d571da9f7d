"""Every learner solves the point world, where random actions end at the goal almost never."""

from __future__ import annotations

import numpy as np
import point
import pytest
import torch


@pytest.fixture(scope="module")
def store():
    return point.Store()


class Wander:
    def initial_state(self, batch):
        return None

    def act(self, obs, state, rng):
        return rng.uniform(-1, 1, (len(obs["observation"]), 2)), state


def test_random_actions_do_not_reach_the_goal():
    assert point.success(Wander()) <= 0.1


def test_cloning_reaches_the_goal(store):
    one, metrics = point.train("gcbc", store, updates=600)
    assert metrics["bc_error"] < 0.45  # that of the mean action is about 0.5
    assert point.success(one.policy()) >= 0.4


@pytest.mark.slow
@pytest.mark.parametrize(("id", "least"), [("gciql", 0.6), ("ec-iql", 0.9), ("hiql", 0.6)])
def test_learners_reach_the_goal(id, least, store):
    one, _ = point.train(id, store, updates=900)
    assert point.success(one.policy()) >= least


def steps_ahead(store, steps):
    """States, and those of the same episodes some steps later."""
    first = store.offsets[:-1, None] + np.arange(0, point.LENGTH - steps, 7)
    rows = first.ravel()
    return (torch.as_tensor(store.observations[r]) for r in (rows, rows + steps))


@pytest.mark.slow
def test_the_hierarchy_reaches_the_goal_by_subgoals_on_the_way(store):
    one, _ = point.train("hecrl", store, updates=900)
    assert point.success(one.policy()) >= 0.85

    # V orders states by their distance in time.
    means = []
    for steps in (1, 3, 6, 10):
        state, later = steps_ahead(store, steps)
        means.append(float(one.value_of(state, one.layout.achieved(later)).detach().mean()))
    assert means == sorted(means, reverse=True)
    assert means[0] > -1.5

    # Chosen subgoals lie between the point and its goal, and nearer to the point.
    world, rows = point.PointWorld(), 64
    start, end = np.zeros((rows, 2)), np.zeros((rows, 2))
    start[:, 0], end[:, 0] = -0.25, 0.25
    start[:, 1] = end[:, 1] = np.linspace(-0.2, 0.2, rows)
    now = torch.as_tensor(world.observe(start))
    goal = torch.as_tensor(world.achieved(world.observe(end)))
    rng = point.BatchGenerator([point.generator(0, "test", k) for k in range(rows)])
    with torch.inference_mode():
        subgoals = one.propose(now, goal, rng).pursued
    ahead = subgoals[:, 1, 0] - now[:, 1, 0]
    aside = (subgoals[:, 1, 1] - now[:, 1, 1]).abs()
    assert 0.05 < float(ahead.median()) < 0.35  # eight steps of three centimetres are 0.24
    assert float(aside.median()) < 0.1
    assert float((subgoals[:, 0, :2] - subgoals[:, 1, :2]).norm(dim=-1).median()) < 0.05  # glued
