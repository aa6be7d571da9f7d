"""SAC (Haarnoja et al. 2018), HER (Andrychowicz et al. 2017), and controls of its goals."""

from __future__ import annotations

from entitybench.agents.common.online.learner import OnlineLearner


class HER(OnlineLearner):
    """An `OnlineLearner`; a share of relabelled transitions of 0 makes it SAC."""
