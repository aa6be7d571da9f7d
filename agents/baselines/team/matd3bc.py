"""TD3+BC of each agent by itself, with shared networks and LayerNorm in the critics.

Fujimoto and Gu, "A Minimalist Approach to Offline Reinforcement Learning", NeurIPS 2021; of teams
as in Pan et al., OMAR, ICML 2022.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from entitybench.agents.baselines.offline.td3bc import TD3BC
from entitybench.agents.common.offline.config import constant
from entitybench.agents.common.team.values import TeamValues

if TYPE_CHECKING:
    from collections.abc import Mapping

PRESETS: Mapping[str, Mapping[str, Any]] = {  # of every learner on TD3 here
    "tiny": {"phases": constant(40, 1e-3), "batch_size": 16, "hidden": (16, 16)},
    "small": {"phases": constant(20_000), "batch_size": 128, "hidden": (128, 128)},
    "paper": {"phases": constant(500_000), "batch_size": 640, "hidden": (512, 512, 512, 512)},
}


class MATD3BC(TD3BC, TeamValues):
    """`TD3BC` whose states and actions are those of agents: each has a value of its own."""

    layer_norm: ClassVar[bool] = True
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS
