"""A frame as a grid of tokens: convolutions, and finite scalar quantisation before the decoder.

FSQ: Mentzer et al., Finite Scalar Quantization: VQ-VAE Made Simple, ICLR 2024.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from entitybench.agents.common.vision.blocks import init_layer, layer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.agents.common.layers import Params

Tensor = torch.Tensor
GROUPS = 8  # of the normalisation, at most
FAINT = 0.1  # gain of the last layer at first


@dataclass(frozen=True)
class Tokenizer:
    """Sizes, and what it computes. A stage halves the edge of a frame: 64 pixels become 8."""

    channels: tuple[int, ...]  # of each stage
    levels: tuple[int, ...]  # of each number of a code

    @property
    def features(self) -> int:
        """C, of a token."""
        return self.channels[-1]

    @property
    def stride(self) -> int:
        """Pixels along an edge of a token."""
        return int(2 ** len(self.channels))

    def init(self, rng: torch.Generator) -> Params:
        params: Params = {}
        ins = (3, *self.channels)
        for k, width in enumerate(self.channels):
            params |= _init_conv(f"down{k}", ins[k], width, 4, rng)
            params |= _init_stage(f"in{k}", width, width, rng)
        params |= init_layer("code", self.features, len(self.levels), rng)
        params |= _init_conv("begin", len(self.levels), self.features, 3, rng)
        outs = (*self.channels[::-1], self.channels[0])
        for k in range(len(self.channels)):
            params |= _init_conv(f"up{k}", outs[k], outs[k + 1], 4, rng, transposed=True)
            params |= _init_stage(f"out{k}", outs[k + 1], outs[k + 1], rng)
        params |= _init_conv("end", outs[-1], 3, 3, rng)
        # Frames begin as one colour. What has to unlearn louder ones first drives all codes to the
        # ends of their range, where they are the same and learn no more.
        params["end.weight"] *= FAINT
        return params

    def encode(self, params: Mapping[str, Tensor], frames: Tensor) -> Tensor:
        """Tokens (B, N, C) of frames (B, 3, H, W) in [0, 1], row by row, not quantised."""
        x = frames * 2 - 1
        for k in range(len(self.channels)):
            x = F.conv2d(x, params[f"down{k}.weight"], params[f"down{k}.bias"], 2, 1)
            x = _stage(params, f"in{k}", x)
        return x.flatten(2).mT

    def decode(self, params: Mapping[str, Tensor], tokens: Tensor) -> Tensor:
        """Frames (B, 3, H, W) of tokens (B, N, C), which are quantised first; not cut to [0, 1]."""
        codes = quantise(layer(params, "code", tokens), self.levels)
        edge = math.isqrt(tokens.shape[1])
        x = codes.mT.unflatten(-1, (edge, edge))
        x = F.conv2d(x, params["begin.weight"], params["begin.bias"], 1, 1)
        for k in range(len(self.channels)):
            weight, bias = params[f"up{k}.weight"], params[f"up{k}.bias"]
            x = _stage(params, f"out{k}", F.conv_transpose2d(x, weight, bias, 2, 1))
        x = F.conv2d(x, params["end.weight"], params["end.bias"], 1, 1)
        return (x + 1) / 2


def quantise(u: Tensor, levels: tuple[int, ...]) -> Tensor:
    """Numbers (..., n) rounded to `levels` values each in [-1, 1]; gradients pass straight through.

    f(u) = h tanh(u + atanh(o / h)) - o, with h = (L - 1) (1 - 0.001) / 2 and o = 1/2 where L is
    even; then round(f) / floor(L / 2).
    """
    number = torch.tensor(levels, dtype=u.dtype, device=u.device)
    half = (number - 1) * (1 - 1e-3) / 2
    offset = 0.5 * (number % 2 == 0)
    bound = half * torch.tanh(u + torch.atanh(offset / half)) - offset
    rounded = bound + (bound.round() - bound).detach()
    return rounded / torch.floor(number / 2)


def edges_apart(made: Tensor, true: Tensor) -> Tensor:
    """How far differences of neighbouring pixels are apart, (), of frames (B, 3, H, W).

    The gradient difference loss of Mathieu et al. 2016, of first powers.
    """
    error = made - true
    down, across = error.diff(dim=-2).abs().mean(), error.diff(dim=-1).abs().mean()
    return down + across


def _init_conv(
    name: str,
    inputs: int,
    outputs: int,
    edge: int,
    rng: torch.Generator,
    *,
    transposed: bool = False,
) -> Params:
    shape = (inputs, outputs) if transposed else (outputs, inputs)
    seen = inputs * edge**2 / (4 if transposed else 1)  # a transposed one of stride 2 sees a fourth
    weight = torch.randn(*shape, edge, edge, generator=rng) * math.sqrt(1 / seen)
    return {f"{name}.weight": weight, f"{name}.bias": torch.zeros(outputs)}


def _init_stage(name: str, inputs: int, outputs: int, rng: torch.Generator) -> Params:
    norm = {f"{name}.scale": torch.ones(inputs), f"{name}.shift": torch.zeros(inputs)}
    return norm | _init_conv(name, inputs, outputs, 3, rng)


def _stage(params: Mapping[str, Tensor], name: str, x: Tensor) -> Tensor:
    """Normalised by groups of channels, SiLU, and a convolution of 3 x 3."""
    # Two channels or more each: of a group of one a bias before it has no slope but rounding.
    groups = math.gcd(GROUPS, x.shape[1] // 2)
    x = F.group_norm(x, groups, params[f"{name}.scale"], params[f"{name}.shift"])
    return F.conv2d(F.silu(x), params[f"{name}.weight"], params[f"{name}.bias"], 1, 1)
