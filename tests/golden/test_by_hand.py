"""Gradients by hand are those of automatic differentiation, and training does not notice."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from entitybench.agents.common.online.by_hand import critic_step, policy_step
from entitybench.agents.common.online.learner import OnlineLearner
from entitybench.agents.common.online.sac import (
    actor_losses,
    critic_loss,
    init_actor,
    init_critic,
    soft_targets,
    values,
)
from entitybench.envs.training import WorldsOf
from entitybench.leaderboard.training.crew import crew_of
from entitybench.registry import agent, resolve_agent, tasks

S, B, F, A, H = 3, 32, 5, 2, 8


def stacked(init, *sizes):
    """Parameters of S seeds, no bias at 0."""
    rng = torch.Generator().manual_seed(len(sizes))
    each = [init(*sizes, rng) for _ in range(S)]
    found = {name: torch.stack([one[name] for one in each]) for name in each[0]}
    return {name: p + 0.1 * torch.randn(p.shape, generator=rng) for name, p in found.items()}


def networks(scale=1.0):
    actor = stacked(init_actor, F, A, (H, H))
    actor["layer2.bias"] = actor["layer2.bias"] * scale
    return {
        "actor": actor,
        "critic": stacked(init_critic, F, A, (H, H)),
        "critic_target": stacked(init_critic, F, A, (H,)),
        "temperature": {"log": torch.tensor([[-0.7], [0.3], [0.0]])},
    }


def transitions(weighted):
    rng = torch.Generator().manual_seed(5)
    sizes = {"state": F, "next": F, "noise": A, "next_noise": A}
    batch = {name: torch.randn(S, B, n, generator=rng) for name, n in sizes.items()}
    batch["action"] = torch.rand(S, B, A, generator=rng) * 2 - 1
    batch["reward"] = -(torch.rand(S, B, generator=rng) < 0.7).float()
    batch["mask"] = (torch.rand(S, B, generator=rng) < 0.8).float()
    if weighted:
        batch["weight"] = torch.rand(S, B, generator=rng)
    return batch


# Large: deviations at their bounds, and actions at theirs.
@pytest.mark.parametrize(("weighted", "scale"), [(False, 1.0), (True, 1.0), (True, 150.0)])
def test_gradients_are_those_of_autograd(weighted, scale):
    params, batch = networks(scale), transitions(weighted)
    numbers = {g: {name: p.numpy().copy() for name, p in own.items()} for g, own in params.items()}
    given = {name: x.numpy() for name, x in batch.items()}
    for group in ("actor", "critic", "temperature"):
        for p in params[group].values():
            p.requires_grad_()
    y = soft_targets(params, batch, 0.98)
    q = values(params["critic"], batch["state"], batch["action"])
    critic = critic_loss(q, y, batch.get("weight"))
    actor, temperature, density = actor_losses(params, batch, -2.0)
    (critic + actor + temperature).sum().backward()

    found = {}
    found["critic"], logs = critic_step(numbers, given, 0.98)
    found["actor"], found["temperature"], more = policy_step(numbers, given, -2.0)
    for group, own in found.items():
        assert own.keys() == params[group].keys()
        for name, slope in own.items():
            theirs = params[group][name].grad.numpy()
            assert (slope.dtype, slope.shape) == (np.float32, theirs.shape)
            most = np.abs(theirs).max()
            np.testing.assert_allclose(slope, theirs, atol=2e-5 * most, rtol=1e-4, err_msg=name)
    expected = {
        "critic_loss": critic,
        "q": q.mean((-2, -1)),
        "actor_loss": actor,
        "entropy": -density,
        "temperature": params["temperature"]["log"].exp()[:, 0],
    }
    if weighted:
        expected["error"] = (q - y[:, None]).abs().mean(-2)
    assert (logs | more).keys() == expected.keys()
    for name, value in expected.items():
        theirs = value.detach().numpy()
        np.testing.assert_allclose((logs | more)[name], theirs, rtol=1e-4, atol=1e-5, err_msg=name)


def test_critics_that_are_equal_share_the_gradient():
    params = networks()
    for p in params["critic"].values():
        p[:, 1] = p[:, 0]
    batch = transitions(weighted=False)
    numbers = {g: {name: p.numpy().copy() for name, p in own.items()} for g, own in params.items()}
    for p in params["actor"].values():
        p.requires_grad_()
    actor, _, _ = actor_losses(params, batch, -2.0)
    actor.sum().backward()
    slopes, _, _ = policy_step(numbers, {name: x.numpy() for name, x in batch.items()}, -2.0)
    for name, p in params["actor"].items():
        np.testing.assert_allclose(slopes[name], p.grad.numpy(), atol=1e-5, rtol=1e-3)


def trained(id, **changes):
    task = tasks()["hockey-goal"]
    target = resolve_agent(agent(id))
    config = target.configure(agent(id), "tiny", task, steps=560, starts=400, **changes)
    data = WorldsOf(task)
    made = (
        target.create(config, task, seed=seed, data=data, parts={}, device="cpu") for seed in (0, 1)
    )
    crew = crew_of(list(made))
    while crew.step < 560:
        logs = crew.advance(data)
    return crew.learners[1], logs[1]


@pytest.mark.parametrize("id", ["her", "her-per", "sac"])
def test_training_is_the_same_with_either(id, monkeypatch):
    ours, logs = trained(id)
    assert ours.by_hand()
    monkeypatch.setattr(OnlineLearner, "by_hand", lambda self: False)
    theirs, expected = trained(id)
    assert logs.keys() == expected.keys()
    for name, value in expected.items():
        assert logs[name] == pytest.approx(value, rel=2e-2, abs=1e-3), name
    for group in ("actor", "critic", "critic_target", "temperature"):
        for name, p in theirs.params[group].items():
            torch.testing.assert_close(ours.params[group][name], p, atol=1e-3, rtol=1e-2)
    if id == "her-per":
        found = ours.replay.of("priority")
        np.testing.assert_allclose(found, theirs.replay.of("priority"), atol=1e-2, rtol=1e-2)
        assert len(np.unique(found)) > 10


def test_losses_of_others_are_left_to_autograd():
    task = tasks()["hockey-goal"]
    for id, by_hand in (("her", True), ("hint", True), ("elden", False), ("fpg", False)):
        target = resolve_agent(agent(id))
        config = target.configure(agent(id), "tiny", task)
        one = target.create(config, task, seed=0, data=None, parts={}, device="cpu")
        assert one.by_hand() is by_hand
