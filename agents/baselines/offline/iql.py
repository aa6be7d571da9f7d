"""Implicit Q-learning: values by expectile regression, the policy by advantage-weighted cloning.

Kostrikov, Nair and Levine, "Offline Reinforcement Learning with Implicit Q-Learning", ICLR 2022.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from entitybench.agents.common.bounds import bounded
from entitybench.agents.common.offline.implicit import ImplicitConfig, ImplicitLearner
from entitybench.agents.common.offline.losses import advantage_weight, expectile_loss

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class IQLConfig(ImplicitConfig):
    """Settings of IQL; defaults as published for locomotion (section 5 and appendix B)."""

    expectile: float = 0.7  # τ
    beta: float = 3.0  # inverse temperature of the weights

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, expectile="(0, 1)", beta="[0, inf)")


class IQL(ImplicitLearner):
    """An `ImplicitLearner` with these.

    L_V = E |τ − 1(u < 0)| u², u = min Q̄(s, a) − V(s)                        (equation 5)
    L_Q as there                                                              (equation 6)
    w(A) = exp(β A), at most 100                                              (equation 7)
    """

    config_class: ClassVar[type[Any]] = IQLConfig

    def value_loss(self, advantage: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        del value
        return expectile_loss(advantage, self.config.expectile)

    def weight(self, advantage: torch.Tensor) -> torch.Tensor:
        return advantage_weight(advantage, self.config.beta)
