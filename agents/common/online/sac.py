"""Soft actor-critic (Haarnoja et al. 2018): its networks, and its losses as pure functions.

Shapes: E critics, B batch, F features, A numbers of an action; any axes in front of them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from entitybench.agents.common.mlp import init_mlp, mlp
from entitybench.agents.common.online.policy import HALF_LOG_2PI, LOG_STD

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.agents.common.layers import Params

Tensor = torch.Tensor
SMALL = 0.1  # gain of last layers: actions begin near 0, values small
MEMBERS = 2  # critics


def init_actor(features: int, actions: int, hidden: Sequence[int], rng: torch.Generator) -> Params:
    """A perceptron to means and logarithms of deviations."""
    return init_mlp(1, (features, *hidden, 2 * actions), rng, last=SMALL)


def init_critic(features: int, actions: int, hidden: Sequence[int], rng: torch.Generator) -> Params:
    """Twin perceptrons to values."""
    return init_mlp(MEMBERS, (features + actions, *hidden, 1), rng, last=SMALL)


def depth(params: Mapping[str, Tensor]) -> int:
    """Layers of a perceptron."""
    return sum(name.endswith(".weight") for name in params)


def values(params: Mapping[str, Tensor], state: Tensor, action: Tensor) -> Tensor:
    """Q (..., E, B) of states (..., B, F) and actions (..., B, A)."""
    x = torch.cat([state, action], -1).unsqueeze(-3)
    return mlp(params, x, depth(params))[..., 0]


def sample(params: Mapping[str, Tensor], state: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Actions tanh(u), u ~ N(mean, deviation²), and log π of them (..., B).

    log π = log N(u) − Σ log (1 − tanh² u): appendix C of the paper, in the form that does not
    overflow. `noise` (..., B, A) is standard normal.
    """
    both = mlp(params, state.unsqueeze(-3), depth(params))[..., 0, :, :]
    mean, log_std = both.chunk(2, -1)
    log_std = log_std.clamp(*LOG_STD)
    u = mean + log_std.exp() * noise
    squashed = 2.0 * (math.log(2.0) - u - F.softplus(-2.0 * u))
    density = -0.5 * noise.square() - log_std - HALF_LOG_2PI - squashed
    return torch.tanh(u), density.sum(-1)


def soft_targets(
    params: Mapping[str, Params], batch: Mapping[str, Tensor], discount: float
) -> Tensor:
    """The targets y = r + γ m (min Q̄(s', a') − α log π(a' | s')) (..., B), constants."""
    with torch.no_grad():
        action, density = sample(params["actor"], batch["next"], batch["next_noise"])
        after = values(params["critic_target"], batch["next"], action).amin(-2)
        after = after - params["temperature"]["log"].exp() * density
        return batch["reward"] + discount * batch["mask"] * after


def critic_loss(q: Tensor, y: Tensor, weight: Tensor | None = None) -> Tensor:
    """½ E (Q − y)², summed over the critics; with weights of the samples (..., B)."""
    error = (q - y.unsqueeze(-2)).square()
    if weight is not None:
        error = error * weight.unsqueeze(-2)
    return 0.5 * error.mean(-1).sum(-1)


def actor_losses(
    params: Mapping[str, Params], batch: Mapping[str, Tensor], entropy: float
) -> tuple[Tensor, Tensor, Tensor]:
    """E α log π(a | s) − min Q(s, a); −log α (E log π + H), H the entropy wanted; E log π."""
    action, density = sample(params["actor"], batch["state"], batch["noise"])
    held = {name: p.detach() for name, p in params["critic"].items()}
    q = values(held, batch["state"], action).amin(-2)
    log_temperature = params["temperature"]["log"]
    actor = (log_temperature.detach().exp() * density - q).mean(-1)
    mean = density.detach().mean(-1)
    return actor, -log_temperature[..., 0] * (mean + entropy), mean
