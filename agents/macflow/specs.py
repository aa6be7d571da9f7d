"""MAC-Flow and its ablations. Strings only: importing it loads no framework."""

from __future__ import annotations

from functools import partial

from entitybench.types import AgentSpec

_ACTING = "entitybench.agents.common.team.acting"

_spec = partial(
    AgentSpec,
    kind="team-control",
    target="entitybench.agents.macflow.agent:MACFlow",
    acting=f"{_ACTING}:ActingStudents",
    needs=frozenset({"team", "fixed-number"}),
    paper="Lee, Lee and Zhang, Multi-agent Coordination via Flow Matching, ICLR 2026",
    cites=("lee2026macflow",),
    extra="train",
)

AGENTS: tuple[AgentSpec, ...] = (
    _spec(
        id="macflow",
        claims="entitybench.agents.macflow.claims:CLAIMS",
        summary="a flow of joint actions and a factorised critic, distilled into one-step policies",
    ),
    _spec(
        id="macflow-shared",
        config={"noise": "shared"},
        summary="ours: MAC-Flow whose agents draw the same noise, from a seed agreed on beforehand",
    ),
    _spec(
        id="macflow-individual",
        config={"teacher": "individual"},
        summary="MAC-Flow with a flow of each agent's own action, as in the released code",
    ),
    _spec(
        id="ma-fql",
        config={"teacher": "individual", "value": "individual"},
        summary="flow Q-learning of each agent by itself: its own flow, its own value",
    ),
    _spec(
        id="flow-bc",
        config={"value": "none"},
        summary="MAC-Flow without values: a joint flow, distilled into one-step policies",
    ),
    _spec(
        id="joint-flow",
        target="entitybench.agents.macflow.agent:JointFlow",
        acting=f"{_ACTING}:ActingFlow",
        central=True,
        summary="a flow of joint actions that acts for all agents from what all see: a bound",
    ),
)
