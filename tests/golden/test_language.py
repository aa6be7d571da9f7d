"""The small language model beside a plain one: full attention, row by row, without a cache."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from entitybench.agents.common.language.model import (
    Cache,
    Shape,
    continued,
    init,
    log_likelihoods,
    logits,
    packed,
)
from entitybench.agents.common.language.sampling import generate
from entitybench.errors import BadValue
from entitybench.seeding import BatchGenerator, generator

SMALL = Shape(tokens=11, width=16, layers=2, heads=2)
EOS = 3


def model(shape=SMALL, seed=0):
    """Parameters, larger than at the start, so that what is likely depends on the context."""
    params = init(shape, torch.Generator().manual_seed(seed))
    return {
        k: x * 12 if k not in ("norm", "shift") and x.dim() == 2 else x for k, x in params.items()
    }


def norm(x, scale, shift):
    mean = x.mean()
    return (x - mean) / torch.sqrt(((x - mean) ** 2).mean() + 1e-5) * scale + shift


def turned(x, position):
    """Rotary positions by complex numbers."""
    half = len(x) // 2
    angles = torch.tensor([position * 10_000.0 ** (-i / half) for i in range(half)])
    number = torch.complex(x[:half], x[half:]) * torch.polar(torch.ones(half), angles)
    return torch.cat([number.real, number.imag])


def plain(params, shape, tokens):
    """Logits after the last token of one row: every layer, every head, every pair in a loop."""
    size = shape.width // shape.heads
    xs = [params["embed"][token] for token in tokens]
    for k in range(shape.layers):
        ys = [norm(x, params[f"{k}.norm"], params[f"{k}.shift"]) @ params[f"{k}.qkv"] for x in xs]
        mixed = [torch.zeros(shape.width) for _ in xs]
        for head in range(shape.heads):
            cut = slice(head * size, (head + 1) * size)
            q, key, value = (
                [y[part * shape.width : (part + 1) * shape.width][cut] for y in ys]
                for part in range(3)
            )
            q, key = ([turned(x, i) for i, x in enumerate(each)] for each in (q, key))
            for i in range(len(xs)):
                scores = torch.stack([q[i] @ key[j] / math.sqrt(size) for j in range(i + 1)])
                weights = scores.exp() / scores.exp().sum()
                mixed[i][cut] = sum(weights[j] * value[j] for j in range(i + 1))
        xs = [x + m @ params[f"{k}.mix"] for x, m in zip(xs, mixed, strict=True)]
        for i, x in enumerate(xs):
            hidden = norm(x, params[f"{k}.norm2"], params[f"{k}.shift2"]) @ params[f"{k}.up"]
            hidden = hidden + params[f"{k}.up_bias"]
            inner = math.sqrt(2 / math.pi) * (hidden + 0.044715 * hidden**3)
            hidden = 0.5 * hidden * (1 + torch.tanh(inner))
            xs[i] = x + hidden @ params[f"{k}.down"] + params[f"{k}.down_bias"]
    return norm(xs[-1], params["norm"], params["shift"]) @ params["head"]


PROMPTS = [[1, 5, 7], [2], [4, 4, 9, 10, 0, 6]]


def rng(first=0, count=3):
    return BatchGenerator([generator(first + row, "sample") for row in range(count)])


def naive(params, prompt, draws, most, temperature=1.0):
    """One continuation, each token by a whole forward pass."""
    row = list(prompt)
    for step in range(most):
        said = plain(params, SMALL, row)
        if draws is None:
            row.append(int(said.argmax()))
        else:
            chances = (said.double() / temperature).softmax(0).cumsum(0)
            row.append(int(torch.searchsorted(chances, torch.tensor(draws[step]), right=True)))
        if row[-1] == EOS:
            break
    return row[len(prompt) :]


def test_the_small_size_is_that_of_the_measured_recipe():
    assert sum(x.numel() for x in init(Shape(tokens=81), torch.Generator()).values()) == 109_952


def test_the_forward_pass_is_the_plain_one():
    params = model()
    tokens, _ = packed(PROMPTS, [[]] * 3, 0)
    found = logits(params, SMALL, tokens)
    for row, prompt in enumerate(PROMPTS):
        for length in range(1, len(prompt) + 1):
            expected = plain(params, SMALL, prompt[:length])
            torch.testing.assert_close(found[row, length - 1], expected, atol=2e-5, rtol=1e-4)


def test_with_a_cache_it_is_the_plain_one_too():
    params = model()
    cache = Cache.empty(SMALL, 3, 12, params["embed"])
    tokens, there = torch.zeros(3, 6, dtype=torch.long), torch.zeros(3, 6, dtype=torch.bool)
    for row, prompt in enumerate(PROMPTS):
        tokens[row, 6 - len(prompt) :] = torch.tensor(prompt)
        there[row, 6 - len(prompt) :] = True
    rows = [list(prompt) for prompt in PROMPTS]
    said = continued(params, SMALL, tokens, there, cache)
    for more in ([1, 2, 3], [9, 8, 7], [0, 0, 10]):
        for row in range(3):
            expected = plain(params, SMALL, rows[row])
            torch.testing.assert_close(said[row], expected, atol=2e-5, rtol=1e-4)
            rows[row].append(more[row])
        new = torch.tensor(more)[:, None]
        said = continued(params, SMALL, new, torch.ones(3, 1, dtype=torch.bool), cache)


@pytest.mark.parametrize("drop", [True, False])
def test_the_likeliest_tokens(drop):
    params = model()
    found = generate(params, SMALL, PROMPTS, rng(), eos=EOS, most=9, drop=drop)
    assert found == [[naive(params, prompt, None, 9)] for prompt in PROMPTS]


@pytest.mark.parametrize("drop", [True, False])
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_samples(drop, temperature):
    params, most = model(), 12
    given = {"eos": EOS, "most": most, "samples": 6, "temperature": temperature, "drop": drop}
    found = generate(params, SMALL, PROMPTS, rng(), **given)
    draws = rng().random((3, 6, most))
    expected = [
        [naive(params, prompt, draws[row, k], most, temperature) for k in range(6)]
        for row, prompt in enumerate(PROMPTS)
    ]
    assert found == expected
    lengths = {len(each) for row in found for each in row}
    assert len(lengths) > 2  # some end, so that rows were taken out
    assert all(EOS not in each[:-1] for row in found for each in row)


def test_a_row_does_not_depend_on_its_neighbours():
    params = model()
    given = {"eos": EOS, "most": 10, "samples": 4, "drop": False, "columns": 8}
    whole = generate(params, SMALL, PROMPTS, rng(), **given)
    same = [PROMPTS[1]] * 3
    alone = generate(params, SMALL, same, rng(1, 1 + 2), **given)
    assert alone[0] == whole[1]


def test_samples_have_the_chances_of_the_model():
    params, count = model(seed=1), 4000
    (found,) = generate(params, SMALL, [[1, 5]], rng(count=1), eos=EOS, most=1, samples=count)
    share = np.bincount([each[0] for each in found], minlength=SMALL.tokens) / count
    chances = plain(params, SMALL, [1, 5]).softmax(0).numpy()
    error = np.sqrt(chances * (1 - chances) / count)
    assert (np.abs(share - chances) <= 4 * error + 1e-3).all()


def test_likelihoods_leave_out_prompts_and_padding():
    params = model()
    completions = [[2, 3], [7, 7, 7, 3], [3]]
    tokens, mask = packed(PROMPTS, completions, 0)
    found = log_likelihoods(params, SMALL, tokens)
    assert mask.sum(1).tolist() == [2, 4, 1]
    for row, (prompt, completion) in enumerate(zip(PROMPTS, completions, strict=True)):
        expected = [
            plain(params, SMALL, [*prompt, *completion[:k]]).log_softmax(0)[token]
            for k, token in enumerate(completion)
        ]
        torch.testing.assert_close(
            found[row][mask[row]], torch.stack(expected), atol=5e-5, rtol=1e-4
        )


def test_it_learns_to_copy():
    shape = Shape(tokens=8, width=32)
    params = {
        k: x.requires_grad_() for k, x in init(shape, torch.Generator().manual_seed(0)).items()
    }
    optimiser = torch.optim.AdamW(params.values(), lr=1e-2, betas=(0.9, 0.98))
    draw = generator(0, "copy")
    for _ in range(150):
        words = draw.integers(4, 8, (32, 3)).tolist()
        tokens, mask = packed([[1, *word, 2] for word in words], [[*w, 3] for w in words], 0)
        loss = -(log_likelihoods(params, shape, tokens) * mask).sum() / mask.sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    words = draw.integers(4, 8, (20, 3)).tolist()
    prompts = [[1, *word, 2] for word in words]
    found = generate(params, shape, prompts, rng(count=20), eos=EOS, most=6)
    assert [each for (each,) in found] == [[*word, 3] for word in words]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"prompts": [[1], []]}, "a prompt is empty"),
        ({"columns": 1, "prompts": [[1, 2]]}, "a prompt has 2 tokens"),
        ({"temperature": 0.0}, "temperature is above 0"),
        ({"samples": -1}, "samples"),
    ],
)
def test_wrong_arguments_are_refused(change, words):
    given = {"prompts": [[1]], "eos": EOS, "most": 2, "samples": 2} | change
    prompts = given.pop("prompts")
    with pytest.raises(BadValue, match=words):
        generate(model(), SMALL, prompts, rng(count=len(prompts)), **given)


def test_shapes_that_cannot_be_are_refused():
    with pytest.raises(BadValue, match="multiple of twice the heads, 8: got 12"):
        Shape(tokens=4, width=12)
    with pytest.raises(BadValue, match="layers"):
        Shape(tokens=4, layers=0)
