"""NCII and its null test alone. Strings only: importing it loads no framework."""

from __future__ import annotations

from entitybench.types import AgentSpec

_PAPER = (
    "Chuck et al., Null Counterfactual Factor Interactions for Goal-Conditioned Reinforcement "
    "Learning, ICLR 2025"
)
_CLASS = "entitybench.agents.ncii.agent:NCII"
_NEEDS = frozenset({"entities", "fixed-number"})

AGENTS: tuple[AgentSpec, ...] = (
    AgentSpec(
        id="ncii",
        kind="graph",
        target=_CLASS,
        claims="entitybench.agents.ncii.claims:CLAIMS",
        paper=_PAPER,
        cites=("chuck2025ncii",),
        extra="train",
        needs=_NEEDS,
        summary="what would have been less likely without: a masked forward model and a head",
    ),
    AgentSpec(
        id="ncii-test",
        kind="graph",
        target=_CLASS,
        config={"infer": "test"},
        weights_of="ncii",
        paper=_PAPER,
        cites=("chuck2025ncii",),
        extra="train",
        needs=_NEEDS,
        summary="NCII that asks its forward model, without the head",
    ),
)
