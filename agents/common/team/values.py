"""What learners of values for teams share: rewards and ends of agents, and sums over a team."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from entitybench.agents.common.offline.rewards import RewardLearner
from entitybench.agents.common.team.learner import TeamLearner

if TYPE_CHECKING:
    from entitybench.types import Batch

Tensor = torch.Tensor


class TeamValues(RewardLearner, TeamLearner):
    """A `TeamLearner` whose batches also hold scaled "rewards" and "masks", both (B·M,).

    So the losses of a single agent are those of M agents that learn by themselves and share
    parameters; `mixed` makes them a team. Choices are vectors.
    """

    vectors: ClassVar[bool] = True

    def prepared(self, batch: Batch) -> Batch:
        batch = super().prepared(batch)
        rewards, masks = batch["rewards"], batch["masks"]  # (..., B, M) and (..., B)
        batch["rewards"] = rewards.reshape(*rewards.shape[:-2], -1)
        batch["masks"] = _each(masks, self.agents)
        return batch

    def mixed(self, x: Tensor) -> Tensor:
        """The mean over the agents of numbers (..., B·M): (..., B) of the team."""
        return mean_of_team(x, self.agents)


def mean_of_team(x: Tensor, agents: int) -> Tensor:
    """(..., B) of (..., B·M): Q_tot = Σ Q_i / M, the value decomposition of VDN but for a factor.

    Sunehag et al., "Value-Decomposition Networks for Cooperative Multi-Agent Learning", AAMAS 2018.
    """
    return x.unflatten(-1, (-1, agents)).mean(-1)


def _each(x: Any, agents: int) -> Any:
    """(..., B·M) of (..., B), the same for every agent."""
    return x.repeat_interleave(agents, -1) if isinstance(x, Tensor) else np.repeat(x, agents, -1)
