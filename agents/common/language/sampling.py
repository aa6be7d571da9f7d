"""Sampling from a `Decoder`: keys and values are kept, rows that have ended leave the batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from entitybench.agents.common.language.decoder import rotated, rotations

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.agents.common.language.decoder import Decoder
    from entitybench.types import Array

Tensor = torch.Tensor
SHRINK = 0.75  # the batch is gathered anew when at most this share of its rows goes on


@torch.no_grad()
def sample(
    model: Decoder,
    params: Mapping[str, Tensor],
    prompts: Sequence[Sequence[int]] | Array,
    chances: Array,
    *,
    stop: int,
    temperature: float = 1.0,
) -> list[Array]:
    """Continue R prompts, each until it says `stop` or has said `chances.shape[1]` tokens.

    A token is the first at which the cumulative distribution passes the row's chance, so that what
    a row says depends on its own chances and not on the rows beside it.

    Args:
        model: its sizes.
        params: of one member.
        prompts: R of them, at least one token each, of any lengths.
        chances: (R, most) uniform in [0, 1); with a temperature of 0 only their number counts.
        stop: the token that ends.
        temperature: that logits are divided by; 0: the likeliest token.

    Returns:
        R arrays of int64, with `stop` where it was said.
    """
    rows, most = chances.shape
    if not rows or not most:
        return [np.zeros(0, np.int64) for _ in range(rows)]
    device = params["embedding"].device
    lengths = np.array([len(prompt) for prompt in prompts])
    longest = int(lengths.max())
    padded = np.zeros((rows, longest), np.int64)  # what pads goes before: all end in one column
    for row, prompt in enumerate(prompts):
        padded[row, longest - len(prompt) :] = prompt
    uniform = torch.as_tensor(chances, dtype=torch.float32, device=device)
    said = torch.full((rows, most), stop, dtype=torch.int64, device=device)
    alive = torch.arange(rows, device=device)
    state = _Kept(model, params, longest - lengths, longest + most, device)
    logits = state.read(torch.as_tensor(padded, device=device))
    for t in range(most):
        token = _drawn(logits, uniform[alive, t], temperature)
        said[alive, t] = token
        goes_on = token != stop
        left = int(goes_on.sum())
        if left == 0 or t == most - 1:
            break
        if left <= SHRINK * len(alive):
            state.keep(goes_on)
            alive, token = alive[goes_on], token[goes_on]
        logits = state.read(token[:, None])
    return [_until(row, stop) for row in said.cpu().numpy()]


def _until(row: Array, stop: int) -> Array:
    ends = np.flatnonzero(row == stop)
    return row[: ends[0] + 1] if len(ends) else row


def _drawn(logits: Tensor, chance: Tensor, temperature: float) -> Tensor:
    """One token (R,) of logits (R, V)."""
    if temperature == 0:
        return logits.argmax(-1)
    summed = torch.softmax(logits / temperature, -1).cumsum(-1)
    # Sums of roundings may end below 1: the chance is in units of where they end.
    return torch.searchsorted(summed, chance[:, None] * summed[:, -1:], right=True)[:, 0].clamp(
        max=logits.shape[-1] - 1
    )


class _Kept:
    """Keys and values of what R rows have read, (blocks, 2, R, H, columns, D / H)."""

    def __init__(
        self,
        model: Decoder,
        params: Mapping[str, Tensor],
        pads: Array,
        columns: int,
        device: torch.device,
    ) -> None:
        """`pads` (R,): the columns before each row's first token, which nobody attends to."""
        self.model, self.params, self.column = model, params, 0
        shape = (model.layers, 2, len(pads), model.heads, columns, model.per_head)
        self.kept = torch.empty(shape, device=device)
        column, first = torch.arange(columns, device=device), torch.as_tensor(pads, device=device)
        # Places begin at 0 with each row's first token. (R or 1, 1, columns, D / H / 2)
        self.waves = rotations((column - first[:, None, None]).clamp(min=0), model.per_head)
        self.hidden: Tensor | None = None  # (R, 1, 1, columns): −inf at what pads
        if pads.any():
            before = (column < first[:, None])[:, None, None]
            self.hidden = torch.zeros(before.shape, device=device).masked_fill(before, -torch.inf)
        else:
            self.waves = self.waves[0][:1], self.waves[1][:1]

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows (R,) bool alone."""
        self.kept = self.kept[:, :, rows]
        if self.hidden is not None:
            self.hidden = self.hidden[rows]
            self.waves = self.waves[0][rows], self.waves[1][rows]

    def read(self, tokens: Tensor) -> Tensor:
        """Logits (R, V) of what follows tokens (R, T), the next of each row."""
        t, first = tokens.shape[1], self.column
        after = first + t
        waves = [part[:, :, first:after] for part in self.waves]
        hidden = None if self.hidden is None else self.hidden[..., :after]
        if t > 1:
            later = torch.full((t, after), -torch.inf, device=tokens.device).triu(first + 1)
            # What pads hears of itself, so that there is something to divide by.
            hidden = later if hidden is None else (hidden + later)
            hidden[..., torch.arange(t), torch.arange(first, after)] = 0

        def attend(k: int, heads: Tensor) -> Tensor:
            q, key, value = heads.unbind(0)
            self.kept[k, 0, :, :, first:after] = rotated(key, *waves)
            self.kept[k, 1, :, :, first:after] = value
            keys, values = self.kept[k, :, :, :, :after]
            # Written out: for one query the fused attention takes twice as long.
            fits = (rotated(q, *waves) * self.model.per_head**-0.5) @ keys.mT
            return torch.softmax(fits if hidden is None else fits + hidden, -1) @ values

        states = self.model.through(self.params, tokens[None], attend)
        self.column = after
        return self.model.logits(self.params, states[:, :, -1:])[0, :, 0]
