"""Transformers over sets of entities: the networks of HECRL at the paper's size.

The entity interaction transformer of Haramati, Daniel and Tamar (ICLR 2024); the action enters Q by
adaptive layer norm (DiT: Peebles and Xie, ICCV 2023).

Functions over dicts of parameters with a leading member axis E, like `networks.py`. Tokens are
(E, B, N, W); no token carries a code of its place, so all is equivariant to the entities' order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

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

    from entitybench.agents.common.goal.layout import Layout

Tensor = torch.Tensor


def init_embedding(members: int, sizes: tuple[int, ...], generator: torch.Generator) -> Params:
    """Parameters of `embed`."""
    return init_mlp("embed", members, sizes, generator) | init_affine("embed", members, sizes[1])


def embed(
    params: Mapping[str, Tensor], state: Tensor, goal: Tensor, precision: Precision
) -> tuple[Tensor, Tensor]:
    """Tokens (E, B, N, W) of a state and of a goal (B, N, F), by the same weights."""
    members = len(params["embed0.weight"])
    both = torch.cat([state, goal])[None].expand(members, -1, -1, -1)
    x = affine(params, "embed", normalise(project(params, "embed0", both, precision)))
    own, wanted = project(params, "embed1", F.gelu(x), precision).chunk(2, 1)
    return own, wanted


@dataclass(frozen=True)
class EntityTransformer:
    """π, V and Q of the paper: self-attention, cross-attention to the goal, self-attention, query.

    The action of Q enters through AdaLN. Inputs are standardised features, ids included.
    """

    layout: Layout
    outputs: int
    members: int = 1
    with_action: bool = False
    width: int = 64
    hidden: int = 256
    heads: int = 8
    precision: Precision = "float32"

    def init(self, generator: torch.Generator) -> Params:
        e, w, h = self.members, self.width, self.hidden
        params = init_embedding(e, (self.layout.features, h, w), generator)
        params["token"] = torch.randn(e, 1, w, generator=generator) * DEVIATION
        condition = w if self.with_action else 0
        for name in ("own", "goal", "own2", "pool"):
            crossing = name in ("goal", "pool")
            params |= init_block(
                name, e, w, (h, h), generator, crossing=crossing, condition=condition
            )
        if self.with_action:
            params |= init_mlp("action", e, (self.layout.action_dim, h, w), generator)
            made = init_dense(e, w, 2 * w, generator, zero=True)
            params["modulation.weight"], params["modulation.bias"] = made
        else:
            params |= init_affine("norm", e, w)
        params |= init_mlp("head", e, (w, h, h, h, self.outputs), generator)
        if self.with_action:  # as released with HECRL: Q alone has LayerNorms in its head
            for k in range(1, 4):
                params |= init_affine(f"head{k}", e, h)
        return params

    def apply(
        self,
        params: Mapping[str, Tensor],
        state: Tensor,
        goal: Tensor,
        action: Tensor | None = None,
    ) -> Tensor:
        members = len(params["token"])
        own, wanted = embed(params, state, goal, self.precision)
        condition = None
        if self.with_action:
            assert action is not None
            given = action[None, :, None].expand(members, -1, -1, -1)
            condition = mlp(params, "action", given, self.precision)

        def through(name: str, x: Tensor, context: Tensor | None) -> Tensor:
            return block(params, name, x, context, condition, self.heads, self.precision)

        own = through("own", own, None)
        own = through("goal", own, wanted)
        own = through("own2", own, None)
        token = params["token"][:, None].expand(-1, len(state), -1, -1)
        x = normalise(through("pool", token, own))
        if condition is None:
            x = affine(params, "norm", x)
        else:
            x = modulate(x, *project(params, "modulation", condition, self.precision).chunk(2, -1))
        return mlp(params, "head", x, self.precision)[:, :, 0]
