"""graph-counterfactual: what would have changed the likelihood of an outcome, had it been noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from entitybench.agents.baselines.graph.gradient import Gradient
from entitybench.agents.common.bounds import bounded
from entitybench.agents.common.graph.learner import PRESETS, GraphConfig, whole
from entitybench.agents.common.graph.replaced import replaced
from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.types import TaskSpec

Tensor = torch.Tensor
Tensors = dict[str, Tensor]
WIDE = 3.0**0.5  # of uniform noise with deviation 1


@dataclass(frozen=True, kw_only=True)
class CounterfactualConfig(GraphConfig):
    """As `GraphConfig`."""

    samples: int = 8  # of noise, in each entity's place

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, samples="[1, 1000000]")


class Counterfactual(Gradient):
    """The mean of |log f_j[s'_j] - log f_j with uniform noise for s_i|, of an unmasked model.

    A baseline of the first author's public code for Chuck et al. (ICLR 2025). The noise is drawn
    once for a training seed.
    """

    config_class: ClassVar[type[Any]] = CounterfactualConfig
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **PRESETS,
        "tiny": {**PRESETS["tiny"], "samples": 2},
    }

    def __init__(self, config: Any, task: TaskSpec, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        n, c = self.network.entities + 1, self.network.causes
        noise = generator(seed, "noise").uniform(-WIDE, WIDE, (config.samples, n, c))
        noise[:, :, self.network.features :] = 0
        noise[:, -1] = generator(seed, "noise", 1).uniform(-1, 1, (config.samples, c))
        noise[:, -1, self.network.actions :] = 0
        self.buffers["noise"] = torch.as_tensor(noise, dtype=torch.float32)

    @torch.inference_mode()
    def scores(self, batch: Tensors) -> Tensor:
        model, mask = self.params["model"], whole(batch)
        inputs = self.inputs(model, batch)
        fit = self.likelihoods(model, batch, self.network.predict(model, inputs, mask))
        total = torch.zeros(())
        for sample in self.buffers["noise"]:
            other = replaced(self.network, model, inputs, mask, sample)  # (N, N + 1, B, 2 D)
            total = total + (fit[:, None] - self.likelihoods(model, batch, other)).abs()
        return (total / self.config.samples).permute(2, 0, 1) * mask
