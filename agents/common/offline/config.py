"""Settings that all offline learners on transitions share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from entitybench.agents.common.bounds import WIDTH, bounded
from entitybench.agents.common.config import Phase, TorchConfig


@dataclass(frozen=True, kw_only=True)
class OfflineConfig(TorchConfig):
    """Settings of an `OfflineLearner`. Raises BadValue."""

    hidden: tuple[int, ...] = (256, 256)
    grad_clip: float | None = None
    compile: bool = False  # on one core a tenth at most, for IQL; nothing for the others
    standardise: bool = True  # states by the dataset's means and deviations
    best: float = 1.0  # the share of episodes, those of the largest returns, to learn from

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, hidden=WIDTH, best="(0, 1]")


@dataclass(frozen=True, kw_only=True)
class RewardConfig(OfflineConfig):
    """Settings of a `RewardLearner`.

    Learned are rewards (r + shift) · scale; "range" also divides them by the range of the episodes'
    returns, so that it is `scale` (Kostrikov et al. 2022, appendix B: 1000).
    """

    reward_shift: float = 0.0
    reward_scale: float = 1.0
    returns: Literal["raw", "range"] = "raw"

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, reward_shift="(-inf, inf)", reward_scale="(0, inf)")


def constant(updates: int, rate: float = 3e-4) -> tuple[Phase, ...]:
    """One phase with one learning rate."""
    return (Phase(updates=updates, learning_rate=rate, final_learning_rate=rate),)
