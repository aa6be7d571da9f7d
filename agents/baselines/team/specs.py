"""Baselines of teams. Strings only: importing it loads no framework."""

from __future__ import annotations

from entitybench.types import AgentSpec

_ACTING = "entitybench.agents.common.team.acting:ActingTeam"

AGENTS: tuple[AgentSpec, ...] = (
    AgentSpec(
        id="ma-bc",
        kind="team-control",
        target="entitybench.agents.baselines.team.ma_bc:MABC",
        acting=_ACTING,
        former=frozenset({"reward_shift", "reward_scale", "returns"}),
        paper="Pomerleau, Efficient Training of Artificial Neural Networks, 1991",
        cites=("pomerleau1991cloning",),
        extra="train",
        needs=frozenset({"team", "fixed-number"}),
        summary="behaviour cloning of teams, each agent from its own observation",
    ),
)
