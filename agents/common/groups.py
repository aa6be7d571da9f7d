"""Groups of parameters: which learn, which follow, and several of them along a new axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.agents.common.config import Phase
    from entitybench.agents.common.layers import Params

Tensor = torch.Tensor


def learning(params: Mapping[str, Params], phase: Phase) -> dict[str, Params]:
    """The parameters, without gradients where the phase does not learn them."""
    if phase.learns is None:
        return dict(params)
    return {
        group: own if group in phase.learns else {name: p.detach() for name, p in own.items()}
        for group, own in params.items()
    }


def follow(params: Mapping[str, Params], targets: Mapping[str, str], rate: float) -> None:
    """Move the targets towards what they follow."""
    for target, live in targets.items():
        slow, fast = params[target], params[live]
        now = [fast[name].detach() for name in slow]
        torch._foreach_lerp_(list(slow.values()), now, rate)


def stacked(parts: Sequence[Any]) -> Any:
    """Arrays or tensors along a new first axis."""
    return torch.stack(list(parts)) if isinstance(parts[0], Tensor) else np.stack(parts)
