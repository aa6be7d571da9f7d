"""Baselines that say who acted on whom. Strings only, no framework."""

from __future__ import annotations

from entitybench.types import AgentSpec

_HERE = "entitybench.agents.baselines.graph"
_NEEDS = frozenset({"entities", "fixed-number"})

AGENTS: tuple[AgentSpec, ...] = (
    AgentSpec(
        id="graph-attention",
        kind="graph",
        target=f"{_HERE}.attention:Attention",
        extra="train",
        needs=_NEEDS,
        summary="what a forward model attends to, acted",
    ),
    AgentSpec(
        id="graph-cai",
        kind="graph",
        target=f"{_HERE}.cai:CAI",
        paper="Seitzer et al., Causal Influence Detection for Improving Efficiency in "
        "Reinforcement Learning, NeurIPS 2021",
        cites=("seitzer2021cai",),
        extra="train",
        needs=_NEEDS,
        summary="what has influence on the next state in this state, whatever did happen",
    ),
    AgentSpec(
        id="graph-counterfactual",
        kind="graph",
        target=f"{_HERE}.counterfactual:Counterfactual",
        extra="train",
        needs=_NEEDS,
        summary="what would have changed the likelihood of the outcome, had it been noise",
    ),
    AgentSpec(
        id="graph-distance",
        kind="graph",
        target=f"{_HERE}.distance:Distance",
        needs=_NEEDS,
        summary="entities that are near act on each other; the distance is fitted to the truth",
    ),
    AgentSpec(
        id="graph-gradient",
        kind="graph",
        target=f"{_HERE}.gradient:Gradient",
        extra="train",
        needs=_NEEDS,
        summary="what the likelihood of the outcome is sensitive to, acted",
    ),
    AgentSpec(
        id="graph-jaci",
        kind="graph",
        target=f"{_HERE}.jaci:JACI",
        paper="Chuck et al., Automated Discovery of Functional Actual Causes in Complex "
        "Environments, 2024",
        cites=("chuck2024jaci",),
        extra="train",
        needs=_NEEDS,
        summary="the smallest mask with which a forward model still explains the outcome",
    ),
    AgentSpec(
        id="graph-ncd",
        kind="graph",
        target=f"{_HERE}.ncd:NCD",
        paper="Hwang et al., On Discovery of Local Independence over Continuous Variables via "
        "Neural Contextual Decomposition, CLeaR 2023",
        cites=("hwang2023ncd",),
        extra="train",
        needs=_NEEDS,
        summary="some contexts, each with a graph of its own, and which one holds now",
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
