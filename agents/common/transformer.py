"""Attention and its layers as pure functions; parameters have a leading member axis E.

Tokens are (E, B, N, W). A condition enters by adaptive layer norm (DiT: Peebles and Xie, ICCV
2023).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from entitybench.agents.common.layers import Params, Precision, linear, normalise, product

if TYPE_CHECKING:
    from collections.abc import Mapping

Tensor = torch.Tensor
DEVIATION = 0.02  # of fresh weights; biases are zero


def init_dense(
    members: int, inputs: int, outputs: int, generator: torch.Generator, *, zero: bool = False
) -> tuple[Tensor, Tensor]:
    """Weights (E, inputs, outputs) of N(0, 0.02), or zeros, and biases (E, 1, outputs) of zero."""
    weight = torch.randn(members, inputs, outputs, generator=generator) * DEVIATION
    return weight * (not zero), torch.zeros(members, 1, outputs)


def init_mlp(name: str, members: int, sizes: tuple[int, ...], generator: torch.Generator) -> Params:
    """Parameters of `mlp`, sizes from input to output."""
    params: Params = {}
    for k, (inputs, outputs) in enumerate(pairwise(sizes)):
        weight, bias = init_dense(members, inputs, outputs, generator)
        params[f"{name}{k}.weight"], params[f"{name}{k}.bias"] = weight, bias
    return params


def project(
    params: Mapping[str, Tensor], name: str, x: Tensor, precision: Precision = "float32"
) -> Tensor:
    """A dense layer on the last axis of (E, ..., I): (E, ..., O) float32."""
    flat = x.flatten(1, -2)
    weight, bias = params[f"{name}.weight"], params.get(f"{name}.bias")
    out = (
        linear(flat, weight, precision) if bias is None else product(bias, flat, weight, precision)
    )
    return out.float().view(*x.shape[:-1], -1)


def mlp(
    params: Mapping[str, Tensor], name: str, x: Tensor, precision: Precision = "float32"
) -> Tensor:
    """Dense layers with GELU between them, and after a GELU a LayerNorm where there is one."""
    x, k = project(params, f"{name}0", x, precision), 1
    while f"{name}{k}.weight" in params:
        x = F.gelu(x)
        if f"{name}{k}.scale" in params:
            x = affine(params, f"{name}{k}", normalise(x))
        x, k = project(params, f"{name}{k}", x, precision), k + 1
    return x


def init_affine(name: str, members: int, width: int) -> Params:
    """Scale and shift of a LayerNorm."""
    return {
        f"{name}.scale": torch.ones(members, 1, width),
        f"{name}.shift": torch.zeros(members, 1, width),
    }


def affine(params: Mapping[str, Tensor], name: str, x: Tensor) -> Tensor:
    """Scale and shift (E, ..., W) by a member's own; as it is where there are none."""
    if f"{name}.scale" not in params:
        return x
    shape = (len(x), *(1,) * (x.dim() - 2), x.shape[-1])
    return x * params[f"{name}.scale"].view(shape) + params[f"{name}.shift"].view(shape)


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """AdaLN: scale and shift (E, B, 1, W) given by a condition."""
    return x * (1 + scale) + shift


def attend(
    params: Mapping[str, Tensor], name: str, query: Tensor, context: Tensor, heads: int,
    precision: Precision, mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Multi-head attention of (E, B, N, W) to (E, B, M, W), projections without bias.

    `mask` is added to the logits, (heads or 1, N, M) float; minus infinity: not heard.
    """
    members, batch, _, width = query.shape

    def split(x: Tensor) -> Tensor:  # (E·B, heads, tokens, W / heads)
        return x.flatten(0, 1).unflatten(-1, (heads, width // heads)).transpose(1, 2)

    q = project(params, f"{name}.query", query, precision)
    k = project(params, f"{name}.key", context, precision)
    v = project(params, f"{name}.value", context, precision)
    mixed = F.scaled_dot_product_attention(split(q), split(k), split(v), attn_mask=mask)
    mixed = mixed.transpose(1, 2).flatten(-2).unflatten(0, (members, batch))
    return project(params, f"{name}.out", mixed, precision)


def init_block(
    name: str,
    members: int,
    width: int,
    hidden: tuple[int, ...],
    generator: torch.Generator,
    *,
    crossing: bool = False,
    condition: int = 0,
    zero: bool = True,
) -> Params:
    """Parameters of `block`.

    Args:
        name: Prefix.
        members: E.
        width: W.
        hidden: Widths of the hidden layers of the block's MLP.
        generator: Randomness.
        crossing: It attends to other tokens than its own.
        condition: Width of the condition; 0: none, and the LayerNorms have scale and shift instead.
        zero: The condition has no influence at first, and the block is the identity (AdaLN-zero).
    """
    params: Params = {
        f"{name}.{part}.weight": init_dense(members, width, width, generator)[0]
        for part in ("query", "key", "value", "out")
    }
    params |= init_mlp(f"{name}.mlp", members, (width, *hidden, width), generator)
    if condition:
        made = init_dense(members, condition, 6 * width, generator, zero=zero)
        params[f"{name}.modulation.weight"], params[f"{name}.modulation.bias"] = made
    else:
        for part in ("norm", "mlp_norm", *(("context_norm",) if crossing else ())):
            params |= init_affine(f"{name}.{part}", members, width)
    return params


def block(
    params: Mapping[str, Tensor],
    name: str,
    x: Tensor,
    context: Tensor | None,
    condition: Tensor | None,
    heads: int,
    precision: Precision,
) -> Tensor:
    """Attention and an MLP, each after a LayerNorm and beside a residual path.

    Args:
        params: Of `init_block`.
        name: Prefix.
        x: Tokens (E, B, N, W).
        context: Tokens (E, B, M, W) to attend to; None: `x` itself.
        condition: (E, B, 1, C), from which shifts, scales and gates are made; None: without.
        heads: Of the attention.
        precision: Of the matrix products.
    """
    y = affine(params, f"{name}.norm", normalise(x))
    others = None
    if context is not None:
        others = affine(params, f"{name}.context_norm", normalise(context))
    if condition is None:
        x = x + attend(params, name, y, y if others is None else others, heads, precision)
        y = affine(params, f"{name}.mlp_norm", normalise(x))
        return x + mlp(params, f"{name}.mlp", y, precision)
    parts = project(params, f"{name}.modulation", condition, precision).chunk(6, -1)
    y = modulate(y, parts[0], parts[1])
    x = x + parts[2] * attend(params, name, y, y if others is None else others, heads, precision)
    y = modulate(normalise(x), parts[3], parts[4])
    return x + parts[5] * mlp(params, f"{name}.mlp", y, precision)
