"""ExP-DPO: the model's explanations of right answers are preferred to its own wrong answers."""

from __future__ import annotations

from entitybench.agents.common.language.preferences import Preferences


class ExPDPO(Preferences):
    """Zhou et al. 2025: each round prefers what the present model explains; see `Preferences`."""
