"""h(s, a, s'): a network that says at once which edges were active."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from entitybench.agents.common.graph.networks import PointNet, each
from entitybench.agents.common.layers import Params, dense
from entitybench.agents.common.mlp import RELU_GAIN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.agents.common.graph.networks import Inputs

Tensor = torch.Tensor


def init_head(network: PointNet, rng: torch.Generator, *, start: float = -1.0) -> Params:
    """Parameters of `head`: one network for each pair, or one with biases of its own.

    `start` is the logit that all edges begin with.
    """
    n, d, h = network.entities, network.features, network.width
    pairs = n * (n + 1)
    own = 1 if network.shared else pairs
    return {
        "pair.target": dense(own, 2 * d, h, rng),
        "pair.cause": dense(own, network.causes + d, h, rng),
        "pair.bias": 0.3 * torch.randn(pairs, 1, h, generator=rng),
        "hidden.weight": dense(own, h, h, rng, RELU_GAIN),
        "hidden.bias": torch.zeros(own, 1, h),
        "out.weight": dense(own, h, 1, rng, 0.1),
        "out.bias": torch.full((pairs, 1, 1), start),
    }


def head(network: PointNet, params: Mapping[str, Tensor], inputs: Inputs, change: Tensor) -> Tensor:
    """Logits (B, N, N + 1) that a cause acted on a target, from both before and after.

    Args:
        network: what sizes and layers are taken from.
        params: of `init_head`.
        inputs: standardised.
        change: (N, B, D), clipped.
    """
    n = network.entities
    targets = torch.cat([inputs.targets, change], dim=-1)
    causes = torch.cat([inputs.causes, F.pad(change, (0, 0, 0, 0, 0, 1))], dim=-1)
    x = network.between(params, "pair", targets, causes).flatten(0, 1)
    x = torch.relu(each(x, params["hidden.weight"]) + params["hidden.bias"])
    out = each(x, params["out.weight"]) + params["out.bias"]
    return out.squeeze(-1).unflatten(0, (n, n + 1)).permute(2, 0, 1)
