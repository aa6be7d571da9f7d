"""A multi-layer perceptron as a pure function; shapes as in `entitybench.agents.common.layers`."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import torch

from entitybench.agents.common.layers import Params, dense, normalise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Tensor = torch.Tensor
RELU_GAIN = 2.0**0.5  # keeps the variance through a rectifier (He et al. 2015, equation 10)


def init_mlp(
    members: int,
    sizes: Sequence[int],
    generator: torch.Generator,
    *,
    last: float = 1.0,
) -> Params:
    """Fresh parameters "layer<k>.weight" and "layer<k>.bias".

    Args:
        members: E networks side by side.
        sizes: inputs, hidden widths, outputs.
        generator: of the weights; biases are zero.
        last: the gain of the last layer.
    """
    params: Params = {}
    count = len(sizes) - 1
    for k, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
        gain = RELU_GAIN if k < count - 1 else last
        params[f"layer{k}.weight"] = dense(members, inputs, outputs, generator, gain)
        params[f"layer{k}.bias"] = torch.zeros(members, 1, outputs)
    return params


def mlp(
    params: Mapping[str, Tensor], x: Tensor, layers: int, *, layer_norm: bool = False
) -> Tensor:
    """Rectified layers and a linear one: (..., E, M, O).

    Args:
        params: of `init_mlp`, with any leading axes (those of training seeds).
        x: inputs (..., E, M, I), or (..., 1, M, I) for all members; leading axes as `params` has.
        layers: how many, the linear one included.
        layer_norm: whether each hidden activation is normalised (Ba et al. 2016).
    """
    lead = params["layer0.weight"].shape[:-2]
    x = x.expand(*lead, -1, -1).flatten(0, -3)
    for k in range(layers):
        bias, weight = (params[f"layer{k}.{name}"].flatten(0, -3) for name in ("bias", "weight"))
        if weight.shape[-1] == 1 and len(weight) > 1:
            # Batched products with a single column are ten times slower than their size asks for.
            x = (x * weight.mT).sum(-1, keepdim=True) + bias
        else:
            x = torch.baddbmm(bias, x, weight)
        if k < layers - 1:
            x = torch.relu_(x)
            x = normalise(x) if layer_norm else x
    return x.unflatten(0, lead)
