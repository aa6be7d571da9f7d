"""Baselines that say who acted on whom. Strings only, no framework."""

from __future__ import annotations

from entitybench.types import AgentSpec

_HERE = "entitybench.agents.baselines.graph"
_NEEDS = frozenset({"entities", "fixed-number"})

AGENTS: tuple[AgentSpec, ...] = (
    AgentSpec(
        id="graph-distance",
        kind="graph",
        target=f"{_HERE}.distance:Distance",
        needs=_NEEDS,
        summary="entities that are near act on each other; the distance is fitted to the truth",
    ),
    AgentSpec(
        id="graph-static",
        kind="graph",
        target=f"{_HERE}.static:Static",
        needs=_NEEDS,
        summary="the same graph always: edges that are active more often than others, by the truth",
    ),
    AgentSpec(
        id="graph-surprise",
        kind="graph",
        target=f"{_HERE}.surprise:Surprise",
        needs=_NEEDS,
        summary="acted on is what a model of itself alone does not explain; only its thresholds "
        "are fitted to the truth",
    ),
)
