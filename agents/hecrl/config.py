"""Settings of HECRL; see IQLConfig for what it shares with entity-centric IQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from entitybench.agents.common.bounds import LAYERS, WIDTH, bounded
from entitybench.agents.common.goal.agent import MEDIUM, PAPER_ENTITIES, IQLConfig
from entitybench.agents.common.goal.config import FAR, NEAR, GoalPhase, check_heads
from entitybench.datasets.sampling.goals import GoalMix  # noqa: TC001 - read at run time

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class HECRLConfig(IQLConfig):
    """Low level: IQL. High level: a subgoal diffuser, and the AWR regressor it is compared with."""

    subgoal_steps: int = 40  # K: how far ahead a subgoal lies in the data
    subgoal_goals: GoalMix = FAR
    high_level_from: int = 0  # update at which the high level begins to train
    diffusion_steps: int = 10
    predict: Literal["noise", "displacement"] = "displacement"
    subgoal_network: Literal["pooled", "transformer"] = "pooled"
    subgoal_width: int = 64
    subgoal_hidden: int = 128
    subgoal_layers: int = 3
    awr_beta: float = 3.0  # β_AWR of the ablation

    # Inference
    high_level: Literal["diffusion", "awr", "none"] = "diffusion"
    choice: Literal["filtered", "max-value", "random"] = "filtered"
    # When the goal itself is pursued: "value", where V(s, g) is above every subgoal's (the paper's
    # rule), or "near", where besides that V(s, g) is above R̂: far away V(s, g) is mostly noise.
    fallback: Literal["value", "near"] = "near"
    samples: int = 16  # subgoals drawn at a re-plan
    replan_steps: int = 20  # T_sg
    resolution: float = 0.02  # m; objects that a subgoal moves less stay where they are
    radius: float | None = None  # R̂; None: as `radius_steps` says
    radius_steps: int = 50  # R̂ = mean V(s, s_{t+this}) on the data
    max_subgoals: int = 1000  # then the goal itself is pursued

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, subgoal_steps="[1, inf)", high_level_from="[0, inf)", awr_beta="[0, inf)")
        bounded(self, subgoal_width=WIDTH, subgoal_hidden=WIDTH, subgoal_layers=LAYERS)
        bounded(self, diffusion_steps="[1, 10000]", samples="[1, 65536]", resolution="[0, inf)")
        bounded(self, replan_steps="[1, inf)", max_subgoals="[0, inf)")
        bounded(self, radius="(-inf, inf)", radius_steps="[1, inf)")
        if self.subgoal_network == "transformer":
            check_heads("subgoal_width", self.subgoal_width, self.heads)


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "tiny": {  # tests: seconds
        "phases": (
            GoalPhase(
                updates=30, alpha=0.3, learning_rate=1e-3, final_learning_rate=1e-3, mix=NEAR
            ),
            GoalPhase(
                updates=10, alpha=0.05, learning_rate=5e-4, final_learning_rate=1e-4, mix=FAR
            ),
        ),
        "batch_size": 32,
        "width": 16,
        "hidden": 16,
        "head": 32,
        "subgoal_width": 16,
        "subgoal_hidden": 16,
        "subgoal_layers": 1,
        "samples": 4,
        "compile": False,
    },
    "small": {  # two CPU cores; the preset of the shipped weights
        "phases": (
            GoalPhase(
                updates=12_000,
                alpha=0.3,
                learning_rate=1e-3,
                final_learning_rate=1e-3,
                mix=NEAR,
            ),
            GoalPhase(
                updates=8_000,
                alpha=0.05,
                learning_rate=5e-4,
                final_learning_rate=5e-5,
                mix=FAR,
            ),
        ),
        "batch_size": 128,
        "high_level_from": 2_000,
    },
    "medium": {**MEDIUM, "high_level_from": 5_000},  # an hour of one core
    "paper": {  # one GPU; the released settings for three cubes in state
        **PAPER_ENTITIES,
        "subgoal_steps": 50,
        "predict": "noise",
        "subgoal_network": "transformer",
        "subgoal_hidden": 256,
        "subgoal_layers": 8,
        "fallback": "value",
        "resolution": 0.0,
        "samples": 256,
        "replan_steps": 25,
        "radius": -30.0,
        "max_subgoals": 32,
    },
}
