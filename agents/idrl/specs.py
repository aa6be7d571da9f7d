"""IDRL and its ablations. Strings only: importing it loads no framework."""

from __future__ import annotations

from functools import partial

from entitybench.types import AgentSpec

_spec = partial(
    AgentSpec,
    kind="reward-control",
    target="entitybench.agents.idrl.agent:IDRL",
    acting="entitybench.agents.common.offline.acting:Acting",
    needs=frozenset({"entities"}),
    paper="Xu et al., An Optimal Discriminator Weighted Imitation Perspective for RL, ICLR 2025",
    cites=("xu2025idrl",),
    extra="train",
)

AGENTS: tuple[AgentSpec, ...] = (
    _spec(
        id="idrl",
        claims="entitybench.agents.idrl.claims:CLAIMS",
        summary="iterative dual RL: weights of transitions from two ratios, a filter, twice",
    ),
    _spec(id="idrl-m1", config={"iterations": 1}, summary="IDRL with one iteration"),
    _spec(
        id="idrl-action-ratio",
        config={"ratio": "action"},
        summary="IDRL that weighs by the ratio of actions alone, without that of states",
    ),
)
