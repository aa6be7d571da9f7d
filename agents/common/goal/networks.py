"""Networks over sets of entities, as pure functions of a dict of parameters.

Parameters carry a leading member axis E, so that twin critics are one batched product and not a
Python loop. Shapes: E members, B batch, N entities, F token features, W width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
import torch.nn.functional as F

from entitybench.agents.common.layers import (
    Params,
    Precision,
    dense,
    linear,
    normalise,
    product,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.agents.common.goal.layout import Layout

Tensor = torch.Tensor


class Network(Protocol):
    """A function of (state, goal, action) with parameters of its own."""

    def init(self, generator: torch.Generator) -> Params:
        """Fresh parameters, each with a leading member axis."""
        ...

    def apply(
        self,
        params: Mapping[str, Tensor],
        state: Tensor,
        goal: Tensor,
        action: Tensor | None = None,
    ) -> Tensor:
        """(E, B, outputs)."""
        ...


def pooled_blocks(
    params: Mapping[str, Tensor],
    x: Tensor,
    shape: tuple[int, int],
    blocks: int,
    precision: Precision,
) -> Tensor:
    """Residual blocks in which each entity sees itself, the mean of all, and the actor (row 0).

    x is (E, B·N, W), `shape` is (B, N).
    """
    members, (batch, entities) = x.shape[0], shape
    for k in range(blocks):
        y = normalise(x).view(members, batch, entities, -1)
        context = torch.cat([y.mean(2), y[:, :, 0]], -1)
        shared = product(params[f"block{k}.bias"], context, params[f"block{k}.context"], precision)
        own = linear(y.flatten(1, 2), params[f"block{k}.own"], precision)
        inner = F.silu(own.view(members, batch, entities, -1) + shared[:, :, None]).flatten(1, 2)
        x = x + product(params[f"block{k}.out_bias"], inner, params[f"block{k}.out"], precision)
    return x


def init_pooled_blocks(
    members: int, width: int, hidden: int, blocks: int, generator: torch.Generator
) -> Params:
    """Parameters of `pooled_blocks`."""
    params: Params = {}
    for k in range(blocks):
        params[f"block{k}.own"] = dense(members, width, hidden, generator)
        params[f"block{k}.context"] = dense(members, 2 * width, hidden, generator, 0.7)
        params[f"block{k}.bias"] = torch.zeros(members, 1, hidden)
        params[f"block{k}.out"] = dense(members, hidden, width, generator, 0.5)
        params[f"block{k}.out_bias"] = torch.zeros(members, 1, width)
    return params


def relative_tokens(layout: Layout, state: Tensor, goal: Tensor, scale: float) -> Tensor:
    """(B, N, 4 P + Q + 6 + 2 W): each entity as seen from its goal and from the actor.

    P positions, Q positions and poses; W features beside the position that goals speak of, as they
    should be and by how much they are not. Differences, their lengths (and logarithms), directions,
    and the cosine between the two directions (is the actor behind the object?) are what a small
    network would otherwise have to learn before it could learn anything about pushing.
    """
    position = state[..., layout.position]
    to_goal = layout.goal_offset(state, goal)
    from_actor = position - position[..., :1, :]
    goal_length, actor_length = _length(to_goal), _length(from_actor)
    goal_direction, actor_direction = to_goal / goal_length, from_actor / actor_length
    wanted = goal[..., layout.wanted]
    return torch.cat(
        [
            scale * position,
            scale * to_goal,
            scale * goal_length,
            goal_length.log() + 2.0,
            goal_direction,
            scale * from_actor,
            scale * actor_length,
            actor_length.log() + 2.0,
            actor_direction,
            (goal_direction * actor_direction).sum(-1, keepdim=True),
            state[..., layout.pose],
            layout.is_actor(state),
            wanted,
            wanted - state[..., layout.wanted],
        ],
        -1,
    )


def relative_size(layout: Layout) -> int:
    """The last axis of `relative_tokens`."""
    return 4 * layout.positions + layout.physicals + 6 + 2 * layout.wants


def _length(x: Tensor) -> Tensor:
    """Euclidean length, rounded off below a centimetre so that directions stay smooth."""
    return (x.square().sum(-1, keepdim=True) + 1e-4).sqrt()


@dataclass(frozen=True)
class EntityNet:
    """Residual blocks in which each entity sees itself, the mean of all, and the actor.

    Blind to the order of the entities, free in their number; the head reads mean and maximum.
    """

    layout: Layout
    outputs: int
    members: int = 1
    with_action: bool = False
    width: int = 64
    hidden: int = 128
    blocks: int = 2
    head: int = 256
    precision: Precision = "float32"
    scale: float = 3.0  # 1 / m, brings positions on the table to about one

    def token_size(self) -> int:
        return relative_size(self.layout) + (self.layout.action_dim if self.with_action else 0)

    def init(self, generator: torch.Generator) -> Params:
        e, w, h = self.members, self.width, self.hidden
        params = {
            "embed.weight": dense(e, self.token_size(), w, generator),
            "embed.bias": torch.zeros(e, 1, w),
        }
        params |= init_pooled_blocks(e, w, h, self.blocks, generator)
        params["head.weight"] = dense(e, 2 * w, self.head, generator, 1.4)
        params["head.bias"] = torch.zeros(e, 1, self.head)
        params["out.weight"] = dense(e, self.head, self.outputs, generator, 0.1)
        params["out.bias"] = torch.zeros(e, 1, self.outputs)
        return params

    def tokens(self, state: Tensor, goal: Tensor, action: Tensor | None) -> Tensor:
        tokens = relative_tokens(self.layout, state, goal, self.scale)
        if self.with_action:
            assert action is not None
            spread = action[..., None, :].expand(*tokens.shape[:-1], action.shape[-1])
            tokens = torch.cat([tokens, spread], -1)
        return tokens

    def apply(
        self,
        params: Mapping[str, Tensor],
        state: Tensor,
        goal: Tensor,
        action: Tensor | None = None,
    ) -> Tensor:
        tokens = self.tokens(state, goal, action)
        batch, entities, size = tokens.shape
        members = params["embed.weight"].shape[0]
        flat = tokens.reshape(1, batch * entities, size).expand(members, -1, -1)
        x = product(params["embed.bias"], flat, params["embed.weight"], "float32")  # (E, B·N, W)
        x = pooled_blocks(params, x, (batch, entities), self.blocks, self.precision)
        y = normalise(x).view(members, batch, entities, -1)
        pooled = torch.cat([y.mean(2), y.amax(2)], -1)
        hidden = F.silu(product(params["head.bias"], pooled, params["head.weight"], self.precision))
        return product(params["out.bias"], hidden.float(), params["out.weight"], "float32")


@dataclass(frozen=True)
class FlatNet:
    """A multi-layer perceptron on [s, g(, a)] without ids, as HECRL's flat comparisons are."""

    layout: Layout
    outputs: int
    members: int = 1
    with_action: bool = False
    hidden: tuple[int, ...] = (256, 256, 256)
    precision: Precision = "float32"
    layer_norm: bool = True  # after each hidden activation; the paper has it in Q and V only
    scale: float = 3.0

    def input_size(self) -> int:
        n = self.layout.entities
        size = n * self.layout.physicals
        size += (n - 1) * (self.layout.positions + self.layout.wants)
        return size + (self.layout.action_dim if self.with_action else 0)

    def init(self, generator: torch.Generator) -> Params:
        e = self.members
        params: Params = {}
        size = self.input_size()
        for k, width in enumerate(self.hidden):
            params[f"layer{k}.weight"] = dense(e, size, width, generator, 1.4)
            params[f"layer{k}.bias"] = torch.zeros(e, 1, width)
            size = width
        params["out.weight"] = dense(e, size, self.outputs, generator, 0.1)
        params["out.bias"] = torch.zeros(e, 1, self.outputs)
        return params

    def apply(
        self,
        params: Mapping[str, Tensor],
        state: Tensor,
        goal: Tensor,
        action: Tensor | None = None,
    ) -> Tensor:
        parts = [
            self.scale * state[..., self.layout.position].flatten(-2),
            state[..., self.layout.pose].flatten(-2),
            self.scale * goal[..., 1:, self.layout.position].flatten(-2),
            goal[..., 1:, self.layout.wanted].flatten(-2),
        ]
        if self.with_action:
            assert action is not None
            parts.append(action)
        members = params["out.weight"].shape[0]
        x = torch.cat(parts, -1)[None].expand(members, -1, -1)
        for k in range(len(self.hidden)):
            weight, bias = params[f"layer{k}.weight"], params[f"layer{k}.bias"]
            x = F.gelu(product(bias, x, weight, self.precision).float())
            if self.layer_norm:
                x = normalise(x)
        return product(params["out.bias"], x, params["out.weight"], "float32")
