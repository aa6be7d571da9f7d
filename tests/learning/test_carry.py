"""Every learner that acts brings the load to its place, where chance seldom does."""

from __future__ import annotations

import carry
import numpy as np
import pytest

from entitybench.envs.api import make_worlds
from entitybench.envs.training import WorldsOf
from entitybench.leaderboard.training.crew import crew_of
from entitybench.registry import agent, agents, resolve_agent

ONLINE = [
    s.id for s in agents()
    if s.learns_from == "worlds" and s.kind == "goal-control" and not s.parts
]  # fmt: skip


def trained(id, steps, task=carry.TASK, **changes):
    target = resolve_agent(agent(id))
    few = {"rows": 8, "hidden": (32, 32), "learning_rate": 3e-3}
    if target.on_policy:
        few |= {"batch_size": 256, "round": 1_000, "updates": 30}
        few |= {"agent_width": 0.05, "goal_width": 0.04}
    else:
        few |= {"batch_size": 64, "update_every": 2, "starts": 400}
    config = target.configure(agent(id), "tiny", task, steps=steps, **few | changes)
    data = WorldsOf(task)
    crew = crew_of([target.create(config, task, seed=0, data=data, parts={}, device="cpu")])
    while crew.step < steps:
        logs = crew.advance(data)
    return crew.learners[0], logs[0]


class Wander:
    def initial_state(self, batch):
        return None

    def act(self, obs, state, rng):
        return rng.uniform(-1, 1, (len(obs["observation"]), 2)), state


def test_wandering_does_not_do():
    assert carry.success(Wander(), make_worlds(carry.TASK, 64)) < 0.35


@pytest.mark.slow
@pytest.mark.parametrize("id", ONLINE)
def test_learners_bring_the_load(id):
    one, _ = trained(id, 5_000)
    assert carry.success(one.policy(), make_worlds(carry.TASK, 64)) > 0.8


@pytest.mark.slow
@pytest.mark.parametrize("divergence", ["rkl", "js", "chi2"])
def test_every_divergence_brings_the_load(divergence):
    one, _ = trained("fpg", 10_000, divergence=divergence)
    assert carry.success(one.policy(), make_worlds(carry.TASK, 64)) > 0.8


@pytest.mark.slow
def test_the_filter_leaves_out_goals_that_need_no_act():
    shares = {}
    for id in ("her", "hint"):
        one, _ = trained(id, 2_000, carry.APART)
        _, log = one.batches.draw(one.replay, 50, np.random.default_rng(0))
        shares[id] = log["trivial"]
    assert shares["hint"] < 0.6 * shares["her"]
