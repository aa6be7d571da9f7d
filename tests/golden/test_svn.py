"""The recipes for teams against values computed by hand."""

from __future__ import annotations

import dataclasses
import math

import games
import pytest
import torch

from entitybench.agents.svn.losses import (
    advantage_weight,
    prediction_scaled_loss,
    residual_loss,
    spread,
    target_scaled_loss,
)
from entitybench.errors import BadValue
from entitybench.registry import agent, agents, resolve_agent

RECIPES = [spec.id for spec in agents() if spec.target.endswith("svn.agent:Recipe")]
SEEN = torch.tensor([[1.0, 1.0, 0.0], [1.0, 0.0, 1.0]])


def test_the_spread_has_a_bound_from_below():
    x = torch.tensor([[1.0, 3.0, 8.0], [5.0, 5.0, 5.0]])
    torch.testing.assert_close(spread(x, 1e-3), torch.tensor([8 / 3, 6e-3]))


def test_scaled_losses():
    q = torch.tensor([[1.0, 4.0, 7.0], [2.0, 3.0, 9.0]])
    y = torch.tensor([0.0, 6.0, 6.0])
    # The smaller ones are 1, 3, 7: mean 11/3, spread 20/9; residuals 1, −3, 1.
    found = prediction_scaled_loss(q, y, 0.0)
    assert float(found) == pytest.approx(0.5 * (11 / 3) / (20 / 9) ** 2)
    # Targets: mean 4, spread 8/3; squares of residuals 1 + 4 + 1 and 4 + 9 + 9.
    plain = 0.5 * 28 / 6
    assert float(residual_loss(q, y)) == pytest.approx(plain)
    assert float(target_scaled_loss(q, y, 0.0)) == pytest.approx(plain / (8 / 3) ** 2)


def test_the_scale_of_values_does_not_matter_and_the_fixed_point_does_not_move():
    q = torch.randn(2, 50, generator=torch.Generator().manual_seed(0))
    y = torch.linspace(-1, 1, 50)
    torch.testing.assert_close(
        prediction_scaled_loss(q, y, 0.0), prediction_scaled_loss(100 * q, 100 * y, 0.0)
    )
    solved = y.repeat(2, 1).requires_grad_()
    (slope,) = torch.autograd.grad(prediction_scaled_loss(solved, y, 1e-3), solved)
    assert not slope.any()


def test_weights_of_cloning():
    weight = advantage_weight(torch.tensor([0.0, 2.0]), 1.0)  # Â = −1 and 1
    torch.testing.assert_close(weight, torch.tensor([math.exp(-1), math.e]), rtol=1e-4, atol=0)
    assert float(advantage_weight(torch.tensor([0.0, 2.0]), 30.0)[1]) == 100.0


def linear(id, **changes):
    """An agent whose networks are linear and zero, but for the mixer: f is q₁ + 2 q₂ + 1."""
    spec, task = agent(id), games.task_of("xor")
    target = resolve_agent(spec)
    config = target.configure(spec, "tiny", task, embedding=1, discount=0.9, **changes)
    object.__setattr__(config, "hidden", ())  # nobody else can ask for it
    one = target.create(config, task, seed=0)
    for params in one.params.values():
        for value in params.values():
            value.data.zero_()
    for group in ("mixer", "mixer_target"):
        own = one.params[group]
        own["w1.layer1.bias"].data[0, 0] = torch.tensor([1.0, -2.0])
        own["w2.layer1.bias"].data.fill_(1.0)
        own["b2.layer1.bias"].data.fill_(1.0)
    return one


def bias(one, group, values):
    """What a group's members give, whatever they are given."""
    one.params[group]["layer0.bias"].data[:, 0, 0] = torch.tensor(values)


def batch(one):
    """A step of two agents who do 0.5 and −1 and are paid 2 and 4."""
    state = torch.zeros(1, one.central)
    return {
        "observations": SEEN,
        "next_observations": SEEN,
        "actions": torch.tensor([[0.5], [-1.0]]),
        "next_actions": torch.tensor([[1.0], [1.0]]),
        "rewards": torch.tensor([2.0, 4.0]),
        "masks": torch.tensor([1.0, 1.0]),
        "terminals": torch.tensor([0.0]),
        "state": state,
        "next_state": state,
    }


@pytest.mark.parametrize(
    ("decomposition", "next_q"),
    [
        ("mixer", 1 + 2 + 1),  # the smaller member is 1 for each agent
        ("mean", 1.0),
        ("vdn", 2.0),
        ("central", 1.0),
    ],
)
def test_targets_of_the_team(decomposition, next_q):
    one = linear("svn", decomposition=decomposition)
    bias(one, "critic_target", [1.0, 3.0])
    y = one.target(one.params, batch(one))
    torch.testing.assert_close(y, torch.tensor([3.0 + 0.9 * next_q]))


