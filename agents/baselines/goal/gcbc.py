"""Goal-conditioned behaviour cloning: regress the action towards a later state of an episode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import torch

from entitybench.agents.baselines.goal.gciql import GCIQL
from entitybench.agents.common.goal.agent import GoalIQL

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from entitybench.agents.common.layers import Params
    from entitybench.datasets.sampling.goals import GoalSampler
    from entitybench.types import Batch

Tensor = torch.Tensor
Tensors = dict[str, Tensor]


class GCBC(GoalIQL):
    """MSE(π(s, g), a) with goals from the policy's mix; no value function."""

    presets = GCIQL.presets
    shipped = ("actor",)
    targets: ClassVar[Mapping[str, str]] = {}

    def init(self, rng: torch.Generator) -> None:
        self.params = {"actor": self.networks.actor.init(rng)}

    def draw(self, source: GoalSampler, rng: np.random.Generator) -> Batch:
        return source.sample(self.config.batch_size, rng, policy=self.phase.mix)

    def losses(
        self, params: Mapping[str, Params], batch: Tensors, constants: Tensors
    ) -> tuple[Tensor, Tensors]:
        del constants
        predicted = self.networks.act(params["actor"], batch["observations"], batch["policy_goals"])
        loss: Any = (predicted - batch["actions"]).square().mean()
        return loss, {"bc_error": loss.detach()}
