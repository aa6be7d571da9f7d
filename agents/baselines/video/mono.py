"""Latent action models without slots: one latent for all that happens between two frames.

After AdaWorld (Gao et al. 2025), a Gaussian, and Genie (Bruce et al. 2024), codes; and the same
forward model given the true actions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import torch
import torch.nn.functional as F

from entitybench.agents.common.layers import Params, normalise
from entitybench.agents.common.vision.blocks import (
    attention,
    by_slot,
    by_time,
    feed,
    gaussian,
    init_ages,
    init_attention,
    init_feed,
    init_gaussian,
    init_layer,
    init_places,
    layer,
    over_time,
)
from entitybench.agents.common.vision.latent import LatentConfig, LatentLearner, warmed
from entitybench.agents.common.vision.settings import SIZES
from entitybench.envs.api import world_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.agents.common.vision.learner import Film
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Batch

Tensor = torch.Tensor
Tensors = dict[str, Tensor]
CODES = 8  # of a codebook, as in Genie
COMMITMENT = 0.25  # of what is coded to its code (van den Oord et al. 2017, equation 3)


@dataclass(frozen=True, kw_only=True)
class MonoConfig(LatentConfig):
    """What stands between the inverse and the forward model."""

    # gaussian: numbers with noise, paid for in nats; codes: one of eight vectors a factor; true:
    # no inverse model, but the true actions of all.
    latent: Literal["gaussian", "codes", "true"] = "gaussian"
    grouped: bool = False  # an action token for each factor, not one that gives all of them


class Mono(LatentLearner):
    """Action tokens look at all tokens of two frames; all tokens of the next frame hear of it."""

    config_class: ClassVar[type[Any]] = MonoConfig
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {**SIZES["tiny"], "phases": warmed(20, 1e-3, 4)},
        "small": {**SIZES["small"], "phases": warmed(4_000, 3e-4, 200)},
        "paper": {**SIZES["paper"], "phases": warmed(50_000, 1e-4, 1_000)},
    }

    @property
    def given(self) -> int:
        """Numbers of the true actions of all, together."""
        return math.prod(world_of(self.task).action_shape)

    @property
    def askers(self) -> int:
        """Action tokens of a frame."""
        return self.factors if self.config.grouped else 1

    def init_model(self, rng: torch.Generator) -> Params:
        c, w, features = self.config, self.config.width, self.tokenizer.features
        params: Params = {}
        if c.latent == "true":
            params |= init_layer("known", self.given, w, rng) | init_layer("act", w, w, rng)
        else:
            params |= self._init_inverse(rng)
            params |= init_layer("act", self.factors * c.action_dim, w, rng)
        params |= init_layer("paint", features, w, rng)
        params |= init_places("paint", self.positions, w, rng)
        for k in range(c.blocks):
            params |= init_attention(f"grid{k}", w, rng) | init_feed(f"grid{k}", w, rng)
        return params | init_layer("change", w, features, rng, 0.0)

    def _init_inverse(self, rng: torch.Generator) -> Params:
        c, w = self.config, self.config.width
        params = init_layer("see", self.tokenizer.features, w, rng)
        params |= init_places("see", self.positions, w, rng)
        params["asker"] = torch.randn(1, self.askers, w, generator=rng)
        for k in range(c.blocks):
            params |= init_attention(f"space{k}", w, rng) | init_feed(f"space{k}", w, rng)
            params |= init_attention(f"time{k}", w, rng) | init_ages(f"time{k}", c.heads, c.window)
        params |= init_gaussian("infer", w, self.factors // self.askers * c.action_dim, rng)
        if c.latent == "codes":
            params["codes"] = torch.randn(1, self.factors, CODES, c.action_dim, generator=rng)
        return params

    def states(self, model: Mapping[str, Tensor], tokens: Tensor) -> Tensor:
        del model
        return tokens

    def inferred(self, model: Mapping[str, Tensor], states: Tensor) -> tuple[Tensor, Tensor]:
        batch, length = states.shape[:2]
        x = layer(model, "see", states.flatten(0, 1)) + model["see.place"]
        x = torch.cat([x, model["asker"].expand(len(x), -1, -1)], 1)
        count = x.shape[1]
        for k in range(self.config.blocks):
            x = attention(model, f"space{k}", x, None, self.config.heads)
            lines = by_slot(x.unflatten(0, (batch, length)))
            mask = over_time(model, f"time{k}", length, length)
            lines = attention(model, f"time{k}", lines, None, self.config.heads, mask)
            x = feed(model, f"space{k}", by_time(lines, count).flatten(0, 1))
        asked = x[:, -self.askers :].unflatten(0, (batch, length))[:, 1:]
        shape = (batch, length - 1, self.factors, self.config.action_dim)
        mean, log_deviation = gaussian(model, "infer", asked)
        return mean.reshape(shape), log_deviation.reshape(shape)

    def ahead(
        self, model: Mapping[str, Tensor], tokens: Tensor, state: Tensor, action: Tensor
    ) -> tuple[Tensor, Tensor]:
        del state
        given = action.flatten(1)[:, None]  # (B, 1, G d), or the true actions
        if self.config.latent == "true":
            given = F.gelu(layer(model, "known", given))
        x = layer(model, "paint", tokens) + model["paint.place"] + layer(model, "act", given)
        for k in range(self.config.blocks):
            x = attention(model, f"grid{k}", x, None, self.config.heads)
            x = feed(model, f"grid{k}", x)
        after = tokens + layer(model, "change", normalise(x))
        return after, after

    # What stands between

    def draw(self, source: Film, rng: np.random.Generator) -> Batch:
        if self.config.latent == "gaussian":
            return super().draw(source, rng)
        known = self.config.latent == "true"
        return source.clips(self.config.batch_size, self.config.window - 1, rng, actions=known)

    def bottleneck(
        self, model: Mapping[str, Tensor], states: Tensor, batch: Tensors
    ) -> tuple[Tensor, Tensor, Tensors]:
        if self.config.latent == "gaussian":
            return super().bottleneck(model, states, batch)
        if self.config.latent == "true":
            apart = batch["actions"].unflatten(-1, (len(world_of(self.task).driven), -1))
            return apart, states.new_zeros(()), {}
        mean, _ = self.inferred(model, states)
        return coded(mean, model["codes"][0])

    def drawn(self, model: Mapping[str, Tensor], like: Tensor, rng: BatchGenerator) -> Tensor:
        """Of Gaussians, of all codes alike, or of all actions."""
        if self.config.latent == "gaussian":
            return super().drawn(model, like, rng)
        if self.config.latent == "true":
            any_action = rng.uniform(-1, 1, tuple(like.shape)).astype(np.float32)
            return torch.as_tensor(any_action, device=self.device)
        picked = torch.as_tensor(rng.integers(0, CODES, tuple(like.shape[:3])), device=self.device)
        codes = F.normalize(model["codes"][0], dim=-1)
        return codes[torch.arange(len(codes), device=self.device), picked]


def coded(given: Tensor, codes: Tensor) -> tuple[Tensor, Tensor, Tensors]:
    """The nearest code of each factor, what it costs, and how many codes are in use.

    Vector quantisation (van den Oord et al. 2017) of unit vectors; gradients pass straight through.

    Args:
        given: (B, T, G, d).
        codes: (G, CODES, d), a codebook a factor.
    """
    given, codes = F.normalize(given, dim=-1), F.normalize(codes, dim=-1)
    near = torch.einsum("btgd,gkd->btgk", given, codes)
    picked = F.one_hot(near.argmax(-1), codes.shape[-2]).to(given.dtype)
    code = torch.einsum("btgk,gkd->btgd", picked, codes)
    apart = (code - given.detach()).square().sum(-1).mean()
    committed = (code.detach() - given).square().sum(-1).mean()
    used = picked.amax((0, 1)).sum(-1).mean()
    return given + (code - given).detach(), apart + COMMITMENT * committed, {"codes": used}
