"""What a forward model says where one cause has other features than it had."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from entitybench.agents.common.graph.networks import Inputs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.agents.common.graph.networks import PointNet

Tensor = torch.Tensor


def replaced(
    network: PointNet, params: Mapping[str, Tensor], inputs: Inputs, mask: Tensor, values: Tensor
) -> Tensor:
    """Predictions (N, N + 1, B, 2 D) with each cause, in turn, taken from `values`.

    Args:
        network: the model.
        params: its parameters.
        inputs: of B rows.
        mask: (B, N, N + 1).
        values: (N + 1, C), standardised.
    """
    found = []
    for cause in range(network.entities + 1):
        causes = inputs.causes.clone()
        causes[cause] = values[cause]
        found.append(network.predict(params, Inputs(inputs.targets, causes), mask))
    return torch.stack(found, dim=1)
