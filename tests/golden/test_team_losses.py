"""Losses of baselines of teams against values computed by hand, and what acts as it was trained."""

from __future__ import annotations

import math

import games
import numpy as np
import pytest
import torch

from entitybench.agents.baselines.team.diffusion_acting import denoised, steps_of
from entitybench.agents.baselines.team.maicq import shares
from entitybench.agents.baselines.team.omiga import local_value_loss
from entitybench.agents.common.diffusion import Schedule, sample
from entitybench.agents.common.team.mixers import LinearMixer, MonotoneMixer
from entitybench.errors import BadValue
from entitybench.registry import agent, resolve_agent
from entitybench.seeding import BatchGenerator, generator

SEEN = torch.tensor([[1.0, 1.0, 0.0], [1.0, 0.0, 1.0]])
HALF = 0.5 * math.log(2 * math.pi)


def linear(id, *, choices=False, **changes):
    """An agent whose networks are linear, with weights of zero."""
    spec, task = agent(id), games.task_of("xor", choices=choices)
    target = resolve_agent(spec)
    config = target.configure(spec, "tiny", task, **changes)
    object.__setattr__(config, "hidden", ())  # nobody else can ask for it
    one = target.create(config, task, seed=0)
    for params in one.params.values():
        for value in params.values():
            value.data.zero_()
    return one


def bias(one, group, values, name="layer0"):
    """Outputs of a group, whatever it is given: one a member."""
    one.params[group][f"{name}.bias"].data[:, 0, :] = torch.tensor(values)


def slope(one, group, place, value):
    """The weight of an input."""
    one.params[group]["layer0.weight"].data[:, place, 0] = value


def batch(**more):
    """A step of two agents who do 0.5 and −1 and are paid 2 and 4."""
    return {
        "observations": SEEN,
        "next_observations": SEEN,
        "actions": torch.tensor([[0.5], [-1.0]]),
        "rewards": torch.tensor([2.0, 4.0]),
        "masks": torch.tensor([1.0, 1.0]),
        **more,
    }


def value_of(x):
    return float(x.detach())


def test_td3_bc_of_each_agent():
    one = linear("matd3bc", discount=0.9, alpha=2.0)
    bias(one, "critic_target", [[1.0], [3.0]])
    slope(one, "critic", 3, 2.0)  # Q = 2 a, both
    one.params["actor"]["layer0.bias"].data.fill_(math.atanh(0.25))
    given = batch(noise=torch.zeros(2, 1), policy=torch.tensor(1.0))
    _, logs = one.losses(one.params, given, {})
    # y = 2.9 and 4.9, each agent's own; Q = 1 and −2, twice.
    assert value_of(logs["critic_loss"]) == pytest.approx(1.9**2 + 6.9**2)
    # Both would do 0.25, whose Q is 0.5; the errors are 0.25² and 1.25².
    assert value_of(logs["actor_loss"]) == pytest.approx(-2 + (0.25**2 + 1.25**2) / 2, rel=1e-4)


def test_the_penalty_of_actions_that_the_data_have_not():
    one = linear("macql", samples=1, spread=0.5, conservatism=3.0)
    slope(one, "critic", 3, 1.0)  # Q = a
    uniform, around = torch.tensor([[0.2], [0.4]]), torch.zeros(2, 2, 1)
    around[1] = 1.0  # one deviation beyond π(o') = 0
    given = batch(uniform=uniform, around=around)
    q = one.critic.value(one.params["critic"], SEEN, given["actions"])
    found = one.regulariser(one.params, q, given)
    by_hand = 0.0
    for a, done in ((0.2, 0.5), (0.4, -1.0)):
        high = [
            math.exp(a + math.log(2)),
            math.exp(0 + math.log(0.5) + HALF),
            math.exp(0.5 + math.log(0.5) + HALF + 0.5),
        ]
        by_hand += math.log(sum(high) / 3) - done
    assert value_of(found) == pytest.approx(3 * by_hand, rel=1e-5)  # two critics, mean of agents


