"""graph-attention: what a forward model attends to, acted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from entitybench.agents.common.bounds import bounded
from entitybench.agents.common.graph.learner import GraphConfig, GraphLearner, mean_of, whole
from entitybench.agents.common.graph.networks import each
from entitybench.agents.common.layers import dense
from entitybench.agents.common.mlp import RELU_GAIN
from entitybench.errors import BadValue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.agents.common.layers import Params

Tensor = torch.Tensor
Tensors = dict[str, Tensor]
_ABSENT = -1e9


@dataclass(frozen=True, kw_only=True)
class AttentionConfig(GraphConfig):
    """As `GraphConfig`; the width is that of all heads together."""

    heads: int = 4
    entropy: float = 0.01  # weight of the attention's entropy, which makes it sparse

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, heads="[1, 1000]", entropy="[0, inf)")
        if self.width % self.heads:
            raise BadValue(f"width is a multiple of heads, {self.heads}: got {self.width}.")


class Attention(GraphLearner):
    """One layer of attention from each target to all that are there; the edge is the mean weight.

    A baseline of Chuck et al. (ICLR 2025). A target's own features reach its prediction by
    attention alone, so that one on which nobody acts has something to attend to: itself.
    """

    config_class: ClassVar[type[Any]] = AttentionConfig

    def init(self, rng: torch.Generator) -> None:
        super().init(rng)
        net, h = self.network, self.config.width
        targets = 1 if self.config.shared else net.entities
        causes = 1 if self.config.shared else net.entities + 1
        kept = {k: p for k, p in self.params["model"].items() if k.startswith(("fixed.", "out."))}
        self.params["model"] = {
            **kept,
            "query": dense(targets, net.features, h, rng),
            "query.bias": 0.3 * torch.randn(net.entities, 1, h, generator=rng),
            "key": dense(causes, net.causes, h, rng),
            "key.bias": 0.3 * torch.randn(net.entities + 1, 1, h, generator=rng),
            "value": dense(causes, net.causes, h, rng, RELU_GAIN),
            "value.bias": torch.zeros(net.entities + 1, 1, h),
            "node.pooled": dense(targets, h, h, rng, RELU_GAIN),
            "node.bias": torch.zeros(net.entities, 1, h),
            "hidden.weight": dense(targets, h, h, rng, RELU_GAIN),
            "hidden.bias": torch.zeros(targets, 1, h),
        }

    def attention(self, model: Params, batch: Tensors) -> tuple[Tensor, Tensor]:
        """Predictions (N, B, 2 D), and weights (heads, N, N + 1, B)."""
        inputs, heads = self.inputs(model, batch), self.config.heads
        query = each(inputs.targets, model["query"]) + model["query.bias"]
        key = each(inputs.causes, model["key"]) + model["key.bias"]
        value = torch.relu(each(inputs.causes, model["value"]) + model["value.bias"])
        q, k, v = (x.unflatten(-1, (heads, -1)) for x in (query, key, value))
        logits = torch.einsum("nbhe,mbhe->hnmb", q, k) / q.shape[-1] ** 0.5
        open_ = whole(batch).permute(1, 2, 0)  # (N, N + 1, B)
        weights = torch.softmax(logits + (1 - open_) * _ABSENT, dim=2)
        pooled = torch.einsum("hnmb,mbhe->nbhe", weights, v).flatten(2)
        return self.network.read(model, pooled, None), weights

    def losses(
        self, params: Mapping[str, Params], batch: Tensors, constants: Tensors
    ) -> tuple[Tensor, Tensors]:
        del constants
        model = params["model"]
        predicted, weights = self.attention(model, batch)
        fit = mean_of(-self.likelihoods(model, batch, predicted), batch["mask"])
        spread = -(weights * torch.log(weights.clamp(min=1e-12))).sum(2).mean(0)  # (N, B)
        entropy = mean_of(spread, batch["mask"])
        return fit + self.config.entropy * entropy, {"loss": fit.detach()}

    @torch.inference_mode()
    def scores(self, batch: Tensors) -> Tensor:
        _, weights = self.attention(self.params["model"], batch)
        return weights.mean(0).permute(2, 0, 1) * whole(batch)
