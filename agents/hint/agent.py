"""Hindsight relabelling using interactions (Chuck et al., ICLR 2025)."""

from __future__ import annotations

from entitybench.agents.common.online.learner import OnlineLearner


class HInt(OnlineLearner):
    """An `OnlineLearner` whose graphs of who acted on whom are the contacts of the simulation.

    What is relabelled is decided by `entitybench.agents.common.online.rules`, which read graphs and
    not contacts: inferred ones fit as well (`entitybench.agents.hint.inferred`).
    """
