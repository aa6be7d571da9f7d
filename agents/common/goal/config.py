"""Phases of goal-conditioned training."""

from __future__ import annotations

from dataclasses import dataclass

from entitybench.agents.common.config import Phase
from entitybench.datasets.sampling.goals import GoalMix  # noqa: TC001 - read at run time


@dataclass(frozen=True, kw_only=True)
class GoalPhase(Phase):
    """A stretch of training with one policy objective."""

    alpha: float  # weight of the behaviour-cloning term
    mix: GoalMix  # which goals the policy learns
