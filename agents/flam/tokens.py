"""The tokenizer that all arms share; what it makes of the true frames bounds what they reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from entitybench.agents.common.bounds import bounded
from entitybench.agents.common.config import Phase
from entitybench.agents.common.vision.latent import MEASURED
from entitybench.agents.common.vision.learner import (
    TOKENIZER,
    VideoConfig,
    VideoLearner,
    as_frames,
    as_numbers,
)
from entitybench.agents.common.vision.settings import FRAMES
from entitybench.agents.common.vision.tokenizer import edges_apart
from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.agents.common.layers import Params
    from entitybench.agents.common.vision.learner import Film
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Batch

Tensor = torch.Tensor
Tensors = dict[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class TokensConfig(VideoConfig):
    """What is learned beside squared errors of pixels."""

    edges: float = 0.0  # weight of differences between neighbouring pixels

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, edges="[0, inf)")


def _phase(updates: int, rate: float) -> tuple[Phase, ...]:
    return (Phase(updates=updates, learning_rate=rate, final_learning_rate=0.1 * rate),)


class Tokens(VideoLearner):
    """Encodes frames, quantises, and decodes them again."""

    config_class: ClassVar[type[Any]] = TokensConfig
    shipped: ClassVar[tuple[str, ...]] = (TOKENIZER,)
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {**FRAMES["tiny"], "batch_size": 4, "phases": _phase(20, 1e-3)},
        "small": {**FRAMES["small"], "batch_size": 32, "phases": _phase(2_500, 1e-3)},
        "paper": {**FRAMES["paper"], "batch_size": 64, "phases": _phase(50_000, 1e-4)},
    }

    def init(self, rng: torch.Generator) -> None:
        self.params[TOKENIZER] = self.tokenizer.init(rng)

    @torch.no_grad()
    def measure(self, source: Film) -> None:
        """Frames begin as their mean colour."""
        frames = as_numbers(
            torch.as_tensor(source.stills(MEASURED, generator(self.seed, "statistics")))
        )
        self.params[TOKENIZER]["end.bias"] = 2 * frames.mean((0, 2, 3)) - 1

    def draw(self, source: Film, rng: np.random.Generator) -> Batch:
        return {"frames": source.stills(self.config.batch_size, rng)}

    def losses(
        self, params: Mapping[str, Params], batch: Tensors, constants: Tensors
    ) -> tuple[Tensor, Tensors]:
        del constants
        true = as_numbers(batch["frames"])
        made = self.again(params[TOKENIZER], true)
        square, edges = (made - true).square().mean(), edges_apart(made, true)
        loss = square + self.config.edges * edges
        logs = {"loss": loss, "psnr": -10 * torch.log10(square), "edges": edges}
        return loss, {name: x.detach() for name, x in logs.items()}

    def again(self, params: Mapping[str, Tensor], frames: Tensor) -> Tensor:
        """Frames (B, 3, H, W) out of their codes."""
        return self.tokenizer.decode(params, self.tokenizer.encode(params, frames))

    @torch.inference_mode()
    def roll_out(self, clips: Array, actions: Array, rng: BatchGenerator) -> Array:
        """The true frames, out of their codes; see `entitybench.types.Predictor`."""
        del actions, rng
        seen = self.looked_at(clips).unflatten(0, np.shape(clips)[:2])[:, 1:]
        made = [as_frames(self.again(self.params[TOKENIZER], x)) for x in seen.unbind(1)]
        return np.stack(made, axis=1)
