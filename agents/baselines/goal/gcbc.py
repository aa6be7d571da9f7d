"""Goal-conditioned behaviour cloning: regress the action towards a later state of an episode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from entitybench.agents.baselines.goal.gciql import GCIQL
from entitybench.agents.common.goal.agent import GoalIQL

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from entitybench.agents.common.networks import Params
    from entitybench.datasets.sampling.goals import GoalSampler
    from entitybench.types import Batch

Tensor = torch.Tensor


class GCBC(GoalIQL):
    """MSE(π(s, g), a) with goals from the policy's mix; no value function."""

    presets = GCIQL.presets
    shipped = ("actor",)

    def init(self, rng: torch.Generator) -> None:
        self.params = {"actor": self.networks.actor.init(rng)}

    def draw(self, sampler: GoalSampler, rng: np.random.Generator) -> Batch:
        stage, _ = self.stage()
        return sampler.sample(self.config.batch_size, rng, policy=stage.policy)

    def losses(
        self, params: Mapping[str, Params], target: Params, batch: dict[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        del target
        predicted = self.networks.act(params["actor"], batch["observations"], batch["policy_goals"])
        loss: Any = (predicted - batch["actions"]).square().mean()
        return loss, {"bc_error": loss.detach()}
