"""A subgoal model must find every mode of what the data do, and which entity moves."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from entitybench.agents.common.diffusion import Schedule, sample
from entitybench.agents.common.goal.layout import Layout
from entitybench.agents.common.optimiser import Adam
from entitybench.agents.hecrl.losses import diffusion_loss
from entitybench.agents.hecrl.networks import SubgoalNet
from entitybench.agents.hecrl.transformer import SubgoalTransformer, in_order

SHARE = 0.5  # of displacements to the left (under L1 a likelier mode would get more than its share)
SIDE, SPREAD = 1.0, 0.1


def layout(entities):
    """Positions, a pose and ids of so many entities."""
    ids = tuple(range(3, 3 + entities))
    asked = np.zeros((entities, 3 + entities), bool)
    asked[1:, [0, 1, *ids]] = True
    return Layout(
        entities=entities,
        features=3 + entities,
        action_dim=2,
        place=(0, 1),
        other=(2,),
        identity=ids,
        fixed=ids,
        asked=asked,
        world=None,
    )


def draw(entities, batch, generator):
    """States, goals, and displacements: the block that is not at its goal moves by ±1 along x."""
    state = torch.randn(batch, entities, 3 + entities, generator=generator)
    state[..., 3:] = torch.eye(entities)
    goal = state.clone()
    goal[:, 0] = 0.0
    mover = torch.randint(1, entities, (batch,), generator=generator)
    rows = torch.arange(batch)
    goal[rows, mover, 1] += 1.0
    moved = SPREAD * torch.randn(batch, entities, 3, generator=generator)
    left = torch.rand(batch, generator=generator) < SHARE
    moved[rows, mover, 0] += torch.where(left, -SIDE, SIDE)
    return state, goal, moved, mover


def whole(state, moved):
    """Subgoals with all features: what the transformer, which knows entities by id, predicts."""
    return torch.cat([state[..., :3] + moved, state[..., 3:]], -1)


def fit(net, predict, updates, rate):
    """Sampled displacements (1000, N, 3) of a trained diffuser, and which entity should move."""
    generator, schedule = torch.Generator().manual_seed(0), Schedule.cosine(10)
    entities = net.layout.entities
    params = net.init(generator)
    adam = Adam({"diffuser": params}, clip=20.0)
    for k in range(updates):
        state, goal, moved, _ = draw(entities, 256, generator)
        wanted = moved if net.outputs == 3 else whole(state, moved)
        noise = torch.randn(wanted.shape, generator=generator)
        step = torch.randint(10, (256,), generator=generator)
        loss = diffusion_loss(net, params, state, goal, wanted, noise, step, schedule, predict)
        loss.backward()
        adam.step(rate * min(1.0, 2 * (1 - k / updates)))
    state, goal, _, mover = draw(entities, 1000, generator)
    noise = torch.randn(11, 1000, entities, net.outputs, generator=generator)
    with torch.no_grad():
        found = sample(lambda x, t: net.apply(params, state, goal, x, t), noise, schedule, predict)
    if net.outputs > 3:
        found = in_order(net.layout, found, state)[..., :3] - state[..., :3]
    return found, mover


def check(found, mover, *, near):
    rows = torch.arange(len(found))
    along = found[rows, mover, 0]
    left = along < 0
    assert float(left.float().mean()) == pytest.approx(SHARE, abs=0.1)
    assert float(along[left].mean()) == pytest.approx(-SIDE, abs=near)
    assert float(along[~left].mean()) == pytest.approx(SIDE, abs=near)
    # Hardly anything lies between the modes, where a regression would put everything.
    assert float((along.abs() < 0.4).float().mean()) < 0.05
    # And the entities that stay, stay: subgoals are factored.
    found[rows, mover] = 0.0
    assert float(found[..., 0].abs().mean()) < 0.15


def test_the_pooled_diffuser_finds_both_modes():
    check(*fit(SubgoalNet(layout(3), 10, 32, 64, 2), "displacement", 500, 3e-3), near=0.15)


@pytest.mark.slow
@pytest.mark.parametrize("predict", ["displacement", "noise"])
def test_the_transformer_diffuser_finds_both_modes(predict):
    # Two entities: which is which it must find out by their ids, with more that takes it very long.
    net = SubgoalTransformer(layout(2), 10, width=32, hidden=64, layers=2, heads=4)
    check(*fit(net, predict, 2500, 2e-3), near=0.2)
