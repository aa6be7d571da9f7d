"""Networks on standardised features: (x − mean) / deviation of the dataset, clipped.

The statistics lie among a network's parameters, under names that begin with "fixed.", so that they
travel with it everywhere; the optimiser leaves them alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.agents.common.diffusion import Denoiser
    from entitybench.agents.common.layers import Params

Tensor = torch.Tensor
FIXED = "fixed."
CLIP = 5.0  # deviations
LEAST = 1e-3  # deviation of a feature that hardly changes


@dataclass(frozen=True)
class Standardised:
    """A network behind the standardisation of states and goals (B, N, D); actions stay."""

    net: Any
    features: int  # D
    members: int = 1

    @property
    def outputs(self) -> int:
        return int(self.net.outputs)

    def init(self, generator: torch.Generator) -> Params:
        shape = (self.members, 1, self.features)
        fixed = {f"{FIXED}mean": torch.zeros(shape), f"{FIXED}deviation": torch.ones(shape)}
        return {**self.net.init(generator), **fixed}

    def apply(
        self, params: Mapping[str, Tensor], state: Tensor, goal: Tensor, *rest: Tensor | None
    ) -> Tensor:
        """What the network gives; `rest` is its own (an action, or noise and its step)."""
        result: Tensor = self.net.apply(
            params, standardise(params, state), standardise(params, goal), *rest
        )
        return result

    def denoiser(self, params: Mapping[str, Tensor], state: Tensor, goal: Tensor) -> Denoiser:
        """The network's, where it denoises."""
        made: Denoiser = self.net.denoiser(
            params, standardise(params, state), standardise(params, goal)
        )
        return made


def standardise(params: Mapping[str, Tensor], x: Tensor) -> Tensor:
    """(x − mean) / deviation within ±CLIP."""
    x = (x - params[f"{FIXED}mean"][0]) / params[f"{FIXED}deviation"][0]
    return x.clamp(-CLIP, CLIP)


def restore(params: Mapping[str, Tensor], x: Tensor) -> Tensor:
    """The inverse of `standardise`."""
    return x * params[f"{FIXED}deviation"][0] + params[f"{FIXED}mean"][0]


def set_statistics(params: Params, observations: Tensor) -> None:
    """Mean and deviation of each feature over samples and entities of (B, N, D), where used."""
    if f"{FIXED}mean" in params:
        params[f"{FIXED}mean"].copy_(observations.mean((0, 1)))
        params[f"{FIXED}deviation"].copy_(observations.std((0, 1)).clamp(min=LEAST))
