"""Factored latent action models (Wang, Shi et al., ICML 2026)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from entitybench.agents.common.bounds import bounded
from entitybench.agents.common.vision.latent import MODEL, LatentConfig, LatentLearner, warmed
from entitybench.agents.common.vision.settings import SIZES
from entitybench.agents.flam.networks import Factored

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.agents.common.layers import Params
    from entitybench.types import Array

Tensor = torch.Tensor


@dataclass(frozen=True, kw_only=True)
class FLAMConfig(LatentConfig):
    """The factorizer, and what of the factoring an ablation leaves out."""

    iterations: int = 2  # of slot attention
    temporal: bool = True  # slots hear their own past; else they begin as those a frame before
    coupled: bool = False  # the models see next slots and actions of all slots

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, iterations="[1, 100]")


class FLAM(LatentLearner):
    """A slot for each factor, with a latent action of its own; nothing else of the future passes.

    Slots learn from the prediction of the next frames alone.
    """

    config_class: ClassVar[type[Any]] = FLAMConfig
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {**SIZES["tiny"], "phases": warmed(20, 1e-3, 4)},
        "small": {**SIZES["small"], "phases": warmed(4_000, 3e-4, 200)},
        "paper": {**SIZES["paper"], "phases": warmed(50_000, 1e-4, 1_000), "iterations": 3},
    }

    @property
    def network(self) -> Factored:
        c = self.config
        return Factored(
            features=self.tokenizer.features,
            positions=self.positions,
            slots=self.factors,
            width=c.width,
            heads=c.heads,
            blocks=c.blocks,
            iterations=c.iterations,
            action_dim=c.action_dim,
            window=c.window,
            temporal=c.temporal,
            coupled=c.coupled,
        )

    def init_model(self, rng: torch.Generator) -> Params:
        return self.network.init(rng)

    def states(self, model: Mapping[str, Tensor], tokens: Tensor) -> Tensor:
        return self.network.factorize(model, tokens)[0]

    def inferred(self, model: Mapping[str, Tensor], states: Tensor) -> tuple[Tensor, Tensor]:
        return self.network.inferred(model, states[:, :-1], states[:, 1:])

    def ahead(
        self, model: Mapping[str, Tensor], tokens: Tensor, state: Tensor, action: Tensor
    ) -> tuple[Tensor, Tensor]:
        slots = self.network.step(model, state, action)
        return self.network.aggregate(model, tokens, slots), slots

    @torch.inference_mode()
    def masks(self, clips: Array) -> Array:
        """The slot of each pixel, (B, T + 1, H, W): that with the largest share of its token."""
        shares = self.network.factorize(self.params[MODEL], self.tokens(clips))[1]
        stride = self.tokenizer.stride
        edge = self.config.pixels // stride
        owner = shares.argmax(-2).unflatten(-1, (edge, edge)).cpu().numpy()
        return np.asarray(owner.repeat(stride, axis=-2).repeat(stride, axis=-1))
