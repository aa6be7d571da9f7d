"""Every registered agent that trains keeps the contract of entitybench.types.Agent."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from agent_cases import TASK, fresh, load, train

from entitybench.agents.common.goal.agent import GoalIQL
from entitybench.agents.common.goal.layout import Layout
from entitybench.agents.common.goal.networks import EntityNet, FlatNet
from entitybench.agents.hecrl.networks import SubgoalNet
from entitybench.errors import BadValue, CheckpointError
from entitybench.registry import agent, agents, resolve, tasks
from entitybench.seeding import BatchGenerator, generator

OTHER = "push-3blocks"
TRAINED = [spec.id for spec in agents() if spec.trains and spec.weights_of is None]
VARIANTS = [spec.id for spec in agents() if spec.weights_of is not None]
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


@pytest.mark.parametrize("id", TRAINED)
def test_an_update_learns_something_and_counts(id, store):
    one = fresh(id, store)
    before = {k: v.clone() for k, v in tensors(one).items()}
    assert one.step == 0
    metrics = train(one, store, 1)
    assert one.step == 1
    assert one.total == sum(phase.updates for phase in one.config.phases)
    assert metrics
    assert all(isinstance(v, float) and np.isfinite(v) for v in metrics.values())
    after = tensors(one)
    for group in one.params:
        if group not in ("regressor", "diffuser"):  # these may begin later
            assert any(
                not torch.equal(v, after[k]) for k, v in before.items() if k.startswith(group)
            )


@pytest.mark.parametrize("id", TRAINED)
def test_every_network_learns_within_the_run(id, store):
    one = fresh(id, store)
    before = {k: v.detach().clone() for k, v in tensors(one).items() if "/" in k}
    train(one, store, one.total)
    after = tensors(one)
    for group in one.params:
        names = [k for k in before if k.startswith(f"{group}/")]
        assert any(not torch.equal(before[k], after[k]) for k in names), group
    assert all(torch.isfinite(v).all() for v in after.values())
    with pytest.raises(BadValue, match="training is complete"):
        one.advance(store)


@pytest.mark.parametrize("id", TRAINED)
def test_a_batch_depends_on_seed_and_step_alone(id, store):
    one, same, other = fresh(id, store), fresh(id, store), fresh(id, store, seed=1)
    train(one, store, 3)
    same.batch(store)  # drawing moves nothing
    train(same, store, 2)
    same.step = 3
    first, second = one.batch(store), same.batch(store)
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)
    other.step = 3
    assert not np.array_equal(first["observations"], other.batch(store)["observations"])
    one.step = 4
    assert not np.array_equal(first["observations"], one.batch(store)["observations"])


@pytest.mark.parametrize("id", TRAINED)
def test_the_same_seed_begins_the_same_and_another_does_not(id, store):
    assert_same(tensors(fresh(id, store)), tensors(fresh(id, store)))
    left, right = tensors(fresh(id, store)), tensors(fresh(id, store, seed=1))
    assert any(not torch.equal(v, right[k]) for k, v in left.items())


@pytest.mark.parametrize("id", TRAINED)
def test_resuming_gives_the_same_bits(id, store, tmp_path):
    whole, half = fresh(id, store), fresh(id, store)
    updates = whole.total
    train(whole, store, updates)
    for end in (updates // 3, updates - 4, updates):
        train(half, store, end - half.step)
        half.save(tmp_path / "checkpoint", training=True)
        half = load(id, tmp_path / "checkpoint")
    assert half.step == whole.step
    assert_same(tensors(whole), tensors(half))


@pytest.mark.parametrize("id", TRAINED)
def test_a_shipped_checkpoint_acts_as_the_agent_it_was_saved_from(id, store, tmp_path):
    one = fresh(id, store)
    train(one, store, one.total)
    one.save(tmp_path / "shipped", training=False)
    assert sorted(p.name for p in (tmp_path / "shipped").iterdir()) == [
        "agent.json",
        "weights.safetensors",
    ]
    again = load(id, tmp_path / "shipped")
    obs = observations(4)
    np.testing.assert_array_equal(act(one, obs), act(again, obs))
    meta = json.loads((tmp_path / "shipped" / "agent.json").read_text())
    assert meta["agent"] == id
    assert meta["task"] == TASK
    assert meta["step"] == meta["total"] == one.total
    assert meta["dataset"] == {"id": store.id, "content_hash": store.content_hash}
    assert set(meta["sha256"]) == {"weights.safetensors", "settings"}


def test_a_checkpoint_of_weights_replaces_one_with_training_state(store, tmp_path):
    one = fresh("gcbc", store)
    one.save(tmp_path / "c", training=True)
    assert (tmp_path / "c" / "training.safetensors").is_file()
    one.save(tmp_path / "c", training=False)
    assert not (tmp_path / "c" / "training.safetensors").exists()


@pytest.fixture(scope="module")
def hecrl(store, tmp_path_factory):
    """A trained HECRL agent and its shipped checkpoint."""
    one = fresh("hecrl", store)
    train(one, store, one.total)
    folder = tmp_path_factory.mktemp("hecrl") / "seed0"
    one.save(folder, training=False)
    return one, folder


@pytest.mark.parametrize("id", VARIANTS)
def test_variants_act_with_the_weights_of_another_agent(id, hecrl):
    spec = agent(id)
    one, folder = hecrl
    variant = load(id, folder)
    for name, value in spec.config.items():
        assert getattr(variant.config, name) == value
    actions = act(variant, observations(3))
    assert actions.shape == (3, 2, 2)
    assert np.abs(actions).max() <= 1
    if variant.config.high_level == "none":
        straight = one.act(*(torch.as_tensor(x) for x in observations(3).values()))
        np.testing.assert_array_equal(actions[:, 0], straight.detach().numpy())


@pytest.mark.parametrize("id", TRAINED)
def test_actions_of_a_row_depend_on_that_row(id, store):
    one = fresh(id, store)
    train(one, store, one.total)
    obs = observations(6)
    whole = act(one, obs)
    assert whole.shape == (6, 2, 2)
    assert whole.dtype == np.float32
    assert np.abs(whole).max() <= 1
    part = act(one, {k: v[2:4] for k, v in obs.items()}, first=2)
    np.testing.assert_allclose(part, whole[2:4], atol=2e-4)
    other = {k: v.copy() for k, v in obs.items()}
    other["desired_goal"][0, 1:, :2] += 0.1  # a subgoal model may not see this after 40 updates
    other["observation"][0, 0, :2] += 0.1
    np.testing.assert_array_equal(act(one, other)[1:], whole[1:])  # same batch: bit for bit
    assert not np.array_equal(act(one, other)[0], whole[0])


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


@pytest.mark.parametrize("id", TRAINED)
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


def test_unknown_presets_are_refused():
    spec = agent("hecrl")
    with pytest.raises(BadValue, match="huge"):
        resolve(spec.target).configure(spec, "huge", tasks()[TASK])


def test_agents_are_what_the_registry_says():
    for id in TRAINED:
        spec = agent(id)
        target = resolve(spec.target)
        assert issubclass(target, GoalIQL)
        for preset in spec.presets:
            made = target.configure(spec, preset, tasks()[TASK])
            assert (made.agent, made.preset) == (id, preset)
