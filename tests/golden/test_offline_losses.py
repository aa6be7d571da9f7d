"""Losses of offline learners against values computed by hand, and which network each moves."""

from __future__ import annotations

import math

import chain
import numpy as np
import pytest
import torch

from entitybench.agents.common.offline.losses import advantage_weight, gaussian_log_likelihood
from entitybench.agents.common.offline.trajectories import advantage_rows
from entitybench.datasets.sampling.transitions import TransitionSampler
from entitybench.errors import BadValue, BenchError
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


def test_sparse_q_learning():
    one = linear("sql", discount=0.9, alpha=0.2)
    fill(one, "value", [[0.5, 1.0, 3.0]])
    fill(one, "critic", [[1.0, 0.0], [0.0, 4.0]])
    fill(one, "critic_target", [[1.0, 2.0], [0.7, 0.5]])
    fill(one, "actor", [[math.atanh(0.25), 0.0]])
    loss, logs = one.losses(one.params, batch(), {})
    # A = 0.2 and −0.5: z = 1 + 0.2 / 0.4 and 1 − 0.5 / 0.4 < 0
    value = (1.5**2 + 0.5 / 0.2 + 1.0 / 0.2) / 2
    half = 0.5 * math.log(2 * math.pi)
    assert float(logs["value_loss"]) == pytest.approx(value)
    assert float(logs["actor_loss"]) == pytest.approx(0.2 * (0.25**2 / 2 + half) / 2)
    assert gradients(one, loss) == {"value", "critic", "actor"}
    weight = one.params["value"]["layer0.weight"].grad[0, :3, 0]
    # −2 z / 0.4 + 1 / 0.2 where z > 0, and 1 / 0.2; V has no part in the critics' target
    expected = [(-2 * 1.5 / 0.4 + 5.0) / 2, 2.5, 0.0]
    assert weight.tolist() == pytest.approx(expected)


def test_rebrac_penalises_policy_and_critics_apart():
    one = linear("rebrac", discount=0.9, actor_penalty=0.5, critic_penalty=0.25)
    fill(one, "critic", [[1.0, 0.0], [0.0, 4.0]])
    fill(one, "critic_target", [[1.0, 3.0], [0.0, 2.0, 0.0]])
    fill(one, "actor", [[0.3, -0.4]])
    fill(one, "actor_target", [[0.0, math.atanh(0.9), math.atanh(0.5)]])
    more = {
        "noise": torch.zeros(2, 1),
        "next_actions": torch.tensor([[0.5], [0.0]]),
        "terminals": torch.tensor([0.0, 1.0]),
        "policy": torch.tensor(1.0),
    }
    later = {"masks": torch.ones(2)}  # the second ends by its time: no next action to be near
    loss, logs = one.losses(one.params, {**batch(**more), **later}, {})
    y = (1 + 0.9 * (2.0 - 0.25 * 0.4**2), 2 + 0.9 * 0.0)
    q = ((1.0, 0.0), (0.0, 4.0))
    critic = sum(((mine[0] - y[0]) ** 2 + (mine[1] - y[1]) ** 2) / 2 for mine in q)
    assert float(logs["critic_loss"]) == pytest.approx(critic, rel=1e-6)
    mean = (math.tanh(0.3), math.tanh(-0.4))
    away = ((mean[0] - 0.5) ** 2 + (mean[1] + 1) ** 2) / 2
    assert float(logs["actor_loss"]) == pytest.approx(0.5 * away, rel=1e-5)  # min Q is 0 in both
    assert gradients(one, loss) == {"critic", "actor"}


def test_the_next_action_is_that_of_the_next_row():
    data = chain.dataset(episodes=20)
    target = resolve(agent("rebrac").target)
    one = target.create(target.configure(agent("rebrac"), "tiny", chain.TASK), chain.TASK,
                        seed=0, data=data)  # fmt: skip
    rows = np.arange(5)
    drawn = one.source(data).sampler.at(rows)
    np.testing.assert_array_equal(drawn["next_actions"], data.columns["actions"][rows + 1])


def test_the_penalty_of_cql():
    cql = resolve("entitybench.agents.baselines.offline.cql:conservative_loss")
    values = torch.log(tensor([1.0, 3.0]))[None, None]  # one critic, one state, two actions
    found = cql(values, torch.log(tensor([0.5, 0.25]))[None], tensor([0.5])[None])
    assert float(found) == pytest.approx(math.log((1 / 0.5 + 3 / 0.25) / 2) - 0.5)


