"""graph-ncd: some contexts, each with a graph of its own, and which one holds now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from entitybench.agents.common.bounds import bounded
from entitybench.agents.common.graph.learner import GraphConfig, GraphLearner, mean_of, whole
from entitybench.agents.common.graph.masks import diagonal, off_diagonal_mean
from entitybench.agents.common.layers import dense
from entitybench.agents.common.mlp import RELU_GAIN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.agents.common.layers import Params

Tensor = torch.Tensor
Tensors = dict[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class NCDConfig(GraphConfig):
    """As `GraphConfig`."""

    contexts: int = 8  # of each target
    sparsity: float = 0.05  # nats that an edge of a context costs

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, contexts="[2, 1000]", sparsity="[0, inf)")


class NCD(GraphLearner):
    """Neural contextual decomposition: p(s'_j | s, a) = sum_z p(z | s, a) p(s'_j | s, a, graph z).

    After Hwang et al., On Discovery of Local Independence over Continuous Variables via Neural
    Contextual Decomposition (CLeaR 2023). Each target has contexts of its own. The sum over
    contexts is exact, so that nothing is sampled; graphs are soft while they are learned.
    """

    config_class: ClassVar[type[Any]] = NCDConfig
    shipped: ClassVar[tuple[str, ...]] = ("model", "contexts")

    def init(self, rng: torch.Generator) -> None:
        super().init(rng)
        n, h, k = self.network.entities, self.config.width, self.config.contexts
        inputs = n * self.network.features + self.network.actions
        self.params["contexts"] = {
            "graphs": 1.0 + 0.5 * torch.randn(k, n, n + 1, generator=rng),  # logits
            "w0": dense(1, inputs, 2 * h, rng, RELU_GAIN),
            "b0": torch.zeros(1, 1, 2 * h),
            "w1": dense(1, 2 * h, 2 * h, rng, RELU_GAIN),
            "b1": torch.zeros(1, 1, 2 * h),
            "w2": dense(1, 2 * h, n * k, rng, 0.1),
            "b2": torch.zeros(1, 1, n * k),
        }

    def losses(
        self, params: Mapping[str, Params], batch: Tensors, constants: Tensors
    ) -> tuple[Tensor, Tensors]:
        del constants
        model, graph = params["model"], whole(batch)
        inputs, chance = self.inputs(model, batch), self.chance(params, batch)
        fits, sizes = [], []
        for context in range(self.config.contexts):
            mask = self.graph(params, context, graph)
            fits.append(self.likelihoods(model, batch, self.network.predict(model, inputs, mask)))
            sizes.append(off_diagonal_mean(mask, graph))
        joint = torch.stack(fits) + torch.log_softmax(chance, dim=0)  # (K, N, B)
        loss = mean_of(-torch.logsumexp(joint, dim=0), batch["mask"])
        size = torch.stack(sizes).mean() * graph.shape[-1]
        return loss + self.config.sparsity * size, {"loss": loss.detach(), "size": size.detach()}

    def chance(self, params: Mapping[str, Params], batch: Tensors) -> Tensor:
        """Logits (K, N, B) of p(z | s, a)."""
        inputs, net = self.inputs(params["model"], batch), params["contexts"]
        states = inputs.targets.transpose(0, 1) * batch["mask"][..., None]
        x = torch.cat([states.flatten(1), batch["actions"]], dim=-1)[None]
        x = torch.relu(torch.baddbmm(net["b0"], x, net["w0"]))
        x = torch.relu(torch.baddbmm(net["b1"], x, net["w1"]))
        out = torch.baddbmm(net["b2"], x, net["w2"])[0]
        return out.unflatten(-1, (self.config.contexts, self.network.entities)).permute(1, 2, 0)

    def graph(self, params: Mapping[str, Params], context: int, graph: Tensor) -> Tensor:
        """The graph of a context, of those who are there: (B, N, N + 1)."""
        soft = torch.sigmoid(params["contexts"]["graphs"][context])
        return torch.maximum(soft.expand_as(graph), diagonal(graph)) * graph

    @torch.inference_mode()
    def scores(self, batch: Tensors) -> Tensor:
        """The expected graph."""
        chance = torch.softmax(self.chance(self.params, batch), dim=0)  # (K, N, B)
        soft = torch.sigmoid(self.params["contexts"]["graphs"])  # (K, N, N + 1)
        return torch.einsum("knb,knm->bnm", chance, soft) * whole(batch)