def test_the_search_finds_actions_that_no_slope_leads_to():
    one = linear("omar", rounds=2, tries=4)
    slope(one, "critic", 3, -1.0)  # smaller actions are better
    search = torch.zeros(2, 2, 4, 1)
    search[0, 0, :, 0] = torch.tensor([0.1, -0.2, -0.3, 0.4])  # times 2: 0.2, −0.4, −0.6, 0.8
    search[0, 1, :, 0] = torch.tensor([0.1, 0.2, 0.3, 0.4])
    search[1, 0, :, 0] = torch.tensor([0.0, -1.0, 2.0, 1.0])
    near = one.near(
        one.params["critic"], torch.tensor([[0.0], [0.1]]), {**batch(), "search": search}
    )
    # The first: elites −0.6 and −0.4, mean −0.5, deviation 0.1414; the second round: −0.6414.
    # The second agent: all that it tried is above 0.1.
    assert near[0, 0] == pytest.approx(-0.5 - math.sqrt(0.02), abs=1e-6)
    assert near[1, 0] == pytest.approx(0.1)
    given = torch.tensor([[[0.2, 0.4]]])
    loss = one.policy_loss(given, torch.tensor([[1.0], [0.0]]), torch.tensor([[0.0], [0.0]]))
    assert value_of(loss) == pytest.approx(-0.5 * 0.3 + 0.5 * 0.5 + 1e-3 * 0.5)


def test_shares_of_a_batch():
    x = torch.tensor([0.0, math.log(3.0)])
    assert shares(x, 1.0).tolist() == pytest.approx([0.5, 1.5])
    assert shares(x, 1e6).tolist() == pytest.approx([1.0, 1.0], rel=1e-4)


def mixer(one, group="mixer", **values):
    """What a hypernet gives, whatever the state."""
    for name, value in values.items():
        for of in (group, f"{group}_target"):
            one.params[of][f"{name}.layer1.bias"].data[0, 0] = torch.tensor(value)


def central(**more):
    state = torch.zeros(1, 4)
    return batch(state=state, next_state=state, terminals=torch.tensor([0.0]), **more)


def test_implicit_constraint_q_learning():
    one = linear("maicq", discount=0.9, embedding=1, temperature=1.0)
    mixer(one, w1=[1.0, 3.0], b1=[0.0], w2=[2.0], b2=[0.5])
    slope(one, "critic", 3, 1.0)  # Q_i = a
    slope(one, "critic_target", 3, 1.0)
    _, logs = one.losses(one.params, central(next_actions=torch.tensor([[1.0], [0.0]])), {})
    # Q̄_tot' = (1 + 0) · 2 + 0.5 = 2.5, y = 3 + 0.9 · 2.5; Q_tot = ELU(0.5 − 3) · 2 + 0.5
    total = 2 * (math.exp(-2.5) - 1) + 0.5
    assert value_of(logs["q"]) == pytest.approx(total)
    assert value_of(logs["critic_loss"]) == pytest.approx((total - 5.25) ** 2, rel=1e-5)
    # One step in the batch: shares are 1. Gains 2 and 6, over their mean 0.5 and 1.5.
    errors = (0.5**2 / 2 + HALF, 1.0 / 2 + HALF)
    assert value_of(logs["actor_loss"]) == pytest.approx(
        (0.5 * errors[0] + 1.5 * errors[1]) / 2, rel=1e-5
    )
    ended = central(next_actions=torch.ones(2, 1)) | {"terminals": torch.tensor([1.0])}
    _, logs = one.losses(one.params, ended, {})  # π(o') = 0 in the place of padding
    assert value_of(logs["critic_loss"]) == pytest.approx((total - 3.45) ** 2, rel=1e-5)


def test_local_values_of_a_global_regulariser():
    z, value = torch.tensor([0.5, -2.0]), torch.tensor([1.0, 3.0])
    by_hand = (1 + math.exp(-0.5) / 2 + math.exp(-2.5) + math.exp(-0.5) * 3 / 2) / 2
    assert value_of(local_value_loss(z, value, 2.0)) == pytest.approx(by_hand)
    low = local_value_loss(torch.tensor([-3.0]), torch.tensor([0.0]), 1.0)
    assert value_of(low) == pytest.approx(math.exp(-2))


