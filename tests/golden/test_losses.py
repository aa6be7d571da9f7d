"""Losses against values computed by hand, and which network each of them moves."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch

from entitybench.agents.common.config import from_json, to_json
from entitybench.agents.common.goal.iql import (
    IQLNetworks,
    awr_loss,
    iql_losses,
    td_target,
)
from entitybench.agents.common.goal.layout import Layout
from entitybench.agents.common.offline.losses import ddpg_bc_loss, expectile_loss
from entitybench.agents.common.optimiser import Adam, flatten, unflatten
from entitybench.agents.hecrl.config import PRESETS, HECRLConfig
from entitybench.envs.api import world_of
from entitybench.registry import tasks


def tensor(*values, grad=False):
    return torch.tensor(values, dtype=torch.float64, requires_grad=grad)


def test_expectile_loss():
    # |0.9 - 1(u < 0)| u²: 0.9 · 4, 0.1 · 9, 0 -> (3.6 + 0.9) / 3
    assert float(expectile_loss(tensor(2, -3, 0), 0.9)) == pytest.approx(1.5)
    u = tensor(2, -3, grad=True)
    expectile_loss(u, 0.9).backward()
    assert u.grad.tolist() == pytest.approx([0.9 * 2, -0.1 * 3])


@pytest.mark.parametrize("expectile", [0.5, 0.7, 0.9])
def test_expectile_loss_is_least_at_the_expectile(expectile):
    # Of a fair coin with sides 0 and 1: e (1 - m) = (1 - e) m at m = e.
    coin = tensor(0, 1)
    best = min(range(101), key=lambda k: float(expectile_loss(coin - k / 100, expectile)))
    assert best / 100 == pytest.approx(expectile)


def test_td_target():
    # -1 + 0.9 · (-5) = -5.5; without bootstrap -1; below -10 = -1 / (1 - 0.9): -10; above 0: 0.
    rewards, masks = tensor(-1, -1, -1, 0, 0), tensor(1, 0, 1, 1, 1)
    y = td_target(rewards, masks, tensor(-5, -5, -50, 3, -2), 0.9)
    assert y.tolist() == pytest.approx([-5.5, -1.0, -10.0, 0.0, -1.8])


def test_ddpg_bc_loss():
    q = tensor(-2, -4, 1, grad=True)
    predicted = torch.tensor([[0.5, 0.0], [1.0, 1.0], [0.0, 0.0]], dtype=torch.float64)
    action = torch.zeros(3, 2, dtype=torch.float64)
    # mean Q = -5/3, mean |Q| = 7/3, MSE = 2.25 / 6
    loss = ddpg_bc_loss(q, predicted, action, 0.4)
    assert float(loss.detach()) == pytest.approx(5 / 7 + 0.4 * 0.375, rel=1e-5)
    loss.backward()  # the normaliser is a constant
    assert q.grad.tolist() == pytest.approx([-1 / 7] * 3, rel=1e-5)


def test_awr_loss():
    predicted = torch.tensor([[[1.0, 1.0]], [[2.0, 0.0]], [[0.0, 1.0]]], requires_grad=True)
    advantage = torch.tensor([0.0, -1.0, 50.0], requires_grad=True)
    # MSE 1, 2, 0.5; weights 1, e^-3, 100 (clipped)
    loss = awr_loss(predicted, torch.zeros(3, 1, 2), advantage, 3.0)
    assert float(loss.detach()) == pytest.approx((1 + 2 * math.exp(-3) + 50) / 3)
    loss.backward()
    assert advantage.grad is None


@dataclass(frozen=True)
class Linear:
    """w · (s + 2 g + 3 a) for s and g (B, 1, 1), a (B, 1); the actor's is w · (s + 2 g)."""

    members: int = 1

    def init(self, generator):
        return {"w": torch.zeros(self.members, 1, 1, dtype=torch.float64)}

    def apply(self, params, state, goal, action=None):
        x = (state + 2 * goal)[:, 0]
        if action is not None:
            x = x + 3 * action
        return params["w"] * x[None]


NETWORKS = IQLNetworks(value=Linear(), critic=Linear(2), actor=Linear())


def scene():
    """Parameters and a batch of two."""

    def column(*values):
        return torch.tensor(values, dtype=torch.float64)[:, None]

    params = {
        "value": {"w": torch.tensor([[[-1.0]]], dtype=torch.float64)},
        "critic": {"w": torch.tensor([[[-2.0]], [[-0.5]]], dtype=torch.float64)},
        "actor": {"w": torch.tensor([[[0.3]]], dtype=torch.float64)},
    }
    for group in params.values():
        group["w"].requires_grad_()
    target = torch.tensor([[[-1.5]], [[-0.8]]], dtype=torch.float64)
    params["critic_target"] = {"w": target}
    batch = {
        "observations": column(1.0, 2.0)[:, None],
        "next_observations": column(0.5, 4.0)[:, None],
        "actions": column(0.2, -0.4),
        "value_goals": column(1.0, 0.0)[:, None],
        "policy_goals": column(0.5, 0.1)[:, None],
        "rewards": tensor(-1, 0),
        "masks": tensor(1, 1),
    }
    return params, batch


def losses(params, batch, alpha=0.7):
    return iql_losses(NETWORKS, params, batch, torch.tensor(alpha), discount=0.9, expectile=0.8)


