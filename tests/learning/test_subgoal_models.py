"""A subgoal model must find every mode of what the data do, and its share: regression cannot."""

from __future__ import annotations

import pytest
import torch

from entitybench.agents.common.layout import Layout
from entitybench.agents.common.optimiser import Adam
from entitybench.agents.hecrl.diffusion import Schedule, sample
from entitybench.agents.hecrl.losses import diffusion_loss
from entitybench.agents.hecrl.networks import SubgoalNet
from entitybench.agents.hecrl.transformer import SubgoalTransformer

LAYOUT = Layout(
    entities=3, features=6, position=slice(0, 2), pose=slice(2, 3), ids=slice(3, 6), action_dim=2
)
SHARE = 0.3  # of displacements to the left
SIDE, SPREAD = 1.0, 0.1


def draw(batch, outputs, generator):
    """States, goals, and displacements: one block moves by ±1 along x, the others stay."""
    state = torch.randn(batch, 3, 6, generator=generator) * 0.3
    state[..., 3:] = torch.eye(3)
    goal = state.clone()
    goal[:, 0] = 0.0
    moved = SPREAD * torch.randn(batch, 3, outputs, generator=generator)
    left = torch.rand(batch, generator=generator) < SHARE
    moved[:, 1, 0] += torch.where(left, -SIDE, SIDE)
    return state, goal, moved


def fit(net, predict, updates):
    """Samples (1000, 3, F) of a trained diffuser."""
    generator, schedule = torch.Generator().manual_seed(0), Schedule.cosine(10)
    params = net.init(generator)
    adam = Adam({"diffuser": params}, clip=20.0)
    for k in range(updates):
        state, goal, moved = draw(256, net.outputs, generator)
        noise = torch.randn(moved.shape, generator=generator)
        step = torch.randint(10, (256,), generator=generator)
        loss = diffusion_loss(net, params, state, goal, moved, noise, step, schedule, predict)
        loss.backward()
        adam.step(3e-3 * min(1.0, 2 * (1 - k / updates)))
    state, goal, moved = draw(1000, net.outputs, generator)
    noise = torch.randn(11, *moved.shape, generator=generator)
    with torch.no_grad():
        return sample(lambda x, t: net.apply(params, state, goal, x, t), noise, schedule, predict)


def check(found):
    along = found[:, 1, 0]
    left = along < 0
    assert float(left.float().mean()) == pytest.approx(SHARE, abs=0.08)
    assert float(along[left].mean()) == pytest.approx(-SIDE, abs=0.15)
    assert float(along[~left].mean()) == pytest.approx(SIDE, abs=0.15)
    # Hardly anything lies between the modes, where a regression would put everything.
    assert float((along.abs() < 0.4).float().mean()) < 0.05
    # And the entities that stay, stay: subgoals are factored.
    assert float(found[:, [0, 2], 0].abs().mean()) < 0.2


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("predict", ["displacement", "noise"])
def test_the_pooled_diffuser_finds_both_modes(predict):
    check(fit(SubgoalNet(LAYOUT, 10, 32, 64, 2), predict, 500))


@pytest.mark.slow
def test_the_transformer_diffuser_finds_both_modes():
    net = SubgoalTransformer(LAYOUT, 10, width=32, hidden=64, layers=3, heads=4)
    check(fit(net, "noise", 1200))
