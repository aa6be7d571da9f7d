"""HECRL and the baselines on its kit: what holds for their networks and for them alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from agent_cases import TASK, fresh, load, train

from entitybench.agents.common.goal.layout import Layout
from entitybench.agents.common.goal.networks import EntityNet, FlatNet
from entitybench.agents.common.standard import Standardised, set_statistics
from entitybench.agents.hecrl.networks import SubgoalNet
from entitybench.agents.hecrl.transformer import SubgoalTransformer
from entitybench.errors import CheckpointError
from entitybench.leaderboard.evaluation.api import load_agent
from entitybench.leaderboard.evaluation.evaluate import evaluate
from entitybench.leaderboard.evaluation.stored import stored_records
from entitybench.registry import agent, agents, resolve, tasks
from entitybench.seeding import BatchGenerator, generator

OTHER = "push-3blocks"
VARIANTS = [spec.id for spec in agents() if spec.weights_of == "hecrl"]
ON_SETS = ["hecrl", "ec-iql"]  # their networks take any number of entities


def tensors(one):
    """All numbers that training depends on."""
    flat = {f"{group}/{k}": v for group, p in one.params.items() for k, v in p.items()}
    flat |= {f"buffer/{k}": v for k, v in one.buffers.items()}
    return flat | {f"optimiser/{k}": v for k, v in one._optimiser.state().items()}


def assert_same(left, right):
    assert left.keys() == right.keys()
    for name, value in left.items():
        assert torch.equal(value, right[name]), name


def observations(batch, task=TASK, seed=5):
    """Plausible observations of a task, for policies."""
    layout = Layout.of(tasks()[task])
    rng = np.random.default_rng(seed)
    obs = {}
    for name in ("observation", "desired_goal"):
        x = np.zeros((batch, layout.entities, layout.features), np.float32)
        x[..., layout.position] = rng.uniform(-0.3, 0.3, (*x.shape[:2], layout.positions))
        for row in range(layout.entities):
            x[:, row, layout.ids.start + row] = 1.0
        if name == "observation":
            x[:, 1:, layout.pose.start] = 1.0  # cos 4θ of an unturned block
        else:
            x[:, 0] = 0.0
        obs[name] = x
    return obs


def act(one, obs, *, steps=2, first=0):
    """Actions of `steps` steps on the same observation; row b draws as episode `first + b`."""
    policy, batch = one.policy(), len(obs["observation"])
    rng = BatchGenerator([generator(0, "episode", first + row) for row in range(batch)])
    state, actions = policy.initial_state(batch), []
    for _ in range(steps):
        action, state = policy.act(obs, state, rng)
        actions.append(action)
    return np.stack(actions, 1)


@pytest.fixture(scope="module")
def hecrl(store):
    """A trained HECRL agent."""
    one = fresh("hecrl", store)
    train(one, store, one.total)
    return one


def test_the_flat_variant_goes_straight_to_the_goal(hecrl, tmp_path):
    hecrl.save(tmp_path / "c", training=False)
    straight = hecrl.act(*(torch.as_tensor(x) for x in observations(3).values()))
    actions = act(load("hecrl-flat", tmp_path / "c"), observations(3))
    np.testing.assert_array_equal(actions[:, 0], straight.detach().numpy())


def test_shipped_weights_act_as_when_they_were_evaluated():
    """Bit for bit on such a processor; elsewhere rounding differs, and so may an episode or two."""
    stored = next(r for r in stored_records("push-3blocks") if r.label == "hecrl")
    before = [row for row in stored.rows if row.training_seed == 0 and row.item < 25]
    shipped = load_agent("hecrl", task="push-3blocks", seed=0)
    now = evaluate(shipped, "push-3blocks", episodes=25, threads=1)
    assert len(before) == len(now.rows) == 25
    if all(stored.versions[name] == now.versions[name] for name in ("cpu", "torch", "mujoco")):
        assert [row.digest for row in now.rows] == [row.digest for row in before]
    successes = [sum(row.values["success"] for row in rows) for rows in (before, now.rows)]
    assert abs(successes[0] - successes[1]) <= 4
    assert successes[1] >= 18


def permuted(x, order):
    return x[:, [0, *(1 + k for k in order)]]


@pytest.mark.parametrize("id", ["ec-iql"])
def test_the_order_of_the_blocks_does_not_matter(id, store):
    one = fresh(id, store)
    train(one, store, 5)
    obs = observations(4)
    swapped = {k: permuted(v, (1, 0)) for k, v in obs.items()}
    np.testing.assert_allclose(act(one, swapped), act(one, obs), atol=1e-5)


@pytest.mark.parametrize("id", ON_SETS)
def test_another_number_of_blocks(id, store, tmp_path):
    one = fresh(id, store)
    train(one, store, one.total)
    one.save(tmp_path / "c", training=False)
    zero_shot = load(id, tmp_path / "c", task=tasks()[OTHER])
    actions = act(zero_shot, observations(3, OTHER))
    assert actions.shape == (3, 2, 2)
    assert np.isfinite(actions).all()
    assert np.ptp(actions) > 0


@pytest.mark.parametrize("id", ["gciql", "gcbc", "hiql"])
def test_a_flat_agent_refuses_another_number_of_blocks(id, store, tmp_path):
    one = fresh(id, store)
    one.save(tmp_path / "c", training=False)
    with pytest.raises(CheckpointError, match=OTHER) as caught:
        load(id, tmp_path / "c", task=tasks()[OTHER])
    assert "\n" not in str(caught.value)


# The paper's networks, narrow ---------------------------------------------


def narrow(id, store, **changes):
    """The preset paper with small widths and few updates."""
    spec, task = agent(id), tasks()[TASK]
    target = resolve(spec.target)
    config = target.configure(spec, "paper", task)
    small = {"width": 8, "hidden": 8, "heads": 2, "blocks": 2, "batch_size": 16, "samples": 3}
    small |= {"subgoal_width": 8, "subgoal_hidden": 8, "subgoal_layers": 2, "compile": False}
    known = {field.name for field in dataclasses.fields(config)}
    phases = (dataclasses.replace(config.phases[0], updates=12),)
    small = {k: v for k, v in {**small, **changes}.items() if k in known}
    config = dataclasses.replace(config, phases=phases, **small)
    return target.create(config, task, seed=0, data=store)


@pytest.mark.parametrize("id", ["hecrl", "ec-iql", "hiql", "gciql", "gcbc"])
def test_the_paper_preset_trains_resumes_and_acts(id, store, tmp_path):
    whole, half = narrow(id, store), narrow(id, store)
    before = {k: v.detach().clone() for k, v in tensors(whole).items()}
    train(whole, store, 12)
    train(half, store, 5)
    half.save(tmp_path / "c", training=True)
    half = load(id, tmp_path / "c")
    train(half, store, 7)
    after = tensors(whole)
    assert_same(after, tensors(half))
    for group in whole.params:
        learned = [k for k in before if k.startswith(f"{group}/") and "fixed." not in k]
        assert any(not torch.equal(before[k], after[k]) for k in learned), group
        fixed = [k for k in before if k.startswith(f"{group}/fixed.")]
        assert len(fixed) == 2
        assert all(torch.equal(before[k], after[k]) for k in fixed)
        assert float(after[f"{group}/fixed.deviation"].max()) < 1.0  # of the data, no longer ones
    whole.save(tmp_path / "d", training=False)
    obs = observations(3)
    actions = act(whole, obs)
    np.testing.assert_array_equal(actions, act(load(id, tmp_path / "d"), obs))
    assert np.isfinite(actions).all()


def test_variants_of_the_paper_preset(store, tmp_path):
    one = narrow("hecrl", store)
    train(one, store, 3)
    one.save(tmp_path / "c", training=False)
    for id in VARIANTS:
        actions = act(load(id, tmp_path / "c", task=tasks()[OTHER]), observations(3, OTHER))
        assert actions.shape == (3, 2, 2)
        assert np.isfinite(actions).all()


# Networks ---------------------------------------------------------------


@pytest.mark.parametrize("with_action", [False, True])
def test_members_of_a_network_are_independent(with_action):
    layout = Layout.of(tasks()[TASK])
    state, goal = (torch.as_tensor(x) for x in observations(5).values())
    action = torch.rand(5, 2) if with_action else None
    for make in (EntityNet, FlatNet):
        net = make(layout, 1, 2, with_action)
        params = net.init(torch.Generator().manual_seed(0))
        both = net.apply(params, state, goal, action)
        assert both.shape == (2, 5, 1)
        for k in range(2):
            alone = net.apply({n: p[k : k + 1] for n, p in params.items()}, state, goal, action)
            torch.testing.assert_close(alone[0], both[k], atol=1e-5, rtol=1e-4)
        assert not torch.allclose(both[0], both[1])


def test_the_subgoal_network_is_equivariant():
    layout = Layout.of(tasks()[OTHER])
    state, goal = (torch.as_tensor(x) for x in observations(5, OTHER).values())
    net = SubgoalNet(layout, 10, 16, 16, 2)
    params = net.init(torch.Generator().manual_seed(0))
    noisy, step = torch.randn(5, layout.entities, layout.physicals), torch.arange(5)
    out = net.apply(params, state, goal, noisy, step)
    order = (2, 0, 1)
    again = net.apply(params, *(permuted(x, order) for x in (state, goal, noisy)), step)
    torch.testing.assert_close(again, permuted(out, order), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("standardised", [False, True])
@pytest.mark.parametrize("kind", [SubgoalNet, SubgoalTransformer])
def test_a_denoiser_is_the_network_of_one_state_and_goal(kind, standardised):
    layout = Layout.of(tasks()[OTHER])
    state, goal = (torch.as_tensor(x) for x in observations(5, OTHER).values())
    net = kind(layout, 10, 16, 16, 2)
    net = Standardised(net, layout.features) if standardised else net
    params = net.init(torch.Generator().manual_seed(0))
    if standardised:
        set_statistics(params, state)
    denoise = net.denoiser(params, state, goal)
    for seed in range(2):
        rng = torch.Generator().manual_seed(seed)
        noisy = torch.randn(5, layout.entities, net.outputs, generator=rng)
        step = torch.randint(10, (5,), generator=rng)
        assert torch.equal(denoise(noisy, step), net.apply(params, state, goal, noisy, step))


def test_bfloat16_products_are_near_the_exact_ones():
    layout = Layout.of(tasks()[TASK])
    state, goal = (torch.as_tensor(x) for x in observations(64).values())
    for make in (EntityNet, FlatNet):
        exact, rough = make(layout, 8), make(layout, 8, precision="bfloat16")
        params = exact.init(torch.Generator().manual_seed(0))
        a, b = (net.apply(params, state, goal) for net in (exact, rough))
        assert b.dtype == torch.float32
        assert not torch.equal(a, b)
        assert (a - b).square().mean() < 1e-3 * a.square().mean()
