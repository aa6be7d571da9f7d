"""HInt and its rules. Strings only: importing it loads no framework."""

from __future__ import annotations

from functools import partial

from entitybench.types import AgentSpec

_spec = partial(
    AgentSpec,
    kind="goal-control",
    target="entitybench.agents.hint.agent:HInt",
    acting="entitybench.agents.common.online.acting:Acting",
    learns_from="worlds",
    needs=frozenset({"entities", "goals", "fixed-number"}),
    paper="Chuck et al., Null Counterfactual Factor Interactions for Goal-Conditioned "
    "Reinforcement Learning, ICLR 2025",
    cites=("chuck2025ncii",),
    extra="train",
)

AGENTS: tuple[AgentSpec, ...] = (
    _spec(
        id="hint",
        config={"accept": "control-target"},
        claims="entitybench.agents.hint.claims:CLAIMS",
        summary="her that relabels episodes in which what the action drives touched a target",
    ),
    _spec(
        id="hint-action",
        config={"accept": "action-graph"},
        summary="HInt that asks for a path from an action to a target, through whatever it touched",
    ),
    _spec(
        id="hint-ncii",
        target="entitybench.agents.hint.inferred:InferredHInt",
        config={"accept": "control-target"},
        parts={"graphs": "ncii"},
        summary="HInt that reads who touched whom from graphs that a trained ncii infers",
    ),
)
