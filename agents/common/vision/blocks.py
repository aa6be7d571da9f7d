"""Layers of video models: attention in space and in time, parameters with one member.

Tokens are (B, N, W); functions of `agents.common.transformer` have a member axis in front, here 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from entitybench.agents.common.layers import Params, dense, normalise
from entitybench.agents.common.transformer import (
    affine,
    attend,
    init_affine,
    mlp,
    project,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

Tensor = torch.Tensor
CLOSING = 0.5  # gain of what is added to a residual path
BEGUN = -2.0  # log deviation of a fresh Gaussian; its means are of deviation 1
DEVIATIONS = (-7.0, 3.0)  # logs, what they are cut to
PLACED = 0.02  # deviation of fresh codes of places
RATIO = 4  # hidden units of an MLP, in widths


def init_layer(
    name: str, inputs: int, outputs: int, rng: torch.Generator, gain: float = 1.0
) -> Params:
    """Weights of variance gain² / inputs; a bias of zero."""
    return {
        f"{name}.weight": dense(1, inputs, outputs, rng, gain),
        f"{name}.bias": torch.zeros(1, 1, outputs),
    }


def init_places(name: str, positions: int, width: int, rng: torch.Generator) -> Params:
    """A code of each place, (1, N, W), to add to what is seen there."""
    return {f"{name}.place": torch.randn(1, positions, width, generator=rng) * PLACED}


def init_gaussian(name: str, inputs: int, outputs: int, rng: torch.Generator) -> Params:
    """A layer that gives means and log deviations; they begin as clearer than the noise."""
    params = init_layer(name, inputs, 2 * outputs, rng)
    params[f"{name}.bias"][..., outputs:] = BEGUN
    return params


def gaussian(params: Mapping[str, Tensor], name: str, x: Tensor) -> tuple[Tensor, Tensor]:
    """Means and log deviations (..., O) of hidden units (..., I)."""
    mean, log_deviation = layer(params, name, normalise(x)).chunk(2, -1)
    return mean, log_deviation.clamp(*DEVIATIONS)


def layer(params: Mapping[str, Tensor], name: str, x: Tensor) -> Tensor:
    """A dense layer on the last axis of (..., I)."""
    return project(params, name, x[None])[0]


def init_attention(name: str, width: int, rng: torch.Generator) -> Params:
    """Parameters of `attention`."""
    params: Params = {
        f"{name}.{part}.weight": dense(1, width, width, rng, CLOSING if part == "out" else 1.0)
        for part in ("query", "key", "value", "out")
    }
    norms = init_affine(f"{name}.norm", 1, width) | init_affine(f"{name}.context_norm", 1, width)
    return params | norms


def attention(
    params: Mapping[str, Tensor],
    name: str,
    x: Tensor,
    context: Tensor | None,
    heads: int,
    mask: Tensor | None = None,
) -> Tensor:
    """Tokens (B, N, W) and what they hear of a context (B, M, W); None: of each other.

    `mask` is added to the logits, (heads or 1, N, M).
    """
    query = affine(params, f"{name}.norm", normalise(x[None]))
    heard = normalise((x if context is None else context)[None])
    heard = affine(params, f"{name}.context_norm", heard)
    return x + attend(params, name, query, heard, heads, "float32", mask)[0]


def init_feed(name: str, width: int, rng: torch.Generator) -> Params:
    """Parameters of `feed`."""
    return {
        **init_layer(f"{name}.mlp0", width, RATIO * width, rng),
        **init_layer(f"{name}.mlp1", RATIO * width, width, rng, CLOSING),
        **init_affine(f"{name}.mlp_norm", 1, width),
    }


def feed(params: Mapping[str, Tensor], name: str, x: Tensor) -> Tensor:
    """An MLP beside a residual path, (B, N, W)."""
    y = affine(params, f"{name}.mlp_norm", normalise(x[None]))
    return x + mlp(params, f"{name}.mlp", y)[0]


def init_ages(name: str, heads: int, window: int) -> Params:
    """Parameters of `over_time`: what each head adds for each age of what is heard."""
    return {f"{name}.ages": torch.zeros(1, heads, window)}


def over_time(
    params: Mapping[str, Tensor], name: str, queries: int, keys: int, ahead: int = 0
) -> Tensor:
    """A mask (heads, queries, keys) for attention to the last `window` moments.

    A query of time t hears keys of times up to t + `ahead`, none older than the window, however
    long the video is. The bias of a head depends on the age alone (Raffel et al. 2020).
    """
    bias = params[f"{name}.ages"][0]
    times = torch.arange(queries, device=bias.device)[:, None]
    ages = times + ahead - torch.arange(keys, device=bias.device)
    window = bias.shape[-1]
    heard = (ages >= 0) & (ages < window)
    return torch.where(heard, bias[:, ages.clamp(0, window - 1)], -torch.inf)


def by_slot(x: Tensor) -> Tensor:
    """(B, T, K, W) -> (B K, T, W): each slot's own time line."""
    return x.transpose(1, 2).flatten(0, 1)


def by_time(x: Tensor, slots: int) -> Tensor:
    """(B K, T, W) -> (B, T, K, W): the inverse of `by_slot`."""
    return x.unflatten(0, (-1, slots)).transpose(1, 2)
