"""Layers as pure functions of tensors; parameters have a leading member axis E.

So twin critics, or the networks of several training seeds, are one batched product and no Python
loop. Shapes: E members, M rows, I inputs, O outputs.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F

Tensor = torch.Tensor
Params = dict[str, Tensor]
Precision = Literal["float32", "bfloat16"]


def native_precision(device: str | torch.device = "cpu") -> Precision:
    """bfloat16 where the hardware multiplies it, else float32."""
    if torch.device(device).type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    native = capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")
    return "bfloat16" if native else "float32"


def dense(
    members: int, inputs: int, outputs: int, generator: torch.Generator, gain: float = 1.0
) -> Tensor:
    """(E, inputs, outputs) weights of variance gain² / inputs."""
    return torch.randn(members, inputs, outputs, generator=generator) * (gain / math.sqrt(inputs))


def product(bias: Tensor, x: Tensor, weight: Tensor, precision: Precision) -> Tensor:
    """Bias + x @ weight for each member: (E, M, I) by (E, I, O) -> (E, M, O).

    In bfloat16 the factors are rounded, the sums are not: half the time on a CPU that has it.
    """
    if precision == "bfloat16":
        return torch.bmm(x.bfloat16(), weight.bfloat16()) + bias.bfloat16()
    return torch.baddbmm(bias, x, weight)


def linear(x: Tensor, weight: Tensor, precision: Precision) -> Tensor:
    """`product` without a bias."""
    if precision == "bfloat16":
        return torch.bmm(x.bfloat16(), weight.bfloat16())
    return torch.bmm(x, weight)


def normalise(x: Tensor) -> Tensor:
    """LayerNorm over the last axis without scale and shift (the next weights hold them)."""
    return F.layer_norm(x, x.shape[-1:])