def test_conservative_q_learning():
    one = linear("cql", discount=0.9, samples=1, conservatism=0.0)
    fill(one, "critic", [[1.0, 0.0], [0.0, 4.0]])
    fill(one, "critic_target", [[1.0, 3.0], [0.0, 2.0, 0.0]])
    fill(one, "actor", [[0.3, -0.4]])
    for group in ("critic", "critic_target"):
        one.params[group]["layer0.weight"].data[:, 5, 0] = 2.0
    zero = torch.zeros(4, 1)
    more = {"noise": zero, "next_noise": zero, "uniform": torch.zeros(2, 1)}
    loss, logs = one.losses(one.params, batch(**more), {})
    mean = (math.tanh(0.3), math.tanh(-0.4), 0.0)
    y = (1 + 0.9 * (2.0 + 2 * mean[1]), 2.0)
    q = ((1 + 1, 0 - 2), (0 + 1, 4 - 2))
    critic = sum(((mine[0] - y[0]) ** 2 + (mine[1] - y[1]) ** 2) / 2 for mine in q)
    assert float(logs["critic_loss"]) == pytest.approx(critic, rel=1e-5)
    # log π at the mean of a deviation of 1, tanh's slope taken off; min Q is 2 π and 2 π
    density = [-0.5 * math.log(2 * math.pi) - math.log(1 - m**2) for m in mean[:2]]
    actor = sum(d - 2 * m for d, m in zip(density, mean, strict=False)) / 2
    assert float(logs["actor_loss"]) == pytest.approx(actor, rel=1e-5)
    assert gradients(one, loss) == {"critic", "actor", "temperature"}
    slope = float(one.params["temperature"]["log"].grad)
    assert slope == pytest.approx(-(sum(density) / 2 - 1.0), rel=1e-5)


def test_gradients_are_made_orthogonal():
    odice = resolve("entitybench.agents.baselines.offline.odice:orthogonal")
    first, second = tensor([[1.0, 2.0]])[None], tensor([[3.0, 0.0]])[None]
    (found,) = odice([first], [second])
    assert found.flatten().tolist() == pytest.approx([0.0, 2.0])
    both = [torch.cat([first, second])[:, None], torch.cat([second, first])[:, None]]
    (seeds,) = odice([both[0]], [both[1]])  # each seed by itself
    assert seeds[0].flatten().tolist() == pytest.approx([0.0, 2.0])
    assert seeds[1].flatten().tolist() == pytest.approx([3 - 0.6, -1.2])


def test_odice():
    one = linear("odice", discount=0.9, balance=0.6, backward=0.5)
    fill(one, "value", [[0.5, 1.0, 3.0], [9.0, 9.0, 9.0]])
    fill(one, "value_target", [[0.4, 2.0, 9.0], [9.0, 9.0, 9.0]])
    fill(one, "actor", [[math.atanh(0.25), 0.0]])
    loss, logs = one.losses(one.params, batch(), {})
    ahead = (1 + 0.9 * 2.0 - 0.5, 2.0 - 1.0)
    behind = (1 + 0.9 * 1.0 - 0.4, 2.0 - 2.0)
    f = lambda y: y * (y / 4 + 1)  # noqa: E731
    plain = 0.4 * (0.5 + 1.0) / 2
    assert float(logs["value_loss"]) == pytest.approx(plain + 0.6 * (f(ahead[0]) + f(ahead[1])) / 2)
    assert float(logs["backward_loss"]) == pytest.approx(0.6 * (f(behind[0]) + f(behind[1])) / 2)
    half = 0.5 * math.log(2 * math.pi)
    errors = (0.25**2 / 2 + half, 1.0 / 2 + half)
    actor = (ahead[0] * errors[0] + ahead[1] * errors[1]) / 2
    assert float(logs["actor_loss"]) == pytest.approx(actor, rel=1e-5)
    assert gradients(one, loss) == {"value", "actor"}
    # By the weights of the first two states and the bias; f*' is 1 + y / 2
    x = [1 + y / 2 for y in ahead]
    g = np.array([-0.6 * x[0] / 2, -0.6 * x[1] / 2, -0.6 * (x[0] + x[1]) / 2])
    h = np.array([0.0, 0.6 * (1 + behind[0] / 2) * 0.9 / 2, 0.6 * (1 + behind[0] / 2) * 0.9 / 2])
    # The bias is a parameter of its own, and the third state is nowhere.
    h = h - (h @ g) / (g @ g) * g
    expected = np.array([0.2, 0.2, 0.4]) + g + 0.5 * h
    weight, bias = (one.params["value"][f"layer0.{name}"].grad for name in ("weight", "bias"))
    assert weight[0, :2, 0].tolist() == pytest.approx(expected[:2], rel=1e-5)
    assert float(bias[0, 0, 0]) == pytest.approx(expected[2], rel=1e-5)
    with pytest.raises(BadValue, match="compile is false for odice"):
        linear("odice", compile=True)