def test_implicit_global_to_local_regularisation():
    one = linear("omiga", discount=0.9, alpha=2.0)
    mixer(one, w=[1.0, -3.0], b=[0.5])
    slope(one, "critic", 3, 1.0)
    slope(one, "critic_target", 3, 1.0)
    bias(one, "value", [[0.25]])
    bias(one, "value_target", [[2.0]])
    _, logs = one.losses(one.params, central(), {})
    # Q_tot = 0.5 − 3 + 0.5 = −2, y = 3 + 0.9 (2 + 6 + 0.5)
    assert value_of(logs["critic_loss"]) == pytest.approx((-2 - 10.65) ** 2, rel=1e-5)
    z = [(0.5 - 0.25) / 2, (-3 - 0.75) / 2]
    errors = (0.5**2 / 2 + HALF, 1.0 / 2 + HALF)
    actor = sum(math.exp(a) * b for a, b in zip(z, errors, strict=True)) / 2
    assert value_of(logs["actor_loss"]) == pytest.approx(actor, rel=1e-5)
    value = local_value_loss(torch.tensor(z), torch.tensor([0.25, 0.75]), 2.0)
    assert value_of(logs["value_loss"]) == pytest.approx(value_of(value), rel=1e-5)


def test_data_without_a_state_are_refused_where_a_mixer_needs_it():
    data = games.dataset("xor")
    del data.columns["entities"]
    with pytest.raises(BadValue, match=r"omiga weighs agents by the team's state, and .* no"):
        linear("omiga").source(data)
    linear("matd3bc").source(data)


@pytest.mark.parametrize("kind", [LinearMixer, MonotoneMixer])
def test_the_team_gains_where_an_agent_does(kind):
    net = kind(agents=3, states=5)
    rng = torch.Generator().manual_seed(0)
    params = net.init(rng)
    q = torch.randn(2, 4 * 3, generator=rng, requires_grad=True)
    total = net.mix(params, q, torch.randn(4, 5, generator=rng))
    assert total.shape == (2, 4)
    total.sum().backward()
    assert (q.grad >= 0).all()
    assert q.grad.max() > 0


def test_batch_constrained_q_learning_of_numbers():
    one = linear("mabcq", discount=0.9, samples=1, pessimism=0.75)
    bias(one, "critic_target", [[1.0], [3.0]])
    one.params["encoder"]["layer0.bias"].data[0, 0] = torch.tensor([1.0, 0.0, 0.0, 0.0])
    slope(one, "actor", 3, 1.0)  # decoded: tanh of the first latent
    slope(one, "critic", 3, 2.0)
    _, logs = one.losses(one.params, batch(noise=torch.zeros(2, 3, 2)), {})
    # λ min + (1 − λ) max = 1.5: y = 3.35 and 5.35; Q = 1 and −2, twice
    assert value_of(logs["critic_loss"]) == pytest.approx(2.35**2 + 7.35**2, rel=1e-5)
    # Latent means 1 and 0 with deviation 1: KL 0.5 · 1 of one of two numbers.
    away = ((math.tanh(1) - 0.5) ** 2 + (math.tanh(1) + 1) ** 2) / 2
    assert value_of(logs["clone_loss"]) == pytest.approx(away + 0.5 * 0.25, rel=1e-5)
    assert value_of(logs["perturbation_loss"]) == pytest.approx(0.0)


def test_batch_constrained_q_learning_of_choices():
    one = linear("mabcq", choices=True, discount=0.9)
    for member in (0, 1):  # Q̄ = 5 where the second choice is taken, −5 where it is not
        one.params["critic_target"]["layer0.weight"].data[member, 4, 0] = 5.0
    given = batch(actions=torch.tensor([[1.0, -1.0], [-1.0, 1.0]]))
    bias(one, "actor", [[1.0, 0.0]])  # e⁻¹ = 0.37 of the likeliest: too little
    _, logs = one.losses(one.params, given, {})
    assert value_of(logs["critic_loss"]) == pytest.approx(2.5**2 + 0.5**2)  # y = 2 − 4.5, 4 − 4.5
    log = torch.tensor([1.0, 0.0]).log_softmax(-1)
    assert value_of(logs["clone_loss"]) == pytest.approx(-float(log.sum()) / 2)
    bias(one, "actor", [[0.5, 0.0]])
    _, logs = one.losses(one.params, given, {})
    assert value_of(logs["critic_loss"]) == pytest.approx(6.5**2 + 8.5**2)


