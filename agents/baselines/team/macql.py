"""TD3 of each agent by itself, whose critics are pushed down where the data have no actions.

Kumar et al., "Conservative Q-Learning for Offline Reinforcement Learning", NeurIPS 2020; of teams
as in Pan et al., OMAR, ICML 2022.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from entitybench.agents.baselines.offline.cql import conservative_loss
from entitybench.agents.baselines.team.matd3bc import PRESETS
from entitybench.agents.common.bounds import bounded
from entitybench.agents.common.offline.td3 import TD3Config, TD3Learner
from entitybench.agents.common.team.values import TeamValues

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.agents.common.layers import Params
    from entitybench.agents.common.offline.learner import Transitions
    from entitybench.types import Batch

Tensor = torch.Tensor


@dataclass(frozen=True, kw_only=True)
class MACQLConfig(TD3Config):
    """Settings of MACQL."""

    conservatism: float = 1.0  # weight of the penalty
    samples: int = 10  # actions of each of three kinds that it is estimated with
    spread: float = 0.2  # deviation of those around the policy's

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, conservatism="[0, inf)", samples="[1, 1000]", spread="(0, inf)")


class MACQL(TD3Learner, TeamValues):
    """A `TD3Learner` of agents with the penalty of CQL.

    L_Q += w (log E exp Q(o, ·) − Q(o, a)), actions uniform, near π(o) and near π(o')
    L_π = −E Q₁(o, π(o))
    """

    config_class: ClassVar[type[Any]] = MACQLConfig
    layer_norm: ClassVar[bool] = True
    climbed: ClassVar[int] = 1
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **PRESETS,
        "tiny": {**PRESETS["tiny"], "samples": 2},
        "small": {**PRESETS["small"], "samples": 4},
    }

    def beside(
        self,
        batch: Batch,
        source: Transitions,
        rngs: Sequence[np.random.Generator],
        lead: tuple[int, ...],
    ) -> Batch:
        """With uniform actions (..., B·K, A) and normal noise (..., 2, B·K, A)."""
        batch = super().beside(batch, source, rngs, lead)
        size = (self.rows * self.config.samples, self.actions)
        uniform = np.stack([rng.random(size, np.float32) * 2 - 1 for rng in rngs])
        normal = np.stack([rng.standard_normal((2, *size), np.float32) for rng in rngs])
        batch["uniform"] = uniform.reshape(*lead, *size)
        batch["around"] = normal.reshape(*lead, 2, *size)
        return batch

    def regulariser(
        self, params: Mapping[str, Params], q: Tensor, batch: Mapping[str, Tensor]
    ) -> Tensor:
        k, spread = self.config.samples, self.config.spread
        state, noise = batch["observations"], batch["around"]
        with torch.no_grad():
            both = [
                self.actor.act(params["actor"], batch[name]).repeat_interleave(k, -2)
                + spread * noise[..., place, :, :]
                for place, name in enumerate(("observations", "next_observations"))
            ]
        density = -0.5 * noise.square().sum(-1) - self.actions * math.log(
            spread * math.sqrt(2 * math.pi)
        )  # (..., 2, B·K)
        flat = torch.full_like(density[..., 0, :], -self.actions * math.log(2.0))
        densities = torch.stack([flat, density[..., 0, :], density[..., 1, :]], -1)
        actions = torch.stack([batch["uniform"], *(x.clamp(-1, 1) for x in both)], -2)
        rows = actions.flatten(-3, -2)  # (..., B·K·3, A)
        values = self.critic.value(params["critic"], state.repeat_interleave(3 * k, -2), rows)
        of_state = values.unflatten(-1, (-1, 3 * k))
        found = conservative_loss(of_state, densities.flatten(-2).unflatten(-1, (-1, 3 * k)), q)
        return self.config.conservatism * found

    def policy_loss(self, q: Tensor, predicted: Tensor, action: Tensor) -> Tensor:
        del predicted, action
        return -q[..., 0, :].mean(-1)
