"""The gradients of soft actor-critic by hand, in numpy: what autograd finds of `sac.py`, sooner.

With networks of 64 a step of automatic differentiation is mostly bookkeeping. Shapes: S training
seeds, E networks of a kind (two critics, one policy), B batch, F features, A numbers of an action.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from entitybench.agents.common.online.policy import HALF_LOG_2PI, LOG_STD

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.types import Array

Arrays = dict[str, Any]  # by name: "layer<k>.weight" (S, E, I, O), "layer<k>.bias" (S, E, 1, O)


def activations(params: Mapping[str, Array], x: Array) -> list[Array]:
    """Inputs (S, 1, B, I), what each rectified layer gives, and the outputs (S, E, B, O)."""
    found, count = [x], len(params) // 2
    for k in range(count):
        x = x @ params[f"layer{k}.weight"]
        x += params[f"layer{k}.bias"]
        if k < count - 1:
            np.maximum(x, 0, out=x)
        found.append(x)
    return found


def slopes(params: Mapping[str, Array], seen: Sequence[Array], slope: Array) -> Arrays:
    """Gradients of the parameters, from those of the outputs (S, E, B, O)."""
    found: Arrays = {}
    for k in reversed(range(len(seen) - 1)):
        found[f"layer{k}.weight"] = seen[k].swapaxes(-1, -2) @ slope
        found[f"layer{k}.bias"] = slope.sum(-2, keepdims=True)
        if k:
            slope = _before(params, seen, slope, k)
    return found


def slope_of_inputs(
    params: Mapping[str, Array], seen: Sequence[Array], slope: Array, first: int
) -> Array:
    """Gradients of the inputs from number `first` on, summed over the networks: (S, B, I)."""
    for k in reversed(range(1, len(seen) - 1)):
        slope = _before(params, seen, slope, k)
    found: Array = (slope @ params["layer0.weight"][..., first:, :].swapaxes(-1, -2)).sum(1)
    return found


def _before(params: Mapping[str, Array], seen: Sequence[Array], slope: Array, k: int) -> Array:
    weight = params[f"layer{k}.weight"].swapaxes(-1, -2)
    # With a single output a product of columns is quicker than one of matrices.
    found: Array = slope * weight if weight.shape[-2] == 1 else slope @ weight
    found *= seen[k] > 0
    return found


class Sample(NamedTuple):
    """Actions tanh(u) (S, B, A) of a policy, their log π (S, B), and what gradients need."""

    action: Array
    density: Array
    spread: Array  # deviation times noise
    free: Array  # where the logarithm of the deviation is within its bounds


def sample(out: Array, noise: Array) -> Sample:
    """As `sac.sample`, of a policy's outputs (S, 1, B, 2 A)."""
    mean, log_std = np.split(out[:, 0], 2, -1)
    free = (log_std >= LOG_STD[0]) & (log_std <= LOG_STD[1])
    log_std = log_std.clip(*LOG_STD)
    spread = np.exp(log_std) * noise
    u = mean + spread
    squashed = 2.0 * (math.log(2.0) - u - np.logaddexp(-2.0 * u, 0.0))
    density = (-0.5 * noise * noise - log_std - HALF_LOG_2PI - squashed).sum(-1)
    return Sample(np.tanh(u), density, spread, free)


def critic_step(
    params: Mapping[str, Arrays], batch: Mapping[str, Array], discount: float
) -> tuple[Arrays, dict[str, Array]]:
    """Gradients of `sac.critic_loss` for the critics, and logs (S,).

    With weights in the batch also "error" (S, B), |Q − y| of each sample.
    """
    temperature = np.exp(params["temperature"]["log"])
    new = sample(activations(params["actor"], batch["next"][:, None])[-1], batch["next_noise"])
    after = np.concatenate([batch["next"], new.action], -1)[:, None]
    value = activations(params["critic_target"], after)[-1][..., 0].min(1)
    value = value - temperature * new.density
    y = (batch["reward"] + discount * batch["mask"] * value)[:, None]
    x = np.concatenate([batch["state"], batch["action"]], -1)[:, None]
    seen = activations(params["critic"], x)
    q = seen[-1][..., 0]
    error = q - y
    slope, logs = error, {}
    if "weight" in batch:
        slope = error * batch["weight"][:, None]
        logs["error"] = np.abs(error).mean(-2)
    logs |= {"critic_loss": 0.5 * (slope * error).mean(-1).sum(-1), "q": q.mean((-2, -1))}
    slope = slope / np.float32(error.shape[-1])
    return slopes(params["critic"], seen, slope[..., None]), logs


def policy_step(
    params: Mapping[str, Arrays], batch: Mapping[str, Array], entropy: float
) -> tuple[Arrays, Arrays, dict[str, Array]]:
    """Gradients of `sac.actor_losses` for policy and temperature, and logs (S,)."""
    temperature = np.exp(params["temperature"]["log"])  # (S, 1)
    state, count = batch["state"], np.float32(batch["state"].shape[1])
    passed = activations(params["actor"], state[:, None])
    new = sample(passed[-1], batch["noise"])
    x = np.concatenate([state, new.action], -1)[:, None]
    seen = activations(params["critic"], x)
    q = seen[-1][..., 0]
    lowest = q.min(1, keepdims=True)
    chosen = (q == lowest).astype(np.float32)
    chosen /= -count * chosen.sum(1, keepdims=True)
    # Through the critics, through tanh, and what log π says of u itself.
    each = (temperature / count)[..., None]
    by_action = slope_of_inputs(params["critic"], seen, chosen[..., None], state.shape[-1])
    by_u = by_action * (1 - new.action * new.action) + 2 * each * new.action
    by_log_std = (by_u * new.spread - each) * new.free
    slope = np.concatenate([by_u, by_log_std], -1)[:, None]
    mean = new.density.mean(-1)
    logs = {
        "actor_loss": (temperature * new.density - lowest[:, 0]).mean(-1),
        "entropy": -mean,
        "temperature": temperature[:, 0],
    }
    return slopes(params["actor"], passed, slope), {"log": -(mean + entropy)[:, None]}, logs
