"""The passive model of NCII: each entity by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from entitybench.agents.common.mlp import init_mlp, mlp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.agents.common.graph.networks import Inputs, PointNet
    from entitybench.agents.common.layers import Params

Tensor = torch.Tensor
PASSIVE_LAYERS = 3


def init_passive(network: PointNet, rng: torch.Generator) -> Params:
    """Parameters of `passive`: a network for each entity."""
    h, d = network.width, network.features
    return init_mlp(network.entities, [d, h, h, 2 * d], rng, last=0.1)


def passive(params: Mapping[str, Tensor], inputs: Inputs) -> Tensor:
    """p_j(s'_j | s_j) as (N, B, 2 D)."""
    return mlp(params, inputs.targets, PASSIVE_LAYERS)
