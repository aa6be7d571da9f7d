"""TD3+BC: a deterministic policy that climbs Q and stays near the actions of the data.

Fujimoto and Gu, "A Minimalist Approach to Offline Reinforcement Learning", NeurIPS 2021.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from entitybench.agents.common.bounds import bounded
from entitybench.agents.common.offline.config import constant
from entitybench.agents.common.offline.losses import ddpg_bc_loss
from entitybench.agents.common.offline.td3 import TD3Config, TD3Learner

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch


@dataclass(frozen=True, kw_only=True)
class TD3BCConfig(TD3Config):
    """Settings of TD3+BC."""

    alpha: float = 2.5  # weight of Q, whose mean size is one, beside the squared error

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, alpha="(0, inf)")


class TD3BC(TD3Learner):
    """A `TD3Learner` whose policy stays near the actions of the data.

    L_π = −λ E Q₁(s, π(s)) + E (π(s) − a)², λ = α / E |Q₁|              (equations 3 to 5)
    """

    config_class: ClassVar[type[Any]] = TD3BCConfig
    climbed: ClassVar[int] = 1
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"phases": constant(40, 1e-3), "batch_size": 32, "hidden": (16, 16)},
        "small": {  # so few updates leave Q unfinished: it counts less
            "phases": constant(5_000, 1e-3),
            "batch_size": 128,
            "hidden": (64, 64),
            "alpha": 0.5,
        },
        "paper": {"phases": constant(1_000_000), "batch_size": 256, "hidden": (256, 256)},
    }

    def policy_loss(
        self, q: torch.Tensor, predicted: torch.Tensor, action: torch.Tensor
    ) -> torch.Tensor:
        alpha = self.config.alpha
        return alpha * ddpg_bc_loss(q[..., 0, :], predicted, action, 1 / alpha)
