"""Losses of offline learners against values computed by hand, and which network each moves."""

from __future__ import annotations

import math

import chain
import numpy as np
import pytest
import torch

from entitybench.agents.common.offline.losses import advantage_weight, gaussian_log_likelihood
from entitybench.errors import BadValue
from entitybench.registry import agent, resolve


def tensor(*values):
    return torch.tensor(values, dtype=torch.float64)


def test_weights_of_advantages_are_capped_constants():
    advantage = tensor(0, -1, 50).requires_grad_()
    weight = advantage_weight(advantage, 3.0)
    assert weight.tolist() == pytest.approx([1.0, math.exp(-3), 100.0])
    assert not weight.requires_grad


def test_the_likelihood_of_a_gaussian():
    # (0.5 / 0.5)² / 2 + log 0.5 + log √(2π), and at the mean of a deviation of 1 the last alone
    found = gaussian_log_likelihood(tensor(0.5, 2.0), tensor(math.log(0.5), 0.0), tensor(1.0, 2.0))
    half = 0.5 * math.log(2 * math.pi)
    assert float(found) == pytest.approx((-0.5 - math.log(0.5) - half) - half)


@pytest.mark.parametrize("setting", [{"batch_size": -3}, {"hidden": (0, 4)}, {"best": 0.0}])
def test_settings_that_cannot_be_are_refused_before_anything_is_built(setting):
    with pytest.raises(BadValue, match=next(iter(setting)).split("_")[0]):
        resolve(agent("iql").target).configure(agent("iql"), "tiny", chain.TASK, **setting)


def linear(id, **changes):
    """An agent whose networks are linear in a state (5,) and an action (1,), weights chosen."""
    target = resolve(agent(id).target)
    config = target.configure(agent(id), "tiny", chain.TASK, **changes)
    object.__setattr__(config, "hidden", ())  # nobody else can ask for it
    one = target.create(config, chain.TASK, seed=0)
    for params in one.params.values():
        for value in params.values():
            value.data.zero_()
    return one


def fill(one, group, rows):
    """Weights of a group's first inputs, a row a member."""
    weight = one.params[group]["layer0.weight"]
    for member, values in enumerate(rows):
        weight.data[member, : len(values), 0] = torch.tensor(values)


def batch(**more):
    """Two transitions between the first two states; the second ends the episode."""
    eye = torch.eye(5)
    return {
        "observations": eye[[0, 1]],
        "next_observations": eye[[1, 2]],
        "actions": torch.tensor([[0.5], [-1.0]]),
        "rewards": torch.tensor([1.0, 2.0]),
        "masks": torch.tensor([1.0, 0.0]),
        **more,
    }


def gradients(one, loss):
    """The groups that a loss moves."""
    loss.backward()
    return {
        group
        for group, params in one.params.items()
        if any(p.grad is not None and p.grad.abs().max() > 0 for p in params.values())
    }


def test_behaviour_cloning():
    one = linear("bc")
    fill(one, "actor", [[math.atanh(0.25), 0.0]])
    loss, logs = one.losses(one.params, batch(), {})
    assert float(loss.detach()) == pytest.approx((0.25**2 + 1.0) / 2)
    assert float(logs["bc_error"]) == pytest.approx(float(loss.detach()))
    one = linear("bc", policy="gaussian")
    fill(one, "actor", [[math.atanh(0.25), 0.0]])
    loss, _ = one.losses(one.params, batch(), {})
    half = 0.5 * math.log(2 * math.pi)
    assert float(loss.detach()) == pytest.approx((0.25**2 + 1.0) / 4 + half)
    assert gradients(one, loss) == {"actor"}


def iql():
    one = linear("iql", discount=0.9, expectile=0.7, beta=2.0)
    fill(one, "value", [[0.5, 1.0, 3.0]])
    fill(one, "critic", [[1.0, 0.0], [0.0, 4.0]])
    fill(one, "critic_target", [[1.0, 2.0], [0.7, 0.5]])
    fill(one, "actor", [[math.atanh(0.25), 0.0]])
    return one


