"""Discriminator-weighted cloning with an oracle's knowledge of which steps are an expert's.

Xu, Zhan, Yin and Qin, "Discriminator-Weighted Offline Imitation Learning from Suboptimal
Demonstrations", ICML 2022. What others have to find out is read from the dataset's column "expert"
here: an upper bound to compare with, no method.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import torch

from entitybench.agents.baselines.offline.bc import BC
from entitybench.agents.common.offline.config import OfflineConfig
from entitybench.agents.common.offline.learner import OfflineLearner, Transitions
from entitybench.agents.common.offline.losses import weighted
from entitybench.agents.common.offline.networks import Actor, Critic
from entitybench.errors import BadValue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.agents.common.layers import Params
    from entitybench.types import Batch, TaskSpec

Tensor = torch.Tensor
FLAG = "expert"
LEAST, MOST = 0.1, 0.9  # of what the discriminator says


@dataclass(frozen=True, kw_only=True)
class DWBCConfig(OfflineConfig):
    """Settings of discriminator-weighted cloning."""

    policy: Literal["gaussian", "deterministic"] = "gaussian"


@dataclass(frozen=True)
class Flagged(Transitions):
    """Transitions, and those of the expert."""

    expert: Any


class DWBC(OfflineLearner):
    """A discriminator d of the expert's transitions E among all D, and a policy.

    L_d = −E_E log d(s, a) − E_D log (1 − d(s, a)), d within 0.1 and 0.9
    L_π = −E_D d / (1 − d) log π(a | s), or the squared error of a deterministic policy
    """

    config_class: ClassVar[type[Any]] = DWBCConfig
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = BC.presets

    def __init__(self, config: Any, task: TaskSpec, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        self.actor = Actor(self.states, self.actions, config.hidden, config.policy)
        self.discriminator = Critic(self.states, self.actions, config.hidden)

    def init(self, rng: torch.Generator) -> None:
        self.params = {
            "actor": self.actor.init(rng),
            "discriminator": self.discriminator.init(rng),
        }

    def source(self, data: Any) -> Flagged:
        """Raises BadValue for data that do not say whose their steps are."""
        if FLAG not in data.columns:
            raise BadValue(
                f"{self.config.agent} is told which steps are an expert's, and {data.id} has no "
                f"column {FLAG!r}: datasets named corrupt-… and embedded have one."
            )
        found = super().source(data)
        marked = np.asarray(data.columns[FLAG]).astype(bool)
        return Flagged(found.store, found.sampler, found.sampler.only(marked))

    def beside(
        self,
        batch: Batch,
        source: Transitions,
        rngs: Sequence[np.random.Generator],
        lead: tuple[int, ...],
    ) -> Batch:
        """With as many transitions of the expert."""
        assert isinstance(source, Flagged)
        size, expert = self.config.batch_size, source.expert
        drawn = expert.sample_many(size, rngs) if lead else expert.sample(size, rngs[0])
        found = self.prepared(drawn)
        return {**batch, **{f"expert_{key}": found[key] for key in ("observations", "actions")}}

    def losses(
        self,
        params: Mapping[str, Params],
        batch: dict[str, Tensor],
        constants: dict[str, Tensor],
    ) -> tuple[Tensor, dict[str, Tensor]]:
        del constants
        state, action = batch["observations"], batch["actions"]
        d, expert = (
            self.says(params, batch[f"{whose}observations"], batch[f"{whose}actions"])
            for whose in ("", "expert_")
        )
        discriminator_loss = -expert.log().mean(-1) - (1.0 - d).log().mean(-1)
        mean = self.actor.act(params["actor"], state)
        weight = (d / (1.0 - d)).detach()
        actor_loss = weighted(weight, self.actor.error(params["actor"], mean, action))
        logs = {
            "discriminator_loss": discriminator_loss,
            "actor_loss": actor_loss,
            "weight": weight.mean(-1),
            "bc_error": (mean - action).square().mean((-2, -1)),
        }
        return discriminator_loss + actor_loss, {k: v.detach() for k, v in logs.items()}

    def says(self, params: Mapping[str, Params], state: Tensor, action: Tensor) -> Tensor:
        """D (..., B) in [0.1, 0.9]."""
        logit = self.discriminator.value(params["discriminator"], state, action)[..., 0, :]
        return torch.sigmoid(logit).clamp(LEAST, MOST)
