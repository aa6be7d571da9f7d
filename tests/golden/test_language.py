"""The decoder, sampling with kept keys and values, and the losses of language models."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from entitybench.agents.common.language.decoder import Decoder, rotated, rotations
from entitybench.agents.common.language.losses import advantages, dpo_loss, grpo_loss, sft_loss
from entitybench.agents.common.language.sampling import _Kept, sample
from entitybench.seeding import generator

SIZES = Decoder(vocabulary=11, width=16, layers=2, heads=2)
STOP = 10


def params(seed=0, members=1, size=1.0):
    found = SIZES.init(torch.Generator().manual_seed(seed), members)
    return {
        name: p * size if "weight" in name or name == "embedding" else p
        for name, p in found.items()
    }


def by_loops(p, tokens):
    """Logits (T, V) of one sequence, written out token by token and head by head."""
    p = {name: value[0].double() for name, value in p.items()}
    x = torch.stack([p["embedding"][token] for token in tokens])

    def norm(v):
        spread = v.var(-1, correction=0, keepdim=True) + 1e-5
        return (v - v.mean(-1, keepdim=True)) / spread.sqrt()

    half = SIZES.per_head // 2

    def turned(v, place):
        out = v.clone()
        for f in range(half):
            angle = place / 10_000 ** (2 * f / SIZES.per_head)
            out[f] = v[f] * math.cos(angle) - v[f + half] * math.sin(angle)
            out[f + half] = v[f + half] * math.cos(angle) + v[f] * math.sin(angle)
        return out

    for k in range(SIZES.layers):
        parts = norm(x) @ p[f"attention{k}.weight"] + p[f"attention{k}.bias"]
        q, key, value = parts.split(SIZES.width, dim=-1)
        heard = torch.zeros_like(x)
        for h in range(SIZES.heads):
            part = slice(h * SIZES.per_head, (h + 1) * SIZES.per_head)
            for t in range(len(tokens)):
                mine = turned(q[t, part], t)
                fits = torch.stack([mine @ turned(key[s, part], s) for s in range(t + 1)])
                weights = torch.softmax(fits / SIZES.per_head**0.5, 0)
                heard[t, part] = weights @ value[: t + 1, part]
        x = x + heard @ p[f"joined{k}.weight"] + p[f"joined{k}.bias"]
        inner = F.gelu(norm(x) @ p[f"hidden{k}.weight"] + p[f"hidden{k}.bias"])
        x = x + inner @ p[f"closing{k}.weight"] + p[f"closing{k}.bias"]
    return norm(x) @ p["out.weight"] + p["out.bias"]


def test_the_decoder_is_what_loops_say():
    p = params(size=3.0)
    tokens = [3, 1, 4, 1, 5, 9, 2]
    found = SIZES.logits(p, SIZES.states(p, torch.tensor([[tokens]])))[0, 0]
    torch.testing.assert_close(found.double(), by_loops(p, tokens), rtol=1e-4, atol=1e-4)


def test_members_and_leading_axes_do_not_mix():
    several = params(members=3)
    tokens = torch.randint(0, 11, (3, 4, 6), generator=torch.Generator().manual_seed(1))
    whole = SIZES.log_likelihood(several, tokens)
    for e in range(3):
        one = {name: p[e : e + 1] for name, p in several.items()}
        torch.testing.assert_close(SIZES.log_likelihood(one, tokens[e : e + 1])[0], whole[e])
    seeds = {name: p[:, None] for name, p in several.items()}
    torch.testing.assert_close(SIZES.log_likelihood(seeds, tokens[:, None])[:, 0], whole)


def test_log_likelihood_reads_no_token_to_come():
    p, tokens = params(size=3.0), torch.tensor([[[1, 2, 3, 4, 5]]])
    other = tokens.clone()
    other[..., -1] = 7
    torch.testing.assert_close(
        SIZES.log_likelihood(p, tokens)[..., :-1], SIZES.log_likelihood(p, other)[..., :-1]
    )


def test_angles_between_places_depend_on_their_distance_alone():
    x = torch.randn(2, 8, generator=torch.Generator().manual_seed(0))
    fits = []
    for first in (0, 5, 40):
        turned = rotated(x, rotations(torch.tensor([first, first + 3]), 8))
        fits.append(turned[0] @ turned[1])
    torch.testing.assert_close(fits[0], fits[1])
    torch.testing.assert_close(fits[0], fits[2])


def continued(p, prompt, chances, temperature=1.0):
    """What `sample` says for one row, everything read anew for each token."""
    said = []
    for chance in chances:
        row = torch.tensor([[[*prompt, *said]]])
        logits = SIZES.logits(p, SIZES.states(p, row))[0, 0, -1]
        if temperature == 0:
            token = int(logits.argmax())
        else:
            summed = torch.softmax(logits / temperature, -1).cumsum(-1)
            token = int((summed <= float(chance) * summed[-1]).sum())
        said.append(token)
        if token == STOP:
            break
    return said


@pytest.mark.parametrize("temperature", [0.0, 0.7, 1.0])
def test_samples_are_those_of_reading_everything_anew(temperature):
    p = params(2, size=4.0)
    rng = generator(0, "prompts")
    prompts = [rng.integers(0, 10, size).tolist() for size in (1, 4, 4, 7, 2, 9)]
    chances = generator(0, "chances").random((6, 12)).astype(np.float32)
    found = sample(SIZES, p, prompts, chances, stop=STOP, temperature=temperature)
    for prompt, row, said in zip(prompts, chances, found, strict=True):
        assert said.tolist() == continued(p, prompt, row, temperature)
    if temperature == 1.0:
        assert len({len(said) for said in found}) > 1  # rows end at different times


def test_a_row_does_not_depend_on_those_beside_it():
    p = params(3, size=4.0)
    prompts = [[1, 2, 3], [4], [5, 6, 7, 8, 9]]
    chances = generator(1, "chances").random((3, 20)).astype(np.float32)
    whole = sample(SIZES, p, prompts, chances, stop=STOP)
    for r in range(3):
        (alone,) = sample(SIZES, p, [prompts[r]], chances[r : r + 1], stop=STOP)
        np.testing.assert_array_equal(alone, whole[r])


@pytest.mark.parametrize("pads", [[0, 0, 0], [2, 0, 1]])
def test_one_token_is_read_as_many_are(pads):
    p, tokens = params(3, size=4.0), torch.tensor([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    more = torch.tensor([[4, 5], [6, 7], [8, 9]])
    by_one, by_many = (_Kept(SIZES, p, np.array(pads), 5, torch.device("cpu")) for _ in range(2))
    by_one.read(tokens), by_many.read(tokens)
    for t in range(2):
        one, many = by_one.read_one(more[:, t]), by_many.read_some(more[:, t : t + 1])
        torch.testing.assert_close(one, many, rtol=1e-4, atol=1e-4)


def test_tokens_come_as_often_as_they_are_likely():
    p = params(4, size=3.0)
    chances = generator(2, "chances").random((4000, 1)).astype(np.float32)
    found = np.concatenate(sample(SIZES, p, [[1, 2]] * 4000, chances, stop=STOP))
    logits = SIZES.logits(p, SIZES.states(p, torch.tensor([[[1, 2]]])))[0, 0, -1]
    shares = np.bincount(found, minlength=11) / 4000
    np.testing.assert_allclose(shares, torch.softmax(logits, -1).numpy(), atol=0.03)


def test_nothing_asked_is_nothing_said():
    assert sample(SIZES, params(), [], np.zeros((0, 5)), stop=STOP) == []
    assert [len(x) for x in sample(SIZES, params(), [[1]], np.zeros((1, 0)), stop=STOP)] == [0]


def test_advantages_by_hand():
    rewards = torch.tensor([[1.0, 0, 0, 0], [0.9, 0.9, 0.9, 0.9], [0, 0, 0, 0]])
    deviation = math.sqrt(3) / 4
    expected = torch.tensor([0.75, -0.25, -0.25, -0.25]) / (deviation + 1e-4)
    found = advantages(rewards)
    torch.testing.assert_close(found[0], expected)
    assert (found[1:] == 0).all()


def test_grpo_by_hand():
    log_p = torch.tensor([[-1.0, -2.0, -0.5], [-1.0, -1.0, -3.0]], requires_grad=True)
    old = torch.tensor([[-1.5, -2.0, -0.5], [-1.0, -1.4, -3.0]])
    mask = torch.tensor([[1.0, 1, 0], [0, 1, 1]])
    loss = grpo_loss(log_p, old, torch.tensor([1.0, -2.0]), mask, low=0.2, high=0.3)
    first = (min(math.exp(0.5), 1.3) + 1.0) / 2
    second = (-2 * math.exp(0.4) - 2.0) / 2  # a bad token that became likelier is not clipped
    assert loss.item() == pytest.approx(-(first + second) / 2, rel=1e-6)
    loss.backward()
    assert log_p.grad[0, 0] == 0  # beyond the clip
    assert log_p.grad[0, 2] == log_p.grad[1, 0] == 0  # not its own token
    assert log_p.grad[1, 2] == pytest.approx(0.5, rel=1e-6)


def test_a_dead_group_has_no_gradient_at_all():
    p = {name: value.requires_grad_() for name, value in params().items()}
    tokens = torch.randint(0, 11, (1, 8, 6), generator=torch.Generator().manual_seed(0))
    log_p = SIZES.log_likelihood(p, tokens)[0]
    rewards = torch.tensor([[1.0] * 4, [0.0] * 4])
    grpo_loss(log_p, log_p.detach(), advantages(rewards).flatten(), torch.ones(8, 5)).backward()
    assert all((value.grad == 0).all() for value in p.values())


def test_the_divergence_is_zero_at_the_reference_and_never_negative():
    log_p = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    other = torch.randn(3, 4, generator=torch.Generator().manual_seed(1))
    nothing, ones = torch.zeros(3), torch.ones(3, 4)
    near = grpo_loss(log_p, log_p, nothing, ones, reference=log_p, kl_weight=0.5)
    far = grpo_loss(log_p, log_p, nothing, ones, reference=other, kl_weight=0.5)
    assert near.item() == 0
    apart = (other - log_p).double()
    assert far.item() == pytest.approx(0.5 * (apart.exp() - apart - 1).mean().item(), rel=1e-5)


def test_sft_is_by_token_and_dpo_by_pair():
    log_p = torch.tensor([[-1.0, -2.0], [-3.0, -5.0]])
    assert sft_loss(log_p, torch.tensor([[1.0, 1], [1, 0]])).item() == pytest.approx(2.0)
    assert sft_loss(log_p, torch.zeros(2, 2)).item() == 0
    four = [torch.tensor([x]) for x in (-1.0, -2.0, -1.5, -1.0)]
    margin = (-1.0 + 1.5) - (-2.0 + 1.0)
    expected = math.log(1 + math.exp(-0.1 * margin))
    assert dpo_loss(*four, beta=0.1).item() == pytest.approx(expected, rel=1e-6)