def test_iql_losses():
    params, batch = scene()
    loss, logs = losses(params, batch)
    # s + 2 g + 3 a: 3.6 and 0.8; the lower target of the two is -1.5 times that: -5.4, -1.2
    # V: -3, -2 -> u = -2.4, 0.8 -> 0.2 · 5.76 and 0.8 · 0.64
    assert float(logs["value_loss"]) == pytest.approx((0.2 * 5.76 + 0.8 * 0.64) / 2)
    # V(s'): -2.5, -4 -> y = -3.25, -3.6; Q_1 = -7.2, -1.6; Q_2 = -1.8, -0.4
    first = ((-7.2 + 3.25) ** 2 + (-1.6 + 3.6) ** 2) / 2
    second = ((-1.8 + 3.25) ** 2 + (-0.4 + 3.6) ** 2) / 2
    assert float(logs["critic_loss"]) == pytest.approx(first + second)
    # π = tanh(0.3 · 2.0), tanh(0.3 · 2.2); Q_1 alone judges it
    a = [math.tanh(0.6), math.tanh(0.66)]
    q = [-2 * (2.0 + 3 * a[0]), -2 * (2.2 + 3 * a[1])]
    bc = ((a[0] - 0.2) ** 2 + (a[1] + 0.4) ** 2) / 2
    assert float(logs["actor_loss"]) == pytest.approx(1 + 0.7 * bc, rel=1e-6)
    assert float(logs["q_policy"]) == pytest.approx(sum(q) / 2)
    assert float(logs["value"]) == pytest.approx(-2.5)
    parts = ("value_loss", "critic_loss", "actor_loss")
    assert float(loss.detach()) == pytest.approx(float(sum(logs[p] for p in parts)))
    assert not any(v.requires_grad for v in logs.values())


def test_each_loss_moves_its_own_network_alone():
    params, batch = scene()
    params["critic_target"]["w"].requires_grad_()
    losses(params, batch)[0].backward()
    # dL_V/dv = mean 2 |τ - 1(u<0)| u · (-(s + 2 g)); neither y nor Q adds to it
    value = (2 * 0.2 * -2.4 * -3 + 2 * 0.8 * 0.8 * -2) / 2
    assert float(params["value"]["w"].grad) == pytest.approx(value)
    # dL_Q/dw_i = mean 2 (Q_i - y) (s + 2 g + 3 a); the policy's objective adds nothing to Q_1
    first = (2 * (-7.2 + 3.25) * 3.6 + 2 * (-1.6 + 3.6) * 0.8) / 2
    second = (2 * (-1.8 + 3.25) * 3.6 + 2 * (-0.4 + 3.6) * 0.8) / 2
    assert params["critic"]["w"].grad.flatten().tolist() == pytest.approx([first, second])
    # dL_π/da = 2 · 3 / (n mean |Q|) + 2 α (a - action) / n, da/dw = (1 - a²)(s + 2 g)
    a = [math.tanh(0.6), math.tanh(0.66)]
    scale = (2 * (2.0 + 3 * a[0]) + 2 * (2.2 + 3 * a[1])) / 2
    slope = [6 / (2 * scale) + 2 * 0.7 * (x - y) / 2 for x, y in zip(a, (0.2, -0.4), strict=True)]
    actor = slope[0] * (1 - a[0] ** 2) * 2.0 + slope[1] * (1 - a[1] ** 2) * 2.2
    assert float(params["actor"]["w"].grad) == pytest.approx(actor, rel=1e-5)
    assert params["critic_target"]["w"].grad is None


# The optimiser ----------------------------------------------------------------


def test_adam_clips_each_network_by_itself():
    groups = {"a": {"w": torch.zeros(2)}, "b": {"w": torch.zeros(2)}}
    adam = Adam(groups, clip=1.0)
    groups["a"]["w"].grad = torch.tensor([30.0, 40.0])
    groups["b"]["w"].grad = torch.tensor([0.3, 0.4])
    adam.step(0.1)
    moments = adam.state()
    # the first moment after one step is 0.1 times the gradient
    torch.testing.assert_close(moments["exp_avg/a/w"], torch.tensor([0.06, 0.08]))
    torch.testing.assert_close(moments["exp_avg/b/w"], torch.tensor([0.03, 0.04]))
    # and Adam's first step is the learning rate, against the sign of the gradient
    torch.testing.assert_close(groups["a"]["w"].detach(), torch.tensor([-0.1, -0.1]))
    assert groups["a"]["w"].grad is None


def test_flatten_and_back():
    groups = {"a": {"x.y": torch.zeros(1), "z": torch.ones(1)}, "b": {"x.y": torch.zeros(2)}}
    flat = flatten(groups)
    assert list(flat) == ["a/x.y", "a/z", "b/x.y"]
    assert unflatten(flat) == groups


# Configurations and layout -------------------------------------------------------


def test_configurations_survive_json():
    for name, preset in PRESETS.items():
        config = HECRLConfig(agent="hecrl", preset=name, **preset)
        assert from_json(HECRLConfig, to_json(config)) == config


@pytest.mark.parametrize("task", ["push-1block", "push-3blocks"])
def test_the_layout_agrees_with_the_world(task):
    spec = tasks()[task]
    layout, world = Layout.of(spec), world_of(spec)
    generator = torch.Generator().manual_seed(0)
    state = torch.randn(7, layout.entities, layout.features, generator=generator)
    goal = layout.achieved(state)
    assert torch.equal(goal, torch.as_tensor(world.achieved(state.numpy())))
    offset = layout.goal_offset(state, 2 * goal)
    assert torch.equal(offset[:, 1:], state[:, 1:, layout.position])
    assert not offset[:, 0].any()
    assert layout.is_actor(state)[..., 0].sum(0).tolist() == [7.0] + [0.0] * (layout.entities - 1)
