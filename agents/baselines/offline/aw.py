"""Cloning of data whose episodes are drawn the more often the better they went.

Hong et al., "Harnessing Mixed Offline Reinforcement Learning Datasets via Trajectory Weighting",
ICLR 2023 (advantage weighting).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from entitybench.agents.baselines.offline.bc import BC, BCConfig
from entitybench.agents.common.bounds import bounded
from entitybench.agents.common.offline.trajectories import advantage_rows

if TYPE_CHECKING:
    from entitybench.types import Array


@dataclass(frozen=True, kw_only=True)
class AWConfig(BCConfig):
    """Settings of advantage weighting."""

    temperature: float = 0.1  # T, in shares of the range of returns

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, temperature="(0, inf)")


class AW(BC):
    """Behaviour cloning on episodes drawn with P(τ) ∝ exp((G(τ) − V(s₀)) / T)."""

    config_class: ClassVar[type[Any]] = AWConfig

    def row_weights(self, data: Any) -> Array:
        return advantage_rows(data, self.config.temperature)