def test_the_discriminator_is_told_who_is_the_expert():
    one = linear("dwbc-oracle")
    fill(one, "discriminator", [[math.log(4.0), 9.0]])
    fill(one, "actor", [[math.atanh(0.25), 0.0]])
    found = batch()
    found |= {f"expert_{k}": found[k][:1] for k in ("observations", "actions")}
    loss, logs = one.losses(one.params, found, {})
    # d: 0.8, and above 0.9, which is the most
    told = -math.log(0.8) - (math.log(0.2) + math.log(0.1)) / 2
    assert float(logs["discriminator_loss"]) == pytest.approx(told, rel=1e-5)
    half = 0.5 * math.log(2 * math.pi)
    actor = (4 * (0.25**2 / 2 + half) + 9 * (0.5 + half)) / 2
    assert float(logs["actor_loss"]) == pytest.approx(actor, rel=1e-5)
    assert gradients(one, loss) == {"discriminator", "actor"}


def test_who_needs_the_flag_says_so_and_where_it_is():
    data = chain.dataset(episodes=5)
    del data.columns["expert"], data.manifest["columns"]["expert"]
    target = resolve(agent("dwbc-oracle").target)
    config = target.configure(agent("dwbc-oracle"), "tiny", chain.TASK)
    with pytest.raises(BadValue, match="has no column 'expert': datasets named corrupt") as caught:
        target.create(config, chain.TASK, seed=0, data=data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("id", ["aw", "dw-aw"])
def test_who_needs_returns_says_so(id):
    data = chain.dataset(episodes=5)
    del data.columns["rewards"], data.manifest["columns"]["rewards"]
    data.manifest["episodes"] = None
    data.__dict__["episodes"] = [{} for _ in range(5)]
    target = resolve(agent(id).target)
    config = target.configure(agent(id), "tiny", chain.TASK)
    with pytest.raises(BenchError, match="rewards") as caught:
        target.create(config, chain.TASK, seed=0, data=data)
    assert "\n" not in str(caught.value)


def test_episodes_are_drawn_by_their_advantage():
    data = chain.dataset(episodes=40, good=0.25)
    rows = advantage_rows(data, 0.1)
    assert rows.shape == (int(data.offsets[-1]),)
    assert (rows[data.offsets[1:] - 1] == 0).all()
    share = np.add.reduceat(rows, data.offsets[:-1])
    better = data.returns > 0  # starts are all alike: V is the mean return
    assert share[better].min() / share[~better].max() == pytest.approx(math.exp(10), rel=1e-6)
    sampler = TransitionSampler(data, ("rewards", "actions"), weights=rows)
    drawn = sampler.sample(400, np.random.default_rng(0))["actions"][:, 0]
    good = np.repeat(better, np.diff(data.offsets))[rows > 0]
    assert set(drawn) <= set(np.asarray(data.columns["actions"])[rows > 0][good][:, 0])
    with pytest.raises(BadValue, match="0 or more, and not all 0"):
        TransitionSampler(data, weights=-rows)
    with pytest.raises(BadValue, match="one a row of"):
        TransitionSampler(data, weights=rows[:-1])


def test_ratios_of_densities():
    density = resolve("entitybench.agents.baselines.offline.dwaw:density_loss")
    logits, after = torch.log(tensor(1.0, 3.0)) + 5.0, torch.log(tensor(3.0, 1.0)) + 5.0
    loss, w = density(logits, after, tensor(1.0, 2.0), tensor(1.0, 0.0), (0.3, 0.2))
    assert w.tolist() == pytest.approx([0.5, 1.5])
    away = (0.5 * math.log(0.5) + 1.5 * math.log(1.5)) / 2
    expected = -(0.5 + 3.0) / 2 + 0.3 * 1.0 / 2 + 0.2 * away
    assert float(loss) == pytest.approx(expected)