def fresh(id, *, choices=False, **changes):
    """With networks at random, in the game with the most choices."""
    spec, task = agent(id), games.task_of("climbing", choices=choices)
    target = resolve_agent(spec)
    config = target.configure(spec, "tiny", task, batch_size=8, **changes)
    return target.create(config, task, seed=0)


@pytest.mark.parametrize("choices", [False, True])
def test_what_is_constrained_acts_as_it_was_trained(choices):
    one = fresh("mabcq", choices=choices)
    for p in one.params["actor"].values():
        p.data *= 30  # far from alike
    obs = {"observation": np.ones((4, 2, 1), np.float32)}
    action, _ = one.policy().act(obs, None, rng(4))
    seen = torch.as_tensor(one.flat(obs["observation"])).flatten(0, 1)
    given = {}
    if not choices:
        noise = rng(4).standard_normal((4, 2, 2, 2)).astype(np.float32).reshape(8, 2, 2)
        given = {"noise": torch.cat([torch.zeros(8, 2, 2), torch.as_tensor(noise)], 1)}
    possible, allowed = one.possible(one.params, seen, given)
    q = one.values(one.params["critic"], seen, possible)[0].masked_fill(~allowed, -torch.inf)
    best = possible[torch.arange(8), q.argmax(-1)].detach()
    expected = one.policy().taken(best.numpy(), 4)
    np.testing.assert_allclose(action, expected, atol=1e-6)


def rng(rows):
    return BatchGenerator([generator(0, row) for row in range(rows)])


def test_a_diffusion_of_joint_actions():
    one = linear("diffusion-bc", diffusion_steps=4)
    one.params["denoiser"]["layer0.weight"].data[0, 4, 1] = 1.0  # of the second agent, t / K
    noise = torch.tensor([[0.5], [-0.25]])
    loss, _ = one.losses(one.params, batch(noise=noise, step=torch.tensor([2])), {})
    assert value_of(loss) == pytest.approx((0.5**2 + 0.75**2) / 2)
    slope(one, "denoiser", 2, 1.0)  # of the first agent, its noisy action
    one.params["denoiser"]["layer0.weight"].data[0, 2, 1] = 0.0
    loss, _ = one.losses(one.params, batch(noise=noise, step=torch.tensor([2])), {})
    signal = float(one.schedule.signal[2])
    noisy = 0.5 * math.sqrt(signal) + 0.5 * math.sqrt(1 - signal)
    assert value_of(loss) == pytest.approx(((noisy - 0.5) ** 2 + 0.75**2) / 2, rel=1e-5)


def test_denoising_is_ancestral_sampling():
    """As that of subgoals, where no clean action is beyond ±1; of arrays and of tensors."""
    beta = torch.full((4,), 0.1)
    schedule = Schedule(beta, (1 - beta).cumprod(0))
    noise = 0.2 * np.random.default_rng(0).standard_normal((4, 6, 1)).astype(np.float32)
    whole = torch.as_tensor(np.concatenate([noise, noise[:1]])).reshape(5, 3, 2, 1)
    expected = sample(lambda x, step: 0.1 * x, whole, schedule, "noise").reshape(6, 1).numpy()
    steps = steps_of(schedule.beta, schedule.signal)
    found = denoised(lambda x, time: 0.1 * x, noise, steps)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert found.dtype == np.float32
    several = denoised(lambda x, time: 0.1 * x, torch.as_tensor(noise).expand(3, -1, -1, -1), steps)
    np.testing.assert_allclose(several[2].numpy(), expected, atol=1e-6)
    # Clean actions beyond ±1 are taken for ±1.
    far = denoised(lambda x, time: 0 * x, np.full((1, 1, 1), 9.0), steps_of([0.5], [0.5]))
    assert far.item() == pytest.approx(1.0)


