"""Agents that learn nothing: the ends of every table. Strings only, no framework."""

from __future__ import annotations

from entitybench.types import AgentSpec

AGENTS: tuple[AgentSpec, ...] = (
    AgentSpec(
        id="oracle",
        kind="any",
        target="entitybench.agents.baselines.scripted:Oracle",
        presets=(),
        learns_from="nothing",
        summary="the task's scripted policy, which knows how to plan",
    ),
    AgentSpec(
        id="random",
        kind="any",
        target="entitybench.agents.baselines.scripted:Random",
        presets=(),
        learns_from="nothing",
        summary="uniformly random actions",
    ),
    AgentSpec(
        id="zero",
        kind="any",
        target="entitybench.agents.baselines.scripted:Zero",
        presets=(),
        learns_from="nothing",
        summary="does nothing: all actions are 0",
    ),
    AgentSpec(
        id="constant",
        kind="any",
        target="entitybench.agents.baselines.scripted:Constant",
        presets=(),
        learns_from="nothing",
        summary="the same action at every step: +1 in every dimension",
    ),
)
