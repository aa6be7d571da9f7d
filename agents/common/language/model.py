"""A small decoder-only language model: pre-norm, rotary positions, a cache of keys and values.

Pure functions of parameters. Shapes: B rows, T tokens, H heads, D numbers of a head, V tokens of
the vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from entitybench.agents.common.bounds import bounded
from entitybench.errors import BadValue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.agents.common.layers import Params

Tensor = torch.Tensor
BASE = 10_000.0  # of the rotary wave lengths (Su et al., arXiv 2104.09864, section 3.4.2)
SPREAD = 0.02  # of weights at the start, as GPT-2's


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How large a model is; the default with 81 tokens has 109,952 parameters."""

    tokens: int
    width: int = 64
    layers: int = 2
    heads: int = 4
    expand: int = 4  # width of the hidden layers, in widths

    def __post_init__(self) -> None:
        bounded(
            self,
            tokens="[2, 1000000]",
            width="[2, 16384]",
            layers="[1, 200]",
            heads="[1, 1000]",
            expand="[1, 100]",
        )
        if self.width % (2 * self.heads):
            raise BadValue(
                f"width is a multiple of twice the heads, {2 * self.heads}: got {self.width}."
            )


@dataclass
class Cache:
    """Keys and values of the tokens so far.

    Attributes:
        keys: of each layer, (B, H, columns, D); likewise `values`.
        seen: (B, columns) bool, which columns hold a token of the row.
        used: columns that are filled.
    """

    keys: list[Tensor]
    values: list[Tensor]
    seen: Tensor
    used: int = 0

    @classmethod
    def empty(cls, shape: Shape, rows: int, columns: int, like: Tensor) -> Cache:
        """Room for so many columns, of the type and device of a tensor."""
        size = (rows, shape.heads, columns, shape.width // shape.heads)
        keys, values = ([like.new_zeros(size) for _ in range(shape.layers)] for _ in range(2))
        seen = torch.zeros(rows, columns, dtype=torch.bool, device=like.device)
        return cls(keys, values, seen)

    def chosen(self, rows: Tensor) -> Cache:
        """The same of some rows, each as often as it is named."""
        keys = [each.index_select(0, rows) for each in self.keys]
        values = [each.index_select(0, rows) for each in self.values]
        return Cache(keys, values, self.seen.index_select(0, rows), self.used)


def init(shape: Shape, rng: torch.Generator) -> Params:
    """Parameters; what ends a block begins smaller, by the number of blocks, as GPT-2's."""
    d, hidden = shape.width, shape.expand * shape.width

    def drawn(rows: int, columns: int, scale: float = SPREAD) -> Tensor:
        return torch.randn(rows, columns, generator=rng) * scale

    end = SPREAD / (2 * shape.layers) ** 0.5
    params = {"embed": drawn(shape.tokens, d)}
    for k in range(shape.layers):
        params |= {
            f"{k}.norm": torch.ones(d),
            f"{k}.shift": torch.zeros(d),
            f"{k}.qkv": drawn(d, 3 * d),
            f"{k}.mix": drawn(d, d, end),
            f"{k}.norm2": torch.ones(d),
            f"{k}.shift2": torch.zeros(d),
            f"{k}.up": drawn(d, hidden),
            f"{k}.up_bias": torch.zeros(hidden),
            f"{k}.down": drawn(hidden, d, end),
            f"{k}.down_bias": torch.zeros(d),
        }
    return {
        **params,
        "norm": torch.ones(d),
        "shift": torch.zeros(d),
        "head": drawn(d, shape.tokens),
    }


def logits(params: Params, shape: Shape, tokens: Tensor) -> Tensor:
    """Of the next token after each (B, T, V); rows may be padded on the right."""
    rows, length = tokens.shape
    wave = rotation(torch.arange(length, device=tokens.device).expand(rows, length), shape)
    x = F.embedding(tokens, params["embed"])
    for k in range(shape.layers):
        q, key, value = _projected(params, shape, k, x, wave)
        mixed = F.scaled_dot_product_attention(q, key, value, is_causal=True)
        x = _after(params, k, x, mixed)
    return _read(params, x)


def continued(params: Params, shape: Shape, tokens: Tensor, there: Tensor, cache: Cache) -> Tensor:
    """Logits (B, V) after the last of further tokens (B, T), which the cache then holds.

    `there` (B, T) bool is false for padding, which stands before a row's first token.
    """
    begin, end = cache.used, cache.used + tokens.shape[1]
    cache.seen[:, begin:end] = there
    positions = cache.seen[:, :end].cumsum(1)[:, begin:] - 1
    wave = rotation(positions.clamp(min=0), shape)
    columns = torch.arange(end, device=tokens.device)
    earlier = columns <= columns[begin:, None]  # (T, columns)
    # A row of padding sees itself, since of nothing there is no mean.
    itself = columns == columns[begin:, None]
    mask = ((cache.seen[:, None, :end] & earlier) | itself)[:, None]
    x = F.embedding(tokens, params["embed"])
    for k in range(shape.layers):
        q, key, value = _projected(params, shape, k, x, wave)
        cache.keys[k][:, :, begin:end] = key
        cache.values[k][:, :, begin:end] = value
        mixed = F.scaled_dot_product_attention(
            q, cache.keys[k][:, :, :end], cache.values[k][:, :, :end], attn_mask=mask
        )
        x = _after(params, k, x, mixed)
    cache.used = end
    return _read(params, x[:, -1])


def log_likelihoods(params: Params, shape: Shape, tokens: Tensor) -> Tensor:
    """The log-probability of each token but the first, given those before it: (B, T - 1)."""
    said = logits(params, shape, tokens[:, :-1])
    return said.log_softmax(-1).gather(-1, tokens[:, 1:, None])[..., 0]


def packed(
    prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]], pad: int
) -> tuple[Tensor, Tensor]:
    """Prompts with their completions (B, T), and the mask (B, T - 1) of the completions' tokens.

    The mask belongs to `log_likelihoods`: a loss over it leaves out prompts and padding.
    """
    whole = [[*map(int, p), *map(int, c)] for p, c in zip(prompts, completions, strict=True)]
    length = max(map(len, whole))
    tokens = torch.tensor([[*row, *[pad] * (length - len(row))] for row in whole])
    at = torch.arange(1, length)
    first = torch.tensor([len(prompt) for prompt in prompts])[:, None]
    last = torch.tensor([len(row) for row in whole])[:, None]
    return tokens, (at >= first) & (at < last)


