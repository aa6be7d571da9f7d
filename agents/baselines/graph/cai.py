"""graph-cai: what has influence on what will happen, whatever did happen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from entitybench.agents.baselines.graph.counterfactual import Counterfactual
from entitybench.agents.common.graph.gaussian import mean_and_scale, varies
from entitybench.agents.common.graph.learner import whole
from entitybench.agents.common.graph.replaced import replaced
from entitybench.errors import BadValue
from entitybench.seeding import generator

if TYPE_CHECKING:
    from entitybench.agents.common.graph.source import GraphSource

Tensor = torch.Tensor
Tensors = dict[str, Tensor]
DRAWN = 2_000  # transitions that other values are taken from


class CAI(Counterfactual):
    """Causal action influence (Seitzer et al., NeurIPS 2021), of entities as of actions.

    C_j = E_a KL(p(s'_j | s, a) || E_a' p(s'_j | s, a')), with the features of entity i in the place
    of the action for edges between entities; other values come from the data, the mixture is the
    Gaussian of its moments. It looks ahead: what happened does not enter.
    """

    def measure(self, source: GraphSource) -> None:
        """Other values of every cause, standardised, from transitions where it is there."""
        super().measure(source)
        drawn = source.sample(DRAWN, generator(self.seed, "others"))
        if not np.ptp(drawn["actions"], axis=0).any():
            raise BadValue(
                f"the action never changes in {source.store.id}: there is no controlled factor "
                "whose influence could be measured."
            )
        tensors = {name: torch.as_tensor(drawn[name]) for name in ("observations", "actions")}
        causes = self.inputs(self.params["model"], tensors).causes.numpy()  # (N + 1, K, C)
        there = np.concatenate([drawn["mask"], np.ones((DRAWN, 1), bool)], axis=1)
        values = np.zeros(self.buffers["noise"].shape, np.float32)
        for cause in range(len(causes)):
            present = np.flatnonzero(there[:, cause])
            if len(present):
                values[:, cause] = causes[cause, np.resize(present, len(values))]
        self.buffers["noise"] = torch.as_tensor(values)

    @torch.inference_mode()
    def scores(self, batch: Tensors) -> Tensor:
        model, mask = self.params["model"], whole(batch)
        inputs = self.inputs(model, batch)
        said = torch.stack(
            [
                replaced(self.network, model, inputs, mask, sample)
                for sample in self.buffers["noise"]
            ]
        )
        return influence(said, varies(model)[:, None]).permute(2, 0, 1) * mask


def influence(said: Tensor, known: Tensor) -> Tensor:
    """The mean of KL(one || Gaussian of the moments of all) (N, M, B), summed over features.

    Args:
        said: (K, N, M, B, 2 D), K Gaussians of each.
        known: (N, 1, 1, D), 1 for features that vary.
    """
    mean, scale = mean_and_scale(said)
    variance = torch.exp(2 * scale)
    middle = mean.mean(0)
    mixed = (variance + (mean - middle) ** 2).mean(0)
    # E_k KL = (log mixed - E_k log variance_k) / 2: the quadratic terms sum to those of -1.
    each = 0.5 * (torch.log(mixed) - (2 * scale).mean(0))
    return (each * known).sum(-1).clamp(min=0.0)
