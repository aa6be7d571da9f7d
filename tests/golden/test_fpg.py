"""f-policy gradients: densities, slopes, losses, and that every round is of one policy."""

from __future__ import annotations

import math
from types import SimpleNamespace

import carry
import numpy as np
import pytest
import torch
from torch.distributions import Normal

from entitybench.agents.baselines.online.fpg import (
    LEAST_AGENT,
    LEAST_GOAL,
    Rounds,
    advantages,
    clipped_loss,
    log_density,
    log_policy,
    minus_slope,
)
from entitybench.agents.common.online.sac import init_actor
from entitybench.envs.training import WorldsOf
from entitybench.errors import BadValue
from entitybench.leaderboard.training.crew import crew_of
from entitybench.registry import agent, resolve_agent, tasks

TASK = tasks()["hockey-goal"]
F = {
    "fkl": lambda u: u * math.log(u),
    "rkl": lambda u: -math.log(u),
    "js": lambda u: u * math.log(u) - (u + 1) * math.log((u + 1) / 2),
    "chi2": lambda u: 0.5 * u * u,
}


def made(seed=0, task=TASK, **changes):
    target = resolve_agent(agent("fpg"))
    config = target.configure(agent("fpg"), "tiny", task, **changes)
    return target.create(config, task, seed=seed, data=WorldsOf(task), parts={}, device="cpu")


def trained(one, steps):
    data = WorldsOf(one.task)
    while one.step < steps:
        one.advance(data)
    return one


def test_a_kernel_density_is_the_mean_of_its_kernels():
    rng = np.random.default_rng(0)
    points, at, weights = rng.normal(size=(7, 2)), rng.normal(size=(5, 2)), rng.random(7)
    for given in (None, weights):
        each = np.array([
            [np.prod([math.exp(-0.5 * ((x - p) / 0.3) ** 2) / (0.3 * math.sqrt(2 * math.pi))
                      for x, p in zip(here, point, strict=True)]) for point in points]
            for here in at
        ])  # fmt: skip
        expected = np.log(np.average(each, axis=1, weights=given))
        np.testing.assert_allclose(log_density(points, at, 0.3, given), expected, rtol=1e-9)
    x = np.linspace(-8, 8, 4001)[:, None]
    total = np.exp(log_density(points[:, :1], x, 0.3)).sum() * (x[1, 0] - x[0, 0])
    assert total == pytest.approx(1.0, abs=1e-6)
    assert np.isfinite(log_density(points, at + 1e4, 0.3)).all()


@pytest.mark.parametrize("divergence", F)
def test_states_are_worth_the_falling_slope_of_the_divergence(divergence):
    f, step = F[divergence], 1e-6
    u = np.array([0.05, 0.7, 1.0, 3.0, 20.0])
    slope = np.array([(f(x + step) - f(x - step)) / (2 * step) for x in u])
    found = minus_slope(np.log(u), divergence)
    away = found + slope  # the same constant everywhere
    np.testing.assert_allclose(away, away[0], atol=1e-5)
    # Where the goal would have it and the agent seldom is, is worth most.
    assert (np.diff(found) < 0).all()


def test_advantages_are_sums_of_what_comes():
    rng = np.random.default_rng(0)
    reward, value = rng.normal(size=6), rng.normal(size=6)
    after = [*value[1:], 0.0]
    delta = [r + 0.9 * w - v for r, w, v in zip(reward, after, value, strict=True)]
    expected = [sum((0.9 * 0.8) ** k * delta[t + k] for k in range(6 - t)) for t in range(6)]
    np.testing.assert_allclose(advantages(reward, value, 0.9, 0.8), expected)
    returns = [sum(0.9**k * reward[t + k] for k in range(6 - t)) for t in range(6)]
    np.testing.assert_allclose(advantages(reward, np.zeros(6), 0.9, 1.0), returns)


def network():
    params = init_actor(5, 2, (8,), torch.Generator().manual_seed(0))
    for p in params.values():
        p += 0.3
        p.requires_grad_()
    return params


def test_the_first_gradient_of_a_round_is_that_of_the_theorem():
    params, rng = network(), torch.Generator().manual_seed(1)
    state, raw = torch.randn(9, 5, generator=rng), torch.randn(9, 2, generator=rng)
    advantage = torch.randn(9, generator=rng)
    density = log_policy(params, state, raw)
    hidden = torch.relu(state @ params["layer0.weight"][0] + params["layer0.bias"][0])
    mean, log_std = (hidden @ params["layer1.weight"][0] + params["layer1.bias"][0]).chunk(2, -1)
    expected = Normal(mean, log_std.clamp(-20, 2).exp()).log_prob(raw).sum(-1)
    torch.testing.assert_close(density, expected)
    ours = clipped_loss(torch.exp(density - density.detach()), advantage, 0.2)
    found = torch.autograd.grad(ours, params.values(), retain_graph=True)
    theirs = torch.autograd.grad(-(advantage * expected).mean(), params.values())
    for one, other in zip(found, theirs, strict=True):
        torch.testing.assert_close(one, other)