@pytest.mark.parametrize("id", ["diffusion-bc", "dof"])
def test_a_diffusion_acts_as_it_was_trained(id):
    one = fresh(id)
    obs = {"observation": np.ones((4, 2, 1), np.float32)}
    action, _ = one.policy().act(obs, None, rng(4))
    k = one.config.diffusion_steps
    noise = torch.as_tensor(rng(4).standard_normal((4, k, 2, 1)).astype(np.float32))
    seen, net = torch.as_tensor(one.flat(obs["observation"])).flatten(0, 1), one.denoiser
    found = denoised(
        lambda x, time: net.apply(one.params["denoiser"], seen, x, net.at(x, time)),
        noise.transpose(0, 1).flatten(1, 2),
        steps_of(one.schedule.beta, one.schedule.signal),
    )
    np.testing.assert_allclose(action.reshape(8, 1), found.detach().clamp(-1, 1), atol=1e-5)


def test_a_diffusion_of_what_agents_will_see():
    """By hand: a denoiser that says 0.25 for every number, and windows of two observations."""
    one = linear("madiff", ahead=1, diffusion_steps=4)
    one.params["denoiser"]["layer0.bias"].data[:] = 0.25
    noise = torch.tensor([[9.0, 0.5], [1.0, -0.25]])  # the first step of the first agent is known
    given = {
        "actions": torch.tensor([[0.1, 0.2], [0.3, 0.4]]),
        "did": torch.tensor([[0.5], [-1.0]]),
        "noise": noise,
        "step": torch.tensor([2]),
        "known": torch.tensor([[1.0], [0.0]]),
        "observations": torch.tensor([[2.0, 1.0, 1.0], [2.0, 1.0, 0.0]]),
    }
    _, logs = one.losses(one.params, given, {})
    expected = (0.05**2 + 0.05**2 + 0.15**2) / 3  # from 0.2, 0.3 and 0.4
    assert value_of(logs["denoising_loss"]) == pytest.approx(expected)
    assert value_of(logs["inverse_loss"]) == pytest.approx((0.25 + 1) / 2)
    # What is known is given without noise: its weight alone.
    one.params["denoiser"]["layer0.weight"].data[0, 6, 1] = 1.0  # after 2 × 3 told numbers
    _, logs = one.losses(one.params, given, {})
    expected = ((0.1 + 0.25 - 0.2) ** 2 + 0.05**2 + 0.15**2) / 3
    assert value_of(logs["denoising_loss"]) == pytest.approx(expected, rel=1e-5)
    # The inverse dynamics see both observations and who it is.
    for place, weight in enumerate((1.0, 10.0, 100.0, 1000.0)):
        slope(one, "inverse", place, weight)
    found = one.inverse(one.params["inverse"], given["actions"])
    np.testing.assert_allclose(found[:, 0].detach(), [102.1, 1004.3], rtol=1e-6)


def test_a_decision_transformer_reads_its_last_steps():
    """By hand: no block, an embedding that passes two numbers on, a linear end."""
    one = linear("madt", context=2, width=2)
    assert not any(name.startswith("block") for name in one.params["actor"])
    one.params["actor"]["embed.weight"].data[0, 0] = 1.0  # the return to go
    one.params["actor"]["head.weight"].data[0, 0] = 0.3
    tokens = torch.zeros(2, 2, 5)
    tokens[:, 1, 0] = torch.tensor([4.0, -4.0])  # normalised: 1 and −1, the other number −1 and 1
    tokens[:, 0] = 7.0  # the step before, which without attention says nothing
    given = {"tokens": tokens, "actions": torch.tensor([[0.5], [-1.0]])}
    loss, _ = one.losses(one.params, given, {})
    expected = ((math.tanh(0.3) - 0.5) ** 2 + (math.tanh(-0.3) + 1) ** 2) / 2
    assert value_of(loss) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("choices", [False, True])
def test_windows_hold_what_is_still_to_come(choices):
    data = games.dataset("rare")
    one = fresh("madt", choices=choices)
    source = one.source(data)
    one.measure(source)
    to_go = source.store.columns["to_go"]
    np.testing.assert_allclose(to_go[::2], data.columns["rewards"][::2, 0])
    assert not to_go[1::2].any()
    mean, deviation = to_go.mean(), to_go.std()
    # A tenth of the episodes is paid 2: the others of the best tenth hardly count.
    assert one.buffers["wanted"][0] == pytest.approx((2 - mean) / deviation, rel=0.05)
    drawn = source.sampler.sample(8, generator(0))
    batch = one.prepared(dict(drawn))
    assert batch["tokens"].shape == (16, one.config.context, 1 + 3 + one.outputs)
    paid = torch.as_tensor(drawn["to_go"][:, -2]).repeat_interleave(2)
    np.testing.assert_allclose(batch["tokens"][:, -1, 0], (paid - mean) / deviation, rtol=1e-4)