def test_implicit_q_learning():
    one = iql()
    _, logs = one.losses(one.params, batch(), {})
    # min Q̄ − V: min(1, 0.7) − 0.5 = 0.2 and min(2, 0.5) − 1 = −0.5
    value = (0.7 * 0.2**2 + 0.3 * 0.5**2) / 2
    # y: 1 + 0.9 · V(second) = 1.9, and 2 at the end; Q: (1, 0) and (0, 4)
    critic = ((1 - 1.9) ** 2 + (0 - 2) ** 2) / 2 + ((0 - 1.9) ** 2 + (4 - 2) ** 2) / 2
    half = 0.5 * math.log(2 * math.pi)
    errors = (0.25**2 / 2 + half, 1.0 / 2 + half)
    actor = (math.exp(2 * 0.2) * errors[0] + math.exp(-2 * 0.5) * errors[1]) / 2
    assert float(logs["value_loss"]) == pytest.approx(value)
    assert float(logs["critic_loss"]) == pytest.approx(critic)
    assert float(logs["actor_loss"]) == pytest.approx(actor)
    assert float(logs["weight"]) == pytest.approx((math.exp(0.4) + math.exp(-1)) / 2)


def test_each_loss_of_implicit_q_learning_moves_its_network():
    whole = iql()
    loss, _ = whole.losses(whole.params, batch(), {})
    assert gradients(whole, loss) == {"value", "critic", "actor"}
    # V's gradient is that of its own loss: not of its place in the critics' target.
    weight = whole.params["value"]["layer0.weight"].grad[0, :3, 0]
    expected = [-(0.7 * 2 * 0.2) / 2, (0.3 * 2 * 0.5) / 2, 0.0]
    assert weight.tolist() == pytest.approx(expected)


def test_the_rate_of_the_actor_falls_along_a_cosine():
    one = linear("iql")
    rate, total = one.config.phases[0].learning_rate, one.total
    for step, share in ((0, 1.0), (total // 2, 0.5), (total, 0.0)):
        one.step = step
        assert one.rates()["actor"] == pytest.approx(share * rate)


def td3bc():
    one = linear("td3bc", discount=0.9, alpha=2.5)
    fill(one, "critic", [[1.0, 0.0], [0.0, 4.0]])
    fill(one, "critic_target", [[1.0, 3.0], [0.0, 2.0, 0.0]])
    for group in ("critic", "critic_target"):  # both love large actions
        one.params[group]["layer0.weight"].data[:, 5, 0] = 2.0
    fill(one, "actor", [[0.3, -0.4]])
    fill(one, "actor_target", [[0.0, math.atanh(0.9)]])
    return one


def test_td3_with_behaviour_cloning():
    one = td3bc()
    noise = torch.tensor([[0.5], [-0.1]])
    _, logs = one.losses(one.params, batch(noise=noise), {})
    # π̄(s') + ε = 0.9 + 0.5, clipped to 1; min(3, 2) + 2 · 1 = 4; y = 1 + 0.9 · 4, and 2 at the end
    y = (1 + 0.9 * 4, 2.0)
    q = ((1 + 1, 0 - 2), (0 + 1, 4 - 2))
    critic = sum(((mine[0] - y[0]) ** 2 + (mine[1] - y[1]) ** 2) / 2 for mine in q)
    assert float(logs["critic_loss"]) == pytest.approx(critic, rel=1e-6)
    assert "actor_loss" not in logs
    loss, logs = one.losses(one.params, batch(noise=noise, policy=torch.tensor(1.0)), {})
    mean = (math.tanh(0.3), math.tanh(-0.4))
    first = (1 + 2 * mean[0], 2 * mean[1])
    size = (abs(first[0]) + abs(first[1])) / 2
    error = ((mean[0] - 0.5) ** 2 + (mean[1] + 1) ** 2) / 2
    expected = -2.5 * (first[0] + first[1]) / 2 / size + error
    assert float(logs["actor_loss"]) == pytest.approx(expected, rel=1e-5)
    assert gradients(one, loss) == {"critic", "actor"}
    # The critics learn from their own loss only: what the policy wants of Q₁ does not move it.
    critic = one.params["critic"]["layer0.weight"].grad[0, :2, 0].tolist()
    assert critic == pytest.approx([(q[0][0] - y[0]), (q[0][1] - y[1])], rel=1e-5)


def test_the_policy_and_the_targets_move_at_every_second_update():
    data = chain.dataset(episodes=20)
    target = resolve(agent("td3bc").target)
    one = target.create(target.configure(agent("td3bc"), "tiny", chain.TASK), chain.TASK,
                        seed=0, data=data)  # fmt: skip
    for step in range(1, 5):
        before = {g: p["layer0.weight"].detach().clone() for g, p in one.params.items()}
        drawn = one.batch(data)
        assert np.abs(drawn["noise"]).max() <= 0.5
        metrics = one.advance(data)
        moved = {g for g, p in one.params.items() if not torch.equal(before[g], p["layer0.weight"])}
        assert moved == (set(one.params) if step % 2 == 0 else {"critic"})
        assert ("actor_loss" in metrics) == (step % 2 == 0)
