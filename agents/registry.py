"""The table of agents. Specs only: importing it loads no framework."""

from __future__ import annotations

from entitybench.types import AgentSpec

_HECRL = (
    "Haramati et al., Hierarchical Entity-centric RL with Factored Subgoal Diffusion, ICLR 2026"
)
_HECRL_CLASS = "entitybench.agents.hecrl.agent:HECRL"
_IQL = "Kostrikov et al., Offline RL with Implicit Q-Learning, ICLR 2022"

AGENTS: tuple[AgentSpec, ...] = (
    AgentSpec(
        id="hecrl",
        kind="goal-control",
        target=_HECRL_CLASS,
        paper=_HECRL,
        extra="train",
        summary="entity-centric IQL guided by subgoals from a diffusion model",
    ),
    AgentSpec(
        id="ec-iql",
        kind="goal-control",
        target="entitybench.agents.baselines.goal.gciql:ECIQL",
        paper=_IQL,
        extra="train",
        summary="entity-centric goal-conditioned IQL without a hierarchy",
    ),
    AgentSpec(
        id="hecrl-flat",
        kind="goal-control",
        target=_HECRL_CLASS,
        config={"high_level": "none"},
        weights_of="hecrl",
        paper=_HECRL,
        extra="train",
        summary="HECRL's own low level sent straight to the goal (the paper's EC-IQL)",
    ),
    AgentSpec(
        id="hecrl-awr",
        kind="goal-control",
        target=_HECRL_CLASS,
        config={"high_level": "awr"},
        weights_of="hecrl",
        paper=_HECRL,
        extra="train",
        summary="HECRL with one subgoal from advantage-weighted regression",
    ),
    AgentSpec(
        id="hecrl-max-value",
        kind="goal-control",
        target=_HECRL_CLASS,
        config={"choice": "max-value"},
        weights_of="hecrl",
        paper=_HECRL,
        extra="train",
        summary="HECRL that takes the most valuable subgoal, reachable or not",
    ),
    AgentSpec(
        id="hecrl-random",
        kind="goal-control",
        target=_HECRL_CLASS,
        config={"choice": "random"},
        weights_of="hecrl",
        paper=_HECRL,
        extra="train",
        summary="HECRL that takes the first subgoal it samples",
    ),
    AgentSpec(
        id="hiql",
        kind="goal-control",
        target="entitybench.agents.baselines.goal.hiql:HIQL",
        paper="Park et al., HIQL: Offline GCRL with Latent States as Actions, NeurIPS 2023",
        extra="train",
        needs=frozenset({"fixed-number"}),
        summary="hierarchical IQL on flat vectors, subgoals by regression",
    ),
    AgentSpec(
        id="gciql",
        kind="goal-control",
        target="entitybench.agents.baselines.goal.gciql:GCIQL",
        paper=_IQL,
        extra="train",
        needs=frozenset({"fixed-number"}),
        summary="goal-conditioned IQL on flat vectors",
    ),
    AgentSpec(
        id="gcbc",
        kind="goal-control",
        target="entitybench.agents.baselines.goal.gcbc:GCBC",
        paper="Ghosh et al., Learning to Reach Goals via Iterated Supervised Learning, ICLR 2021",
        extra="train",
        needs=frozenset({"fixed-number"}),
        summary="goal-conditioned behaviour cloning on flat vectors",
    ),
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
