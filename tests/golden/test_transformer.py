"""The paper's networks: attention by hand, symmetries, and how they begin."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from entitybench.agents.common.goal.layout import Layout
from entitybench.agents.common.goal.networks import normalise
from entitybench.agents.common.goal.transformer import EntityTransformer
from entitybench.agents.common.standard import Standardised, restore, set_statistics, standardise
from entitybench.agents.common.transformer import attend, block, init_block, modulate
from entitybench.agents.hecrl.transformer import (
    RegressorTransformer,
    SubgoalTransformer,
    in_order,
    sinusoid,
)
from entitybench.registry import tasks

LAYOUT = Layout.of(tasks()["push-3blocks"])
ROWS = 6


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def entities(seed):
    return torch.randn(ROWS, LAYOUT.entities, LAYOUT.features, generator=rng(seed))


def stirred(params, seed=9):
    """Parameters as after some training: nothing is zero any more."""
    return {k: v + 0.4 * torch.randn(v.shape, generator=rng(seed)) for k, v in params.items()}


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def test_attention_by_hand():
    members, batch, tokens, others, width, heads = 2, 3, 4, 5, 8, 2
    params = stirred(init_block("a", members, width, (8,), rng()))
    query = torch.randn(members, batch, tokens, width, generator=rng(1))
    context = torch.randn(members, batch, others, width, generator=rng(2))
    got = attend(params, "a", query, context, heads, "float32")
    w = {k: params[f"a.{k}.weight"].numpy() for k in ("query", "key", "value", "out")}
    for e in range(members):
        for b in range(batch):
            q = query[e, b].numpy() @ w["query"][e]
            k, v = (context[e, b].numpy() @ w[name][e] for name in ("key", "value"))
            mixed = []
            for h in range(heads):
                part = slice(h * width // heads, (h + 1) * width // heads)
                weights = softmax(q[:, part] @ k[:, part].T / np.sqrt(width / heads))
                mixed.append(weights @ v[:, part])
            expected = np.concatenate(mixed, -1) @ w["out"][e]
            np.testing.assert_allclose(got[e, b].numpy(), expected, atol=1e-5)


def test_a_block_is_two_residual_steps():
    params = stirred(init_block("a", 1, 8, (8,), rng(), crossing=True))
    x, context = (torch.randn(1, 2, 3, 8, generator=rng(k)) for k in (1, 2))

    def norm(name, y):
        return normalise(y) * params[f"a.{name}.scale"] + params[f"a.{name}.shift"]

    y = x + attend(params, "a", norm("norm", x), norm("context_norm", context), 2, "float32")
    inner = torch.nn.functional.gelu(
        norm("mlp_norm", y) @ params["a.mlp0.weight"] + params["a.mlp0.bias"]
    )
    expected = y + inner @ params["a.mlp1.weight"] + params["a.mlp1.bias"]
    torch.testing.assert_close(block(params, "a", x, context, None, 2, "float32"), expected)


def test_a_conditioned_block_begins_as_the_identity_and_can_leave_it():
    params = init_block("a", 1, 8, (8,), rng(), condition=4)
    x, condition = torch.randn(1, 2, 3, 8, generator=rng(1)), torch.randn(1, 2, 1, 4)
    assert torch.equal(block(params, "a", x, None, condition, 2, "float32"), x)
    params["a.modulation.weight"].requires_grad_()
    block(params, "a", x, None, condition, 2, "float32").square().sum().backward()
    gates = params["a.modulation.weight"].grad[0].unflatten(-1, (6, 8)).abs().sum((0, 2)) > 0
    assert gates.tolist() == [False, False, True, False, False, True]
    open_ = init_block("a", 1, 8, (8,), rng(), condition=4, zero=False)
    assert not torch.equal(block(open_, "a", x, None, condition, 2, "float32"), x)


def test_modulation():
    assert modulate(torch.tensor(3.0), torch.tensor(1.0), torch.tensor(0.5)) == 5.5


def test_fresh_weights():
    net = EntityTransformer(LAYOUT, 1, 2, with_action=True)
    for name, p in net.init(rng()).items():
        assert p.shape[0] == 2, name
        if "modulation" in name or name.endswith((".bias", ".shift")):
            assert not p.any(), name
        elif name.endswith(".scale"):
            assert (p == 1).all(), name
        else:
            tolerance = 5 / np.sqrt(2 * p.numel())  # five standard errors of a deviation
            assert float(p.std() / 0.02) == pytest.approx(1, abs=tolerance), name


@pytest.mark.parametrize("with_action", [False, True])
def test_entities_are_sets(with_action):
    net = EntityTransformer(LAYOUT, 2, 2, with_action, width=16, hidden=16, heads=2)
    params = stirred(net.init(rng()))
    state, goal = entities(1), entities(2)
    action = torch.rand(ROWS, LAYOUT.action_dim) if with_action else None
    out = net.apply(params, state, goal, action)
    assert out.shape == (2, ROWS, 2)
    # The order of the state's entities is free, and that of the goal's too: ids tell who is who.
    again = net.apply(params, state[:, [2, 0, 3, 1]], goal[:, [1, 3, 2, 0]], action)
    torch.testing.assert_close(again, out, atol=1e-4, rtol=1e-4)
    for other in ((goal, state, action), (state.flip(0), goal, action)):
        assert not torch.allclose(net.apply(params, *other), out, atol=1e-3)
    fewer = net.apply(params, state[:, :2], goal[:, :2], action)
    assert fewer.shape == out.shape
    for k in range(2):
        alone = net.apply({n: p[k : k + 1] for n, p in params.items()}, state, goal, action)
        torch.testing.assert_close(alone[0], out[k], atol=1e-5, rtol=1e-4)


def test_the_action_reaches_q():
    net = EntityTransformer(LAYOUT, 1, 2, with_action=True, width=16, hidden=16, heads=2)
    params, state, goal = net.init(rng()), entities(1), entities(2)
    low, high = -torch.ones(ROWS, 2), torch.ones(ROWS, 2)
    assert torch.equal(*(net.apply(params, state, goal, a) for a in (low, high)))  # AdaLN-zero
    params = stirred(params)
    assert not torch.allclose(*(net.apply(params, state, goal, a) for a in (low, high)))


def test_the_diffuser_is_equivariant():
    net = SubgoalTransformer(LAYOUT, 10, width=16, hidden=16, layers=2, heads=2)
    params = stirred(net.init(rng()))
    state, noisy, goal, step = entities(1), entities(2), entities(3), torch.arange(ROWS)
    out = net.apply(params, state, goal, noisy, step)
    assert out.shape == (ROWS, LAYOUT.entities, LAYOUT.features)
    order = [2, 0, 3, 1]
    again = net.apply(params, state[:, [3, 2, 1, 0]], goal[:, [1, 0, 2, 3]], noisy[:, order], step)
    torch.testing.assert_close(again, out[:, order], atol=1e-4, rtol=1e-4)
    for other in (
        (goal, state, noisy, step),  # the slots differ
        (state, goal, noisy, step + 1),
        (state, goal, noisy.flip(0), step),
    ):
        assert not torch.allclose(net.apply(params, *other), out, atol=1e-3)


def test_the_regressor_is_equivariant():
    net = RegressorTransformer(LAYOUT, width=16, hidden=16, heads=2)
    params = stirred(net.init(rng()))
    state, goal = entities(1), entities(2)
    out = net.apply(params, state, goal)
    order = [2, 0, 3, 1]
    again = net.apply(params, state[:, order], goal[:, [1, 0, 2, 3]])
    torch.testing.assert_close(again, out[:, order], atol=1e-4, rtol=1e-4)


def test_time_embedding():
    table = sinusoid(torch.tensor([0, 3]), 8)
    assert table[0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    rates = 10_000.0 ** -(np.arange(4) / 3)
    np.testing.assert_allclose(table[1], [*np.sin(3 * rates), *np.cos(3 * rates)], rtol=1e-5)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_precisions_agree(precision):
    net = EntityTransformer(LAYOUT, 8, precision=precision)
    params = stirred(net.init(rng()))
    exact = EntityTransformer(LAYOUT, 8).apply(params, entities(1), entities(2))
    out = net.apply(params, entities(1), entities(2))
    assert out.dtype == torch.float32
    assert (out - exact).square().mean() < 1e-3 * exact.square().mean()


class Echo:
    """Gives back what it sees of state and goal."""

    outputs = 3

    def init(self, generator):
        return {"w": torch.ones(1)}

    def apply(self, params, state, goal, *rest):
        return torch.cat([state, goal, *rest], -1)


def test_standardised_features():
    net = Standardised(Echo(), 2)
    params = net.init(rng())
    x = torch.tensor([[[0.0, 1.0], [2.0, 1.0]], [[4.0, 1.0], [2.0, 1.0]]])
    action = torch.full((2, 2, 1), 7.0)
    assert torch.equal(net.apply(params, x, x)[..., :2], x)
    set_statistics(params, x)
    # mean 2, deviation sqrt(8 / 3); the second feature never changes
    seen = net.apply(params, x, x + 100, action)
    deviation = np.sqrt(8 / 3)
    expected = [[-2 / deviation, 0.0], [0.0, 0.0]]
    np.testing.assert_allclose(seen[0, :, :2], expected, atol=1e-6)
    assert (seen[..., 2:4] == 5).all()  # clipped
    assert (seen[..., 4] == 7).all()  # actions as they are
    torch.testing.assert_close(restore(params, standardise(params, x)), x)
    other = Echo().init(rng())
    set_statistics(other, x)
    assert list(other) == ["w"]


def test_a_sample_in_any_order_is_put_in_the_order_of_the_state():
    state = entities(1)
    state[..., LAYOUT.ids] = torch.eye(LAYOUT.entities, LAYOUT.features - LAYOUT.ids.start)
    wanted = state.clone()
    wanted[..., LAYOUT.position] += 0.3
    order = torch.stack([torch.randperm(LAYOUT.entities, generator=rng(k)) for k in range(ROWS)])
    noisy = wanted + 0.05 * entities(2)  # ids are sampled too, and not exact
    shuffled = noisy.gather(1, order[..., None].expand_as(noisy))
    assert not torch.equal(shuffled, noisy)
    assert torch.equal(in_order(LAYOUT, shuffled, state), noisy)
