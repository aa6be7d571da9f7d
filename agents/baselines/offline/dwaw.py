"""Cloning weighted by a ratio of densities that is learned, on episodes drawn by advantage.

After Hong et al., "Beyond Uniform Sampling: Offline Reinforcement Learning with Imbalanced
Datasets", NeurIPS 2023.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch

from entitybench.agents.baselines.offline.bc import BC
from entitybench.agents.common.bounds import bounded
from entitybench.agents.common.offline.config import RewardConfig
from entitybench.agents.common.offline.losses import weighted
from entitybench.agents.common.offline.networks import Actor, Critic
from entitybench.agents.common.offline.rewards import RewardLearner
from entitybench.agents.common.offline.trajectories import advantage_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.agents.common.layers import Params
    from entitybench.types import Array, TaskSpec

Tensor = torch.Tensor


@dataclass(frozen=True, kw_only=True)
class DWAWConfig(RewardConfig):
    """Settings of density weighting."""

    policy: Literal["gaussian", "deterministic"] = "deterministic"
    temperature: float = 0.1  # T, in shares of the range of returns
    flow_penalty: float = 1.0  # λ_F, of ratios that change from a step to the next
    kl_penalty: float = 0.2  # λ_K, of ratios away from 1

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, temperature="(0, inf)", flow_penalty="[0, inf)", kl_penalty="[0, inf)")


def density_loss(
    logits: Tensor,
    following: Tensor,
    rewards: Tensor,
    goes_on: Tensor,
    penalties: tuple[float, ...],
) -> tuple[Tensor, Tensor]:
    """−E w r + λ_F E (w − w')² + λ_K E w log w, w of mean 1; and w (..., B).

    Args:
        logits: log w of transitions (..., B), up to a constant.
        following: of the transitions after them.
        rewards: (..., B).
        goes_on: 1 where there is a transition after.
        penalties: λ_F and λ_K.
    """
    size = math.log(logits.shape[-1]) - torch.logsumexp(logits, -1, keepdim=True)
    w, after = (logits + size).exp(), (following + size).exp()
    changed = (goes_on * (w - after).square()).mean(-1)
    away = (w * (logits + size)).mean(-1)
    return -(w * rewards).mean(-1) + penalties[0] * changed + penalties[1] * away, w


class DWAW(RewardLearner):
    """A ratio w(s, a) of densities to that of the data as they are drawn, and a policy.

    w has large rewards, flows from step to step, and stays near 1 (`density_loss`).
    L_π = E w(s, a) ‖π(s) − a‖², or −E w log π(a | s) of a Gaussian
    """

    config_class: ClassVar[type[Any]] = DWAWConfig
    columns: ClassVar[tuple[str, ...]] = (*RewardLearner.columns, "terminals")
    following: ClassVar[tuple[str, ...]] = ("actions",)
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = BC.presets

    def __init__(self, config: Any, task: TaskSpec, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        self.actor = Actor(self.states, self.actions, config.hidden, config.policy)
        self.density = Critic(self.states, self.actions, config.hidden)

    def init(self, rng: torch.Generator) -> None:
        self.params = {"actor": self.actor.init(rng), "density": self.density.init(rng)}

    def row_weights(self, data: Any) -> Array:
        return advantage_rows(data, self.config.temperature)

    def losses(
        self,
        params: Mapping[str, Params],
        batch: dict[str, Tensor],
        constants: dict[str, Tensor],
    ) -> tuple[Tensor, dict[str, Tensor]]:
        del constants
        state, action = batch["observations"], batch["actions"]
        # The ratios do not change with the bias of their logarithm: it has no gradient but noise.
        bias = f"layer{len(self.config.hidden)}.bias"
        density = {**params["density"], bias: params["density"][bias].detach()}
        now, then = (
            self.density.value(density, batch[f"{when}observations"], batch[f"{when}actions"])[
                ..., 0, :
            ]
            for when in ("", "next_")
        )
        penalties = (self.config.flow_penalty, self.config.kl_penalty)
        goes_on = 1.0 - batch["terminals"]
        loss, w = density_loss(now, then, batch["rewards"], goes_on, penalties)
        mean = self.actor.act(params["actor"], state)
        actor_loss = weighted(w, self.actor.error(params["actor"], mean, action))
        logs = {
            "density_loss": loss,
            "actor_loss": actor_loss,
            "most_weight": w.amax(-1),
            "bc_error": (mean - action).square().mean((-2, -1)),
        }
        return loss + actor_loss, {name: value.detach() for name, value in logs.items()}