def rotation(positions: Tensor, shape: Shape) -> tuple[Tensor, Tensor]:
    """Cosines and sines (B, 1, T, D / 2) of positions (B, T)."""
    half = shape.width // shape.heads // 2
    waves = BASE ** (-torch.arange(half, device=positions.device) / half)
    angles = positions[:, None, :, None] * waves
    return angles.cos(), angles.sin()


def _projected(
    params: Params, shape: Shape, k: int, x: Tensor, wave: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values (B, H, T, D) of a block."""
    rows, length, width = x.shape
    x = F.layer_norm(x, (width,), params[f"{k}.norm"], params[f"{k}.shift"])
    split = (x @ params[f"{k}.qkv"]).view(rows, length, 3, shape.heads, -1)
    q, key, value = split.permute(2, 0, 3, 1, 4)
    return _turned(q, wave), _turned(key, wave), value


def _turned(x: Tensor, wave: tuple[Tensor, Tensor]) -> Tensor:
    """Rotated by the positions: the first half of a head's numbers with the second."""
    cos, sin = wave
    one, other = x.chunk(2, -1)
    return torch.cat([one * cos - other * sin, one * sin + other * cos], -1)


def _after(params: Params, k: int, x: Tensor, mixed: Tensor) -> Tensor:
    """What a block adds: attention (B, H, T, D), then the hidden layer."""
    x = x + mixed.transpose(1, 2).flatten(2) @ params[f"{k}.mix"]
    y = F.layer_norm(x, x.shape[-1:], params[f"{k}.norm2"], params[f"{k}.shift2"])
    hidden = F.gelu(y @ params[f"{k}.up"] + params[f"{k}.up_bias"], approximate="tanh")
    return x + hidden @ params[f"{k}.down"] + params[f"{k}.down_bias"]


def _read(params: Params, x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], params["norm"], params["shift"]) @ params["head"]
