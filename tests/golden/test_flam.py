"""FLAM and its kit: what may not leak, and equations against loops or cases worked by hand."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from entitybench.agents.baselines.video.mono import coded
from entitybench.agents.common.vision.blocks import (
    by_slot,
    by_time,
    init_ages,
    layer,
    over_time,
)
from entitybench.agents.common.vision.latent import kl
from entitybench.agents.common.vision.tokenizer import Tokenizer, edges_apart, quantise
from entitybench.agents.flam.networks import Factored

SIZES = {
    "features": 5,
    "positions": 9,
    "slots": 3,
    "width": 8,
    "heads": 2,
    "blocks": 2,
    "iterations": 2,
    "action_dim": 2,
    "window": 3,
    "temporal": True,
    "coupled": False,
}
BATCH, STEPS = 2, 4


def network(**changes):
    """A network whose parameters are all away from where they begin."""
    made = Factored(**{**SIZES, **changes})
    rng = torch.Generator().manual_seed(0)
    params = {
        name: p + 0.3 * torch.randn(p.shape, generator=rng) for name, p in made.init(rng).items()
    }
    return made, params


def drawn(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def slots():
    return drawn(BATCH, STEPS, 3, 8, seed=2), drawn(BATCH, STEPS, 3, 8, seed=3)


def gradient(value, x):
    return torch.autograd.grad(value.sum(), x, retain_graph=True)[0]


# Leaks ------------------------------------------------------------------------


def test_an_action_sees_no_next_value_of_another_slot():
    made, params = network()
    now, following = slots()
    for found in made.inferred(params, now, following):
        for i in range(3):
            seen = gradient(found[:, :, i], following)
            others = [j for j in range(3) if j != i]
            assert (seen[:, :, others] == 0).all()  # exactly
            assert (seen[:, :, i] != 0).any((0, 2)).all()
            # What the others are at present may matter: interactions are allowed there.
            assert (gradient(found[:, :, i], now)[:, :, others] != 0).any()


def test_an_action_sees_one_step_ahead_and_no_further():
    made, params = network()
    now, following = slots()
    mean, _ = made.inferred(params, now, following)
    for t in range(STEPS):
        ahead = gradient(mean[:, t], following)
        assert (ahead[:, t] != 0).any()
        assert (ahead[:, t + 1 :] == 0).all()
        assert (gradient(mean[:, t], now)[:, t + 1 :] == 0).all()


def test_a_next_slot_hears_no_action_of_another():
    made, params = network()
    now, action = drawn(BATCH, 3, 8), drawn(BATCH, 3, 2, seed=4)
    after = made.step(params, now, action)
    for i in range(3):
        heard = gradient(after[:, i], action)
        others = [j for j in range(3) if j != i]
        assert (heard[:, others] == 0).all()  # exactly
        assert (heard[:, i] != 0).all(0).any()
        assert (gradient(after[:, i], now)[:, others] != 0).any()


def test_coupled_models_do_see_each_other():
    """So the tests above can fail."""
    made, params = network(coupled=True)
    now, following = slots()
    mean, _ = made.inferred(params, now, following)
    assert (gradient(mean[:, :, 0], following)[:, :, 1:] != 0).any()
    for t in range(STEPS):
        assert (gradient(mean[:, t], following)[:, t + 1 :] == 0).all()
    action = drawn(BATCH, 3, 2, seed=4)
    after = made.step(params, now[:, 0], action)
    assert (gradient(after[:, 0], action)[:, 1:] != 0).any()


@pytest.mark.parametrize("temporal", [True, False])
def test_slots_see_no_later_frame(temporal):
    made, params = network(temporal=temporal)
    tokens = drawn(BATCH, STEPS, 9, 5)
    found, share = made.factorize(params, tokens)
    assert found.shape == (BATCH, STEPS, 3, 8)
    torch.testing.assert_close(share.sum(-2), torch.ones(BATCH, STEPS, 9))
    for t in range(STEPS):
        seen = gradient(found[:, t], tokens)
        assert (seen[:, t + 1 :] == 0).all()
        assert (seen[:, : t + 1] != 0).any()
    assert ((gradient(found[:, 1], tokens)[:, 0]) != 0).any()  # but they know the one before


def test_without_time_slots_begin_as_those_before():
    made, params = network(temporal=False, iterations=1)
    tokens = drawn(1, 2, 9, 5)
    found, _ = made.factorize(params, tokens)
    begun = {**params, "slots": found[:, 0].detach()}
    again, _ = made.factorize(begun, tokens[:, 1:])
    torch.testing.assert_close(again[:, 0], found[:, 1])


# Parts ------------------------------------------------------------------------


def test_gates_are_those_of_torch():
    made, params = network()
    cell = torch.nn.GRUCell(8, 8)
    with torch.no_grad():
        for mine, theirs in (("input", "ih"), ("hidden", "hh")):
            getattr(cell, f"weight_{theirs}").copy_(params[f"slot.{mine}.weight"][0].T)
            getattr(cell, f"bias_{theirs}").copy_(params[f"slot.{mine}.bias"][0, 0])
    given, state = drawn(6, 3, 8), drawn(6, 3, 8, seed=5)
    expected = cell(given.flatten(0, 1), state.flatten(0, 1))
    torch.testing.assert_close(made._gru(params, given, state).flatten(0, 1), expected)


def test_slots_compete_for_tokens_as_by_loops():
    made, params = network()
    state, keys, values = drawn(1, 3, 8), drawn(1, 9, 8, seed=6), drawn(1, 9, 8, seed=7)
    _, share = made._compete(params, state, keys, values)
    scale, shift = params["slot.query.scale"][0, 0], params["slot.query.shift"][0, 0]
    asked = [
        layer(params, "slot.query", (F.layer_norm(s, (8,)) * scale + shift)[None, None])[0, 0]
        for s in state[0]
    ]
    for n in range(9):
        logits = [float((q @ keys[0, n]).detach()) / math.sqrt(8) for q in asked]
        total = sum(map(math.exp, logits))
        expected = [math.exp(x) / total for x in logits]
        np.testing.assert_allclose(share[0, :, n].tolist(), expected, rtol=1e-4)


def test_a_mask_of_time_hears_the_window_and_adds_by_age():
    params = {"a.ages": torch.tensor([[[0.5, 0.25, 0.125]]])}
    inf = -math.inf
    assert over_time(params, "a", 4, 4).tolist() == [
        [
            [0.5, inf, inf, inf],
            [0.25, 0.5, inf, inf],
            [0.125, 0.25, 0.5, inf],
            [inf, 0.125, 0.25, 0.5],
        ]
    ]
    assert over_time(params, "a", 2, 3, ahead=1).tolist() == [
        [[0.25, 0.5, inf], [0.125, 0.25, 0.5]]
    ]
    assert init_ages("b", 4, 6)["b.ages"].shape == (1, 4, 6)


def test_time_lines_and_back():
    x = torch.arange(24.0).view(2, 3, 4, 1)
    lines = by_slot(x)
    assert lines.shape == (8, 3, 1)
    assert lines[1, :, 0].tolist() == [1, 5, 9]
    assert torch.equal(by_time(lines, 4), x)


def test_quantisation_is_that_of_its_formula():
    levels = (8, 5)
    u = torch.linspace(-4, 4, 801)[:, None].expand(-1, 2).clone().requires_grad_()
    found = quantise(u, levels)
    assert sorted({round(x, 6) for x in found[:, 0].tolist()}) == [k / 4 for k in range(-4, 4)]
    assert sorted({round(x, 6) for x in found[:, 1].tolist()}) == [k / 2 for k in range(-2, 3)]
    assert quantise(torch.zeros(2), levels).tolist() == [0, 0]
    half, off = 7 * 0.999 / 2, 0.5
    value = half * math.tanh(0.7 + math.atanh(off / half)) - off
    assert quantise(torch.tensor([0.7, 0.0]), levels)[0].item() == round(value) / 4
    slope = torch.autograd.grad(found[:, 0].sum(), u)[0][470, 0]  # at 0.7, straight through
    h = 1e-4
    smooth = [half * math.tanh(0.7 + d + math.atanh(off / half)) / 4 for d in (-h, h)]
    assert slope.item() == pytest.approx((smooth[1] - smooth[0]) / (2 * h), rel=1e-2)


def test_a_tokenizer_makes_frames_of_their_size_and_all_of_it_learns():
    made = Tokenizer((8, 16, 16), (5, 5, 5))
    params = made.init(torch.Generator().manual_seed(0))
    params = {name: p.requires_grad_() for name, p in params.items()}
    frames = drawn(2, 3, 32, 32).sigmoid().detach().requires_grad_()
    tokens = made.encode(params, frames)
    assert tokens.shape == (2, 16, 16)
    again = made.decode(params, tokens)
    assert again.shape == frames.shape
    (again - frames).square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in params.values())
    # Tokens lie row by row: the fourth looks most at the upper right quarter.
    seen = gradient(made.encode(params, frames)[:, 3], frames).abs().sum((0, 1))
    assert seen.unflatten(1, (2, 16)).unflatten(0, (2, 16)).sum((1, 3)).argmax().item() == 1


def test_edges_are_differences_of_neighbours():
    true = torch.zeros(1, 1, 3, 3)
    made = true.clone()
    made[0, 0, 1, 1] = 1.0
    assert edges_apart(made, true).item() == pytest.approx(2 / 6 + 2 / 6)
    assert edges_apart(true + 0.5, true).item() == 0


def test_nats_are_those_of_torch():
    mean, log_deviation = drawn(4, 3), 0.3 * drawn(4, 3, seed=8)
    normal = torch.distributions.Normal
    expected = torch.distributions.kl_divergence(
        normal(mean, log_deviation.exp()), normal(torch.zeros(4, 3), torch.ones(4, 3))
    )
    torch.testing.assert_close(kl(mean, log_deviation), expected)


def test_codes_are_the_nearest_of_their_factor():
    codes = torch.tensor([[[1.0, 0.0], [0.0, 2.0]], [[-1.0, 0.0], [0.0, -1.0]]]).requires_grad_()
    given = torch.tensor([[[[3.0, 1.0], [1.0, -3.0]]]]).requires_grad_()  # B = T = 1, G = 2
    found, cost, logs = coded(given, codes)
    torch.testing.assert_close(found, torch.tensor([[[[1.0, 0.0], [0.0, -1.0]]]]))
    apart = 2 - 2 * 3 / math.sqrt(10)  # of unit vectors with this cosine
    assert cost.item() == pytest.approx(1.25 * apart, rel=1e-5)
    assert logs["codes"].item() == 1.0
    assert gradient(cost, codes)[0, 1].tolist() == [0, 0]  # not chosen
    assert gradient(found[..., 0], given).abs().sum() > 0  # straight through
