"""The subgoal models of HECRL at the paper's size (Haramati et al., ICLR 2026, released code).

Shapes: B batch, N entities, F standardised features, ids included, W width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch

from entitybench.agents.common.goal.transformer import embed, init_embedding
from entitybench.agents.common.layers import Params, Precision, normalise
from entitybench.agents.common.transformer import (
    DEVIATION,
    affine,
    block,
    init_affine,
    init_block,
    init_dense,
    init_mlp,
    mlp,
    modulate,
    project,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.agents.common.diffusion import Denoiser
    from entitybench.agents.common.goal.layout import Layout

Tensor = torch.Tensor
SLOTS = 3  # state, subgoal, goal


@dataclass(frozen=True)
class SubgoalTransformer:
    """The AdaLN entity transformer: full attention over the 3 N tokens of [s, s̃, g].

    A token knows its slot, not its entity: which row of a sample becomes which entity is left to
    the noise, and the sampled ids tell (`in_order`). The slots of s and g are always the clean
    ones, in training and in sampling; what is returned is the slot between them.
    """

    layout: Layout
    noise_steps: int
    width: int = 64
    hidden: int = 256
    layers: int = 8
    heads: int = 8
    precision: Precision = "float32"

    @property
    def outputs(self) -> int:
        return self.layout.features

    def init(self, generator: torch.Generator) -> Params:
        w, h = self.width, self.hidden
        params = init_mlp("embed", 1, (self.layout.features, h, w), generator)
        params |= init_mlp("time", 1, (w, h, w), generator)
        for name, shape in (("type", (1, 1, w)), ("slot", (1, SLOTS, w))):
            params[name] = torch.randn(shape, generator=generator) * DEVIATION
        for k in range(self.layers):
            # Gates of N(0, 0.02), as in the released code.
            params |= init_block(f"block{k}", 1, w, (h,), generator, condition=w, zero=False)
        made = init_dense(1, w, 2 * w, generator)
        params["modulation.weight"], params["modulation.bias"] = made
        params |= init_mlp("last", 1, (w, w), generator)
        params |= init_mlp("decode", 1, (w, h, self.outputs), generator)
        return params

    def apply(
        self,
        params: Mapping[str, Tensor],
        state: Tensor,
        goal: Tensor,
        noisy: Tensor | None = None,
        step: Tensor | None = None,
    ) -> Tensor:
        """(B, N, F): the noise in the subgoal `noisy` (B, N, F) at `step` (B,)."""
        assert noisy is not None
        assert step is not None
        entities, precision = state.shape[1], self.precision
        slots = torch.stack([state, noisy, goal], 1)[None]  # (1, B, 3, N, F)
        time = mlp(params, "time", sinusoid(step, self.width)[None, :, None], precision)
        x = mlp(params, "embed", slots, precision) + params["type"][:, :, None, None]
        x = x + params["slot"][:, None, :, None] + time[:, :, None]
        x = x.flatten(2, 3)
        for k in range(self.layers):
            x = block(params, f"block{k}", x, None, time, self.heads, precision)
        x = x[:, :, entities : 2 * entities]
        change = project(params, "modulation", time, precision).chunk(2, -1)
        x = project(params, "last0", modulate(normalise(x), *change), precision)
        return mlp(params, "decode", x, precision)[0]

    def denoiser(self, params: Mapping[str, Tensor], state: Tensor, goal: Tensor) -> Denoiser:
        """`apply` of one state and goal at every step of diffusion."""
        return partial(self.apply, params, state, goal)


def in_order(layout: Layout, sampled: Tensor, state: Tensor) -> Tensor:
    """For each entity of a state (B, N, F) the row of a sample (B, N, F) whose ids are nearest."""
    distance = torch.cdist(state[..., layout.ids], sampled[..., layout.ids])
    row = distance.argmin(-1)
    return sampled.gather(1, row[..., None].expand_as(sampled))


def sinusoid(step: Tensor, width: int) -> Tensor:
    """(B, width): sines and cosines of a diffusion step (B,), wavelengths from 2π to 20 000 π."""
    half = width // 2
    rate = torch.exp(
        -math.log(10_000.0) * torch.arange(half, device=step.device) / max(half - 1, 1)
    )
    angle = step[:, None] * rate
    return torch.cat([angle.sin(), angle.cos()], -1)


@dataclass(frozen=True)
class RegressorTransformer:
    """The deterministic h(s, g) of the AWR ablation: self, cross to the goal, self, self."""

    layout: Layout
    width: int = 64
    hidden: int = 256
    heads: int = 8
    precision: Precision = "float32"

    blocks = ("own", "goal", "own2", "own3")

    @property
    def outputs(self) -> int:
        return self.layout.features

    def init(self, generator: torch.Generator) -> Params:
        w, h = self.width, self.hidden
        params = init_embedding(1, (self.layout.features, h, w), generator)
        for name in self.blocks:
            params |= init_block(name, 1, w, (h, h), generator, crossing=name == "goal")
        params |= init_affine("norm", 1, w)
        return params | init_mlp("head", 1, (w, h, h, h, self.outputs), generator)

    def apply(
        self,
        params: Mapping[str, Tensor],
        state: Tensor,
        goal: Tensor,
        noisy: Tensor | None = None,
        step: Tensor | None = None,
    ) -> Tensor:
        """(B, N, F): the subgoal."""
        del noisy, step
        x, wanted = embed(params, state, goal, self.precision)
        for name in self.blocks:
            context = wanted if name == "goal" else None
            x = block(params, name, x, context, None, self.heads, self.precision)
        x = affine(params, "norm", normalise(x))
        return mlp(params, "head", x, self.precision)[0]
