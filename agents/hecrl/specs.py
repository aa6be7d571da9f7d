"""HECRL and its ablations. Strings only: importing it loads no framework."""

from __future__ import annotations

from entitybench.agents.baselines.goal.specs import NEEDS, PRESETS
from entitybench.types import AgentSpec

_PAPER = (
    "Haramati et al., Hierarchical Entity-centric RL with Factored Subgoal Diffusion, ICLR 2026"
)
_CLASS = "entitybench.agents.hecrl.agent:HECRL"

AGENTS: tuple[AgentSpec, ...] = (
    AgentSpec(
        id="hecrl",
        presets=PRESETS,
        kind="goal-control",
        target=_CLASS,
        claims="entitybench.agents.hecrl.claims:CLAIMS",
        paper=_PAPER,
        cites=("haramati2026hecrl",),
        extra="train",
        needs=NEEDS,
        summary="entity-centric IQL guided by subgoals from a diffusion model",
    ),
    AgentSpec(
        id="hecrl-flat",
        presets=PRESETS,
        kind="goal-control",
        target=_CLASS,
        config={"high_level": "none"},
        weights_of="hecrl",
        paper=_PAPER,
        cites=("haramati2026hecrl",),
        extra="train",
        needs=NEEDS,
        summary="HECRL's own low level sent straight to the goal (the paper's EC-IQL)",
    ),
    AgentSpec(
        id="hecrl-awr",
        presets=PRESETS,
        kind="goal-control",
        target=_CLASS,
        config={"high_level": "awr"},
        weights_of="hecrl",
        paper=_PAPER,
        cites=("haramati2026hecrl",),
        extra="train",
        needs=NEEDS,
        summary="HECRL with one subgoal from advantage-weighted regression",
    ),
    AgentSpec(
        id="hecrl-max-value",
        presets=PRESETS,
        kind="goal-control",
        target=_CLASS,
        config={"choice": "max-value"},
        weights_of="hecrl",
        paper=_PAPER,
        cites=("haramati2026hecrl",),
        extra="train",
        needs=NEEDS,
        summary="HECRL that takes the most valuable subgoal, reachable or not",
    ),
    AgentSpec(
        id="hecrl-random",
        presets=PRESETS,
        kind="goal-control",
        target=_CLASS,
        config={"choice": "random"},
        weights_of="hecrl",
        paper=_PAPER,
        cites=("haramati2026hecrl",),
        extra="train",
        needs=NEEDS,
        summary="HECRL that takes the first subgoal it samples",
    ),
)
