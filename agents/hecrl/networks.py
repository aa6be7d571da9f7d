"""A network over sets of entities, for the subgoal diffuser and for its deterministic counterpart.

Shapes: B batch, N entities, P physical features (position and pose), W width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from entitybench.agents.common.goal.networks import (
    init_pooled_blocks,
    pooled_blocks,
    relative_size,
    relative_tokens,
)
from entitybench.agents.common.layers import Params, Precision, dense, normalise, product

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.agents.common.diffusion import Denoiser
    from entitybench.agents.common.goal.layout import Layout

Tensor = torch.Tensor


@dataclass(frozen=True)
class SubgoalNet:
    """For each entity a displacement (or its noise), given state, goal and a noisy displacement.

    Each token holds one entity's state, goal and noisy displacement side by side (matched
    tokens), so there is no code per entity and any number of them can be present.
    """

    layout: Layout
    noise_steps: int = 0  # 0: deterministic, no noisy input
    width: int = 64
    hidden: int = 128
    layers: int = 3
    precision: Precision = "float32"
    scale: float = 3.0  # 1 / m

    @property
    def outputs(self) -> int:
        return self.layout.physicals

    def token_size(self) -> int:
        return relative_size(self.layout) + (self.outputs if self.noise_steps else 0)

    def init(self, generator: torch.Generator) -> Params:
        w = self.width
        params = {
            "embed.weight": dense(1, self.token_size(), w, generator),
            "embed.bias": torch.zeros(1, 1, w),
        }
        if self.noise_steps:
            params["time"] = torch.randn(self.noise_steps, w, generator=generator)
        params |= init_pooled_blocks(1, w, self.hidden, self.layers, generator)
        params["head.weight"] = dense(1, w, self.outputs, generator, 0.1)
        params["head.bias"] = torch.zeros(1, 1, self.outputs)
        return params

    def apply(
        self,
        params: Mapping[str, Tensor],
        state: Tensor,
        goal: Tensor,
        noisy: Tensor | None = None,
        step: Tensor | None = None,
    ) -> Tensor:
        """(B, N, P). `noisy` (B, N, P) and `step` (B,) int64 belong to diffusion."""
        return self._read(params, self._tokens(state, goal), noisy, step)

    def denoiser(self, params: Mapping[str, Tensor], state: Tensor, goal: Tensor) -> Denoiser:
        """`apply` of one state and goal at every step of diffusion: their tokens are made once."""
        tokens = self._tokens(state, goal)
        return lambda noisy, step: self._read(params, tokens, noisy, step)

    def _tokens(self, state: Tensor, goal: Tensor) -> Tensor:
        return relative_tokens(self.layout, state, goal, self.scale)

    def _read(
        self,
        params: Mapping[str, Tensor],
        tokens: Tensor,
        noisy: Tensor | None,
        step: Tensor | None,
    ) -> Tensor:
        if noisy is not None:
            tokens = torch.cat([tokens, noisy], -1)
        batch, entities, size = tokens.shape
        flat = tokens.view(1, batch * entities, size)
        x = product(params["embed.bias"], flat, params["embed.weight"], "float32")
        if step is not None:
            x = x + params["time"][step].repeat_interleave(entities, 0)
        x = pooled_blocks(params, x, (batch, entities), self.layers, self.precision)
        out = product(params["head.bias"], normalise(x), params["head.weight"], "float32")
        return out.view(batch, entities, -1)
