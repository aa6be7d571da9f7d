"""Sampling from a language model, many rows at once; rows that have ended leave the batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from entitybench.agents.common.language.model import Cache, continued
from entitybench.errors import BadValue, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.agents.common.language.model import Shape
    from entitybench.agents.common.layers import Params
    from entitybench.seeding import BatchGenerator

Tensor = torch.Tensor
STALE = 0.25  # share of ended rows at which they are taken out: that copies the cache


@torch.inference_mode()
def generate(
    params: Params,
    shape: Shape,
    prompts: Sequence[Sequence[int]],
    rng: BatchGenerator,
    *,
    eos: int,
    most: int,
    samples: int = 0,
    temperature: float = 1.0,
    drop: bool = True,
    columns: int = 0,
) -> list[list[list[int]]]:
    """Continuations of prompts, to the end token or `most` tokens.

    Args:
        prompts: tokens, of any length; each is read once, however many samples there are.
        rng: one generator a prompt, of which a number is drawn for each token there may be.
        eos: the token that ends a row; it is part of it.
        most: new tokens at most.
        samples: continuations of each prompt; 0: one, the likeliest token at each place.
        temperature: of samples.
        drop: whether rows that have ended leave the batch. Products of other sizes round
            differently, so without it, and with `columns`, a row is the same to the last digit
            whichever rows are beside it.
        columns: that prompts are padded to; 0: the longest.

    Returns:
        Of each prompt its continuations.
    """
    count, repeat = len(prompts), max(1, whole("samples", samples, 0))
    longest = max(map(len, prompts))
    if min(map(len, prompts)) == 0:
        raise BadValue("a prompt is empty: there is nothing to go on from.")
    if columns and columns < longest:
        raise BadValue(f"a prompt has {longest} tokens, and columns={columns} hold fewer.")
    if temperature <= 0:
        raise BadValue(f"temperature is above 0: got {temperature}; samples=0 is greedy.")
    width = columns or longest
    tokens = torch.zeros(count, width, dtype=torch.long)
    there = torch.zeros(count, width, dtype=torch.bool)
    for row, prompt in enumerate(prompts):
        tokens[row, width - len(prompt) :] = torch.as_tensor(prompt)
        there[row, width - len(prompt) :] = True
    draws = torch.as_tensor(rng.random((count, repeat, most))) if samples else None
    cache = Cache.empty(shape, count, width + most, params["embed"])
    said = continued(params, shape, tokens, there, cache)
    every = torch.arange(count).repeat_interleave(repeat)
    said, cache = said.index_select(0, every), cache.chosen(every)
    found = torch.full((count * repeat, most), eos)
    live = torch.arange(count * repeat)  # the rows of `found` that the batch has
    running = torch.ones(len(live), dtype=torch.bool)  # of the batch's rows
    for step in range(most):
        if draws is None:
            new = said.argmax(-1)
        else:
            uniform = draws.view(-1, most)[live, step]
            new = _drawn(said / temperature, uniform)
        new = torch.where(running, new, eos)
        found[live, step] = new
        running &= new != eos
        left = int(running.sum())
        if left == 0 or step + 1 == most:
            break
        if drop and left <= (1 - STALE) * len(live):
            kept = running.nonzero()[:, 0]
            live, new, cache = live[kept], new[kept], cache.chosen(kept)
            running = torch.ones(len(live), dtype=torch.bool)
        said = continued(params, shape, new[:, None], running.new_ones(len(live), 1), cache)
    rows = [_to_end(row, eos) for row in found.tolist()]
    return [rows[k * repeat : (k + 1) * repeat] for k in range(count)]


def _to_end(row: list[int], eos: int) -> list[int]:
    return row[: row.index(eos) + 1] if eos in row else row


def _drawn(said: Tensor, uniform: Tensor) -> Tensor:
    """Tokens (B,) by inverting the distribution function at numbers (B,) in [0, 1)."""
    chances = said.double().softmax(-1).cumsum(-1)
    return (chances <= uniform[:, None] * chances[:, -1:]).sum(-1)