def test_what_went_further_than_the_clip_moves_no_more():
    ratio = torch.tensor([1.3, 1.3, 0.7, 0.7, 1.1], requires_grad=True)
    advantage = torch.tensor([1.0, -1.0, 1.0, -1.0, 2.0])
    loss = clipped_loss(ratio, advantage, 0.2)
    assert loss.item() == pytest.approx(-(1.2 - 1.3 + 0.7 - 0.8 + 2.2) / 5)
    (slope,) = torch.autograd.grad(loss, ratio)
    np.testing.assert_allclose(slope, np.array([0.0, 1.0, -1.0, 0.0, -2.0]) / 5, atol=1e-7)


def rewards(visited, goal, horizon, **changes):
    given = {"agent_width": 0.1, "goal_width": 0.08, "divergence": "fkl", "discount": 0.9}
    batches = SimpleNamespace(config=SimpleNamespace(**given | changes), horizon=horizon)
    return Rounds.rewards(batches, np.asarray(visited, float), np.asarray(goal, float))


def test_an_episode_by_hand():
    visited, goal = [[0.0], [0.0], [0.5]], [0.5]
    unit = 1 / (0.1 * math.sqrt(2 * math.pi))
    near, far = math.exp(-12.5), 1 / (0.08 * math.sqrt(2 * math.pi))
    agent = [unit * (2 + near) / 3] * 2 + [unit * (1 + 2 * near) / 3]
    wanted = [LEAST_GOAL, LEAST_GOAL, far]
    expected = [(math.log(g) - math.log(a)) / 3 for g, a in zip(wanted, agent, strict=True)]
    np.testing.assert_allclose(rewards(visited, goal, 3), expected)
    assert expected[2] > 0 > expected[0]
    # The density of the agent is no less than a bound.
    wide = rewards([[0.0], [1e3]], goal, 2, agent_width=100.0)
    np.testing.assert_allclose(wide, math.log(LEAST_GOAL / LEAST_AGENT) / 2)


def test_an_episode_that_the_world_ended_stays_where_it_ended():
    short = rewards([[0.0], [0.3], [0.5]], [0.5], 6)
    long = rewards([[0.0], [0.3], *[[0.5]] * 4], [0.5], 6)
    np.testing.assert_allclose(short[:2], long[:2])
    for t in range(3):
        whole = sum(0.9**k * long[t + k] for k in range(6 - t))
        assert advantages(short, np.zeros(3), 0.9, 1.0)[t] == pytest.approx(whole)


def test_a_round_is_of_the_policy_that_is_updated():
    one = trained(made(round=800, steps=1_600), 796)
    whole, logs = one.batches.valued(one.replay)
    with torch.no_grad():
        given = (torch.tensor(whole[name]) for name in ("state", "raw"))
        now = log_policy(one.params["actor"], *given)
    np.testing.assert_allclose(now, whole["density"], atol=2e-3)
    assert whole["advantage"].mean() == pytest.approx(0, abs=1e-5)
    assert np.isfinite(logs["worth"])
    assert one.replay.episodes > 4
    trained(one, 800)
    assert one.replay.rows == 0
    rows = one.crew._collector.rows[0]
    assert (rows.length == 0).all()
    # The new episodes begin in other states than those that were left.
    fresh = one.crew._collector.worlds.observe()["observation"].reshape(4, -1)
    np.testing.assert_array_equal(rows.observation[:, 0], fresh)
    assert one.crew._collector.worlds.elapsed.max() == 0


@pytest.mark.parametrize("stop", [404, 800])
def test_a_killed_run_ends_with_the_same_bits(stop, tmp_path):
    changes = {"steps": 1_600, "round": 800}
    whole, one = trained(made(**changes), 1_600), trained(made(**changes), stop)
    one.save(tmp_path / "part")
    one = trained(resolve_agent(agent("fpg")).load(tmp_path / "part"), 1_600)
    for each, name in ((whole, "a"), (one, "b")):
        each.save(tmp_path / name)
    for file in ("weights.safetensors", "training.safetensors"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_seeds_side_by_side_are_what_they_are_alone():
    changes = {"task": carry.TASK, "steps": 1_200, "round": 400}
    together = [made(seed=seed, **changes) for seed in (0, 1)]
    crew = crew_of(together)
    while crew.step < 1_200:
        crew.advance(WorldsOf(carry.TASK))
    for one in together:
        alone = trained(made(seed=one.seed, **changes), 1_200)
        for group in ("actor", "value"):
            for name, p in alone.params[group].items():
                torch.testing.assert_close(one.params[group][name], p, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("name", ["hindsight", "accept", "starts", "update_every"])
def test_settings_of_hindsight_are_none_of_its(name):
    with pytest.raises(BadValue, match=f"fpg has no setting '{name}'|no setting '{name}'"):
        made(**{name: 1})
