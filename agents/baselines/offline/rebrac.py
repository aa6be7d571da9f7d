"""ReBRAC: TD3+BC with penalties of policy and critics apart, LayerNorm and deeper networks.

Tarasov, Kurenkov, Nikulin and Kolesnikov, "Revisiting the Minimalist Approach to Offline
Reinforcement Learning", NeurIPS 2023.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from entitybench.agents.common.bounds import bounded
from entitybench.agents.common.offline.config import constant
from entitybench.agents.common.offline.td3 import TD3Config, TD3Learner

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch


@dataclass(frozen=True, kw_only=True)
class ReBRACConfig(TD3Config):
    """Settings of ReBRAC; the penalties are in the middle of those its authors tuned over."""

    actor_penalty: float = 0.01  # β₁
    critic_penalty: float = 0.01  # β₂

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, actor_penalty="[0, inf)", critic_penalty="[0, inf)")


class ReBRAC(TD3Learner):
    """A `TD3Learner` with LayerNorm in the critics and two penalties.

    L_π = β₁ E ‖π(s) − a‖² − λ E min Q(s, π(s)), λ = 1 / E |min Q|
    penalty = β₂ ‖a' − â‖², â the next action of the data; 0 after the last one of an episode
    """

    config_class: ClassVar[type[Any]] = ReBRACConfig
    columns: ClassVar[tuple[str, ...]] = (*TD3Learner.columns, "terminals")
    following: ClassVar[tuple[str, ...]] = ("actions",)
    layer_norm: ClassVar[bool] = True
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"phases": constant(40, 1e-3), "batch_size": 32, "hidden": (16, 16)},
        "small": {"phases": constant(5_000, 1e-3), "batch_size": 256, "hidden": (64, 64, 64)},
        "paper": {
            "phases": constant(1_000_000, 1e-3),
            "batch_size": 1024,
            "hidden": (256, 256, 256),
        },
    }

    def penalty(
        self, next_action: torch.Tensor, batch: Mapping[str, torch.Tensor]
    ) -> torch.Tensor | float:
        away = (next_action - batch["next_actions"]).square().sum(-1)
        return self.config.critic_penalty * (1.0 - batch["terminals"]) * away

    def policy_loss(
        self, q: torch.Tensor, predicted: torch.Tensor, action: torch.Tensor
    ) -> torch.Tensor:
        least = q.amin(-2)
        size = least.abs().mean(-1).detach() + 1e-6
        away = (predicted - action).square().sum(-1).mean(-1)
        return self.config.actor_penalty * away - least.mean(-1) / size
