"""graph-jaci: a forward model and a mask that learn together, the mask as small as it can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
import torch.nn.functional as F

from entitybench.agents.common.bounds import bounded
from entitybench.agents.common.graph.gaussian import normalised_change
from entitybench.agents.common.graph.heads import head, init_head
from entitybench.agents.common.graph.learner import GraphConfig, GraphLearner, whole
from entitybench.agents.common.graph.masks import diagonal, off_diagonal_mean
from entitybench.agents.common.standard import CLIP

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.agents.common.layers import Params

Tensor = torch.Tensor
Tensors = dict[str, Tensor]
FASTER = 10.0  # the multiplier's rate, in rates of the networks


@dataclass(frozen=True, kw_only=True)
class JACIConfig(GraphConfig):
    """As `GraphConfig`."""

    slack: float = 0.3  # nats an entity by which the masked model may explain less than the whole

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, slack="[0, inf)")


class JACI(GraphLearner):
    """min -log f(s, a, h(s, a, s'))_j[s'_j] + lambda |h|_1, the edge is h.

    After Chuck et al., Automated Discovery of Functional Actual Causes in Complex Environments
    (2024). No null data. lambda is adapted: it is the multiplier of the constraint that the masked
    model explains the outcome as well as the whole one, up to `slack`; it grows while that holds.
    """

    config_class: ClassVar[type[Any]] = JACIConfig
    shipped: ClassVar[tuple[str, ...]] = ("model", "head")

    def init(self, rng: torch.Generator) -> None:
        super().init(rng)
        self.params["head"] = init_head(self.network, rng, start=1.0)
        self.params["weight"] = {"log": torch.full((1,), -2.0)}

    def losses(
        self, params: Mapping[str, Params], batch: Tensors, constants: Tensors
    ) -> tuple[Tensor, Tensors]:
        del constants
        graph = whole(batch)
        own = diagonal(graph)
        h = torch.maximum(self.named(params, batch), own) * graph
        masked, full = self.fit(params, batch, h), self.fit(params, batch, graph)
        size, log = off_diagonal_mean(h, graph), params["weight"]["log"][0]
        room = (full + self.config.slack - masked).detach()
        # Ascent on the multiplier: it grows where there is room for a smaller mask.
        adapted = -FASTER * F.softplus(log) * room.clamp(-1, 1)
        count = graph.shape[-1]
        loss = masked + full + F.softplus(log).detach() * count * size + adapted
        logs = {"masked": masked, "whole": full, "size": size, "lambda": F.softplus(log)}
        return loss, {name: x.detach() for name, x in logs.items()}

    def named(self, params: Mapping[str, Params], batch: Tensors) -> Tensor:
        """H (B, N, N + 1)."""
        model = params["model"]
        change = normalised_change(model, batch["observations"], batch["next_observations"])
        inputs = self.inputs(model, batch)
        return torch.sigmoid(head(self.network, params["head"], inputs, change.clamp(-CLIP, CLIP)))

    @torch.inference_mode()
    def scores(self, batch: Tensors) -> Tensor:
        return self.named(self.params, batch) * whole(batch)