@pytest.mark.parametrize("choices", [False, True])
def test_a_decision_transformer_acts_as_it_was_trained(choices):
    one = fresh("madt", choices=choices)
    obs = {"observation": np.ones((4, 2, 1), np.float32)}
    policy, state = one.policy(), None
    for _ in range(4):
        action, state = policy.act(obs, state, None)
    found = one.apply(one.params["actor"], torch.as_tensor(state.tokens)).detach().numpy()
    expected = policy.taken(found if choices else np.tanh(found), 4)
    np.testing.assert_allclose(action, expected, atol=1e-5)
    assert state.step == 4


@pytest.mark.parametrize("knows", ["own", "all"])
def test_an_imagined_team_is_denoised_as_it_was_trained(knows):
    one = fresh("madiff", knows=knows, guidance=1.0)  # which is the told denoiser alone
    teams = 2 if knows == "own" else 1
    one.buffers["wanted"][:] = 1.5
    policy = one.policy()
    obs = {"observation": np.full((3, 2, 1), 0.6, np.float32)}
    action, state = policy.act(obs, None, rng(3))
    assert state == 1
    k, width = one.config.diffusion_steps, one.seats.numbers
    noise = rng(3).standard_normal((3, k, teams * 2, width)).astype(np.float32)
    noise = torch.as_tensor(noise).transpose(0, 1).reshape(k, -1, width)
    known = torch.eye(2) if knows == "own" else torch.ones(1, 2)
    known = known.reshape(1, -1, 1).repeat(3, 1, 1).reshape(-1, 1)
    told = torch.cat([torch.full_like(known, 1.5), torch.ones_like(known), known], -1)
    held = known * torch.eye(1, width)

    def predict(x, time):
        given, net = held * 0.2 + (1 - held) * x, one.denoiser  # 0.6 of 3 deviations
        clean = net.apply(one.params["denoiser"], told, given, net.at(x, time))
        signal = one.schedule.signal[round(time * k)]
        return (x - signal.sqrt() * clean) / (1 - signal).sqrt()

    x = denoised(predict, noise, steps_of(one.schedule.beta, one.schedule.signal))
    x = (held * 0.2 + (1 - held) * x).reshape(3, teams, 2, width)
    mine = x.diagonal(dim1=1, dim2=2).movedim(-1, 1) if knows == "own" else x[:, 0]
    found = one.inverse(one.params["inverse"], mine.reshape(6, width)[:, :2]).detach()
    np.testing.assert_allclose(action.reshape(6, 1), found.clamp(-1, 1), atol=1e-5)


def test_a_diffusion_of_each_agent_climbs_values():
    one = linear("dof", discount=0.9, climb=2.0, diffusion_steps=1)
    bias(one, "critic_target", [[1.0], [3.0]])
    slope(one, "critic", 3, 2.0)
    signal = float(one.schedule.signal[0])
    start = torch.tensor([[[0.25], [-0.5]]]) * math.sqrt(signal)  # denoised to 0.25 and −0.5
    noise = torch.tensor([[0.5], [-1.0]])
    given = batch(noise=noise, step=torch.tensor([0, 0]), start=start, next_start=start)
    loss, logs = one.losses(one.params, given, {})
    assert value_of(logs["critic_loss"]) == pytest.approx(1.9**2 + 6.9**2)  # as TD3's: y = r + 0.9
    assert value_of(logs["denoising_loss"]) == pytest.approx((0.25 + 1) / 2)
    climbed = -(0.5 - 1.0) / 2 / 0.75  # Q = 0.5 and −1 of what was denoised
    expected = 1.9**2 + 6.9**2 + 0.625 + 2 * climbed
    assert value_of(loss) == pytest.approx(expected, rel=1e-5)
    loss.backward()
    assert one.params["denoiser"]["layer0.bias"].grad.abs().max() > 0
