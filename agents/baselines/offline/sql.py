"""Sparse Q-learning: values regularised implicitly by χ², which makes weights zero.

Xu et al., "Offline RL with No OOD Actions: In-Sample Learning via Implicit Value Regularization",
ICLR 2023.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from entitybench.agents.common.bounds import bounded
from entitybench.agents.common.offline.implicit import ImplicitConfig, ImplicitLearner
from entitybench.agents.common.offline.losses import MOST_WEIGHT

Tensor = torch.Tensor


@dataclass(frozen=True, kw_only=True)
class SQLConfig(ImplicitConfig):
    """Settings of SQL; `alpha` as its authors' code has it for locomotion."""

    alpha: float = 1.0  # α, of the regulariser: the smaller, the greedier

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, alpha="(0, inf)")


def sparse_value_loss(advantage: Tensor, value: Tensor, alpha: float) -> Tensor:
    """Mean 1(z > 0) z² + V / α, z = 1 + A / (2α) (Xu et al. 2023, section 4)."""
    z = torch.relu(1.0 + advantage / (2.0 * alpha))
    return (z.square() + value / alpha).mean(-1)


class SQL(ImplicitLearner):
    """An `ImplicitLearner` with these.

    L_V = E 1(z > 0) z² + V(s) / α, z = 1 + (min Q̄(s, a) − V(s)) / (2α)
    w(A) = max(A, 0), at most 100: what their code clones by; the paper has max(z, 0)
    """

    config_class: ClassVar[type[Any]] = SQLConfig

    def value_loss(self, advantage: Tensor, value: Tensor) -> Tensor:
        return sparse_value_loss(advantage, value, self.config.alpha)

    def weight(self, advantage: Tensor) -> Tensor:
        return advantage.clamp(0.0, MOST_WEIGHT)
