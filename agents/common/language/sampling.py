"""Sampling from a `Decoder`: keys and values are kept, rows that have ended leave the batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F

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
    uniform = torch.as_tensor(chances.T, dtype=torch.float32, device=device).contiguous()
    said = np.full((rows, most), stop, np.int64)
    alive = np.arange(rows)
    state = _Kept(model, params, longest - lengths, longest + most, device)
    logits = state.read(torch.as_tensor(padded, device=device))
    for t in range(most):
        token = drawn(logits, uniform[t], temperature)
        here = token.cpu().numpy()
        said[alive, t] = here
        goes_on = here != stop
        left = np.count_nonzero(goes_on)
        if left == 0 or t == most - 1:
            break
        if left <= SHRINK * len(alive):
            alive, kept = alive[goes_on], torch.as_tensor(goes_on, device=device)
            state.keep(kept)
            uniform, token = uniform[:, kept], token[kept]
        logits = state.read(token[:, None])
    return [until(row, (stop,)) for row in said]


def until(row: Array, stops: Sequence[int]) -> Array:
    """What a row says to the first token that ends it, with that."""
    ends = np.flatnonzero(np.isin(row, stops))
    return row[: ends[0] + 1] if len(ends) else row


def drawn(logits: Tensor, chance: Tensor, temperature: float) -> Tensor:
    """One token (R,) of logits (R, V)."""
    if temperature == 0:
        return logits.argmax(-1)
    if temperature != 1:
        logits = logits / temperature
    summed = torch.softmax(logits, -1).cumsum(-1)
    # Sums of roundings may end below 1: the chance is in units of where they end.
    return (summed[:, :-1] <= chance[:, None] * summed[:, -1:]).sum(-1)


class _Kept:
    """What R rows have read: keys (blocks, R, H, D / H, columns), values (…, columns, D / H)."""

    def __init__(
        self,
        model: Decoder,
        params: Mapping[str, Tensor],
        pads: Array,
        columns: int,
        device: torch.device,
    ) -> None:
        """`pads` (R,): the columns before each row's first token, which nobody attends to."""
        self.model, self.params, self.column = model, model.paired(params), 0
        self.flat = {name: p[0] for name, p in self.params.items()}
        shape = (model.layers, len(pads), model.heads, columns, model.per_head)
        self.values = torch.empty(shape, device=device)
        self.keys = torch.empty(*shape[:3], model.per_head, columns, device=device)
        column, first = torch.arange(columns, device=device), torch.as_tensor(pads, device=device)
        # Places begin at 0 with each row's first token. Queries are scaled too.
        turns = rotations((column - first[:, None]).clamp(min=0), model.per_head)
        self.waves = torch.stack([turns * model.per_head**-0.5, turns])[:, :, None]
        self.hidden: Tensor | None = None  # (R, 1, 1, columns): −inf at what pads
        if pads.any():
            before = (column < first[:, None])[:, None, None]
            self.hidden = torch.zeros(before.shape, device=device).masked_fill(before, -torch.inf)
        else:
            self.waves = self.waves[:, :1]  # (2, R or 1, 1, columns, D / H / 2)

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows (R,) bool alone."""
        self.keys, self.values = self.keys[:, rows], self.values[:, rows]
        if self.hidden is not None:
            self.hidden, self.waves = self.hidden[rows], self.waves[:, rows]

    def read(self, tokens: Tensor) -> Tensor:
        """Logits (R, V) of what follows tokens (R, T), the next of each row."""
        if tokens.shape[1] == 1 and tokens.device.type == "cpu":
            return self.read_one(tokens[:, 0])
        return self.read_some(tokens)

    def read_some(self, tokens: Tensor) -> Tensor:
        """As `read`, of any number of tokens on any device."""
        t, first = tokens.shape[1], self.column
        after = first + t
        waves = self.waves[:, :, :, first:after]
        hidden = None if self.hidden is None else self.hidden[..., :after]
        if t > 1:
            later = torch.full((t, after), -torch.inf, device=tokens.device).triu(first + 1)
            # What pads hears of itself, so that there is something to divide by.
            hidden = later if hidden is None else (hidden + later)
            hidden[..., torch.arange(t), torch.arange(first, after)] = 0

        def attend(k: int, heads: Tensor) -> Tensor:
            turning, (value,) = heads.split((2, 1))
            q, key = rotated(turning, waves)
            self.keys[k, ..., first:after] = key.mT
            self.values[k, :, :, first:after] = value
            # Written out: for one query the fused attention takes twice as long.
            fits = q @ self.keys[k, ..., :after]
            weights = torch.softmax(fits if hidden is None else fits + hidden, -1)
            return weights @ self.values[k, :, :, :after]

        states = self.model.through(self.params, tokens[None], attend)
        self.column = after
        return self.model.logits(self.params, states[:, :, -1:])[0, :, 0]

    def read_one(self, tokens: Tensor) -> Tensor:
        """As `read`, of one token (R,) on the processor.

        NumPy multiplies many small matrices in half the time that torch takes; the rest is the
        fewest calls, for with so few numbers each costs as much as what it does.
        """
        model, column, p = self.model, self.column, self.flat
        after = self.column = column + 1
        rows, wide = len(tokens), model.width
        waves = self.waves[..., column, :].numpy().swapaxes(0, 1)  # (R or 1, 2, 1, D / H / 2)
        hidden = None if self.hidden is None else self.hidden[..., :after].numpy()
        x = torch.embedding(p["embedding"], tokens)  # (R, D)

        def layer(name: str, inputs: Tensor) -> Tensor:
            return torch.addmm(p[f"{name}.bias"], inputs, p[f"{name}.weight"])

        kept = zip(self.keys.numpy(), self.values.numpy(), strict=True)
        for k, (keys, values) in enumerate(kept):
            heads = layer(f"attention{k}", torch.layer_norm(x, (wide,))).numpy()
            pairs = heads[:, : 2 * wide].view(np.complex64).reshape(rows, 2, model.heads, -1)
            turned = (pairs * waves).view(np.float32)
            keys[..., column] = turned[:, 1]
            values[:, :, column] = heads[:, 2 * wide :].reshape(rows, model.heads, -1)
            fits = turned[:, 0, :, None] @ keys[..., :after]
            if hidden is not None:
                fits += hidden
            heard = torch.softmax(torch.from_numpy(fits), -1).numpy() @ values[:, :, :after]
            x = x + layer(f"joined{k}", torch.from_numpy(heard).view(rows, wide))
            x = x + layer(f"closing{k}", F.gelu(layer(f"hidden{k}", torch.layer_norm(x, (wide,)))))
        return layer("out", torch.layer_norm(x, (wide,)))
