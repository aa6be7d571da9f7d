"""DPO on the planner's own solutions."""

from __future__ import annotations

from entitybench.agents.common.language.preferences import Preferences


class DPO(Preferences):
    """Rafailov et al. 2023: the planner's log is preferred to the model's own wrong answers."""