def test_targets_of_each_agent():
    one = linear("individual-brac")
    bias(one, "critic_target", [1.0, 3.0])
    y = one.target(one.params, batch(one))
    torch.testing.assert_close(y, torch.tensor([2.9, 4.9]))


def test_the_next_action_is_the_datas_but_at_the_end():
    one = linear("vdn-sarsa")
    one.params["critic_target"]["layer0.weight"].data[:, 3, 0] = 1.0  # Q = a
    given = batch(one)
    torch.testing.assert_close(one.target(one.params, given), torch.tensor([3.0 + 0.9 * 2]))
    given["terminals"] = torch.tensor([1.0])  # the policies do 0
    torch.testing.assert_close(one.target(one.params, given), torch.tensor([3.0]))


def test_implicit_values_go_back_before_they_are_mixed():
    one = linear("svn-iql")
    bias(one, "value", [2.0])
    # 2 + 0.9 · 2 and 4 + 0.9 · 2, through q₁ + 2 q₂ + 1.
    torch.testing.assert_close(one.target(one.params, batch(one)), torch.tensor([16.4]))


def test_the_value_learns_an_expectile_in_the_spread_of_what_it_learns_from():
    one = linear("svn-iql", expectile=0.9, svn_stat="none")
    bias(one, "critic_target", [3.0, 5.0])
    _, logs = one.losses(one.params, batch(one), {})
    # f(Q̄) = 3 + 6 + 1 and f(V) = 1: u = 9.
    assert float(logs["value_loss"]) == pytest.approx(0.9 * 81)


def test_policies_climb_each_agents_value_or_the_teams():
    for changes, climbed in (({}, 2.0), ({"actor_mixer": True}, 7.0)):
        one = linear("mixer-raw", alpha=2.0, **changes)
        bias(one, "critic", [2.0, 3.0])
        _, logs = one.losses(one.params, batch(one), {})
        # Both do 0: squares of errors are 0.25 and 1.
        assert float(logs["actor_loss"]) == pytest.approx(2.0 * 0.625 - climbed)


def test_a_frozen_mixer_learns_nothing():
    for id, learns in (("svn", True), ("svn-frozen", False)):
        one, _ = games.train(id, "rare", updates=2)
        fresh, _ = games.train(id, "rare", updates=1)
        moved = any(
            not torch.equal(value, fresh.params["mixer"][name])
            for name, value in one.params["mixer"].items()
        )
        assert moved == learns


def test_what_is_logged_of_values():
    one = linear("svn")
    bias(one, "critic", [2.0, 3.0])
    one.buffers["most_reward"] = torch.tensor(0.2)
    _, logs = one.losses(one.params, batch(one), {})
    assert float(logs["q_most"]) == 10.0
    assert float(logs["beyond"]) == pytest.approx(10.0 / (5 * 0.2 / 0.1))
    assert float(logs["gain"]) == pytest.approx(1.5)
    assert float(logs["ood_gap"]) == 0.0


@pytest.mark.parametrize("id", RECIPES)
def test_seeds_side_by_side_lose_what_they_lose_alone(id):
    one = resolve_agent(agent(id))
    task = games.task_of("rare")
    config = one.configure(agent(id), "tiny", task)
    data = games.dataset("rare")
    both = [one.create(config, task, seed=seed, data=data) for seed in (0, 1)]
    source = both[0].source(data)
    draws = [x.batch(data) for x in both]
    assert source.sampler.transitions == 600
    together = {k: torch.stack([torch.as_tensor(x[k]) for x in draws]) for k in draws[0]}
    params = {
        g: {k: torch.stack([x.params[g][k] for x in both]) for k in p}
        for g, p in both[0].params.items()
    }
    loss, logs = both[0].losses(params, together, {})
    for s, x in enumerate(both):
        alone, own = x.losses(x.params, {k: torch.as_tensor(v) for k, v in draws[s].items()}, {})
        torch.testing.assert_close(loss[s], alone)
        for name, value in own.items():
            torch.testing.assert_close(logs[name][s], value)


def test_settings_that_are_none():
    spec, task = agent("svn"), games.task_of("rare")
    config = resolve_agent(spec).configure(spec, "tiny", task)
    with pytest.raises(BadValue, match="expectile"):
        dataclasses.replace(config, expectile=1.0)
    with pytest.raises(BadValue, match="decomposition=individual makes nothing of them"):
        dataclasses.replace(config, decomposition="individual", actor_mixer=True)
