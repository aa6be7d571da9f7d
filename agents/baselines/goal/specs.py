"""Baselines of goal tasks. Strings only: importing it loads no framework."""

from __future__ import annotations

from entitybench.types import AgentSpec

_IQL = "Kostrikov et al., Offline RL with Implicit Q-Learning, ICLR 2022"
NEEDS = frozenset({"entities", "goals"})
FLAT = NEEDS | {"fixed-number"}
PRESETS = ("tiny", "small", "medium", "paper")

AGENTS: tuple[AgentSpec, ...] = (
    AgentSpec(
        id="ec-iql",
        presets=PRESETS,
        kind="goal-control",
        target="entitybench.agents.baselines.goal.gciql:ECIQL",
        paper=_IQL,
        cites=("kostrikov2022iql", "haramati2026hecrl"),
        extra="train",
        needs=NEEDS,
        summary="entity-centric goal-conditioned IQL without a hierarchy",
    ),
    AgentSpec(
        id="hiql",
        presets=PRESETS,
        kind="goal-control",
        target="entitybench.agents.baselines.goal.hiql:HIQL",
        paper="Park et al., HIQL: Offline GCRL with Latent States as Actions, NeurIPS 2023",
        cites=("park2023hiql",),
        extra="train",
        needs=FLAT,
        summary="hierarchical IQL on flat vectors, subgoals by regression",
    ),
    AgentSpec(
        id="gciql",
        presets=PRESETS,
        kind="goal-control",
        target="entitybench.agents.baselines.goal.gciql:GCIQL",
        paper=_IQL,
        cites=("kostrikov2022iql",),
        extra="train",
        needs=FLAT,
        summary="goal-conditioned IQL on flat vectors",
    ),
    AgentSpec(
        id="gcbc",
        kind="goal-control",
        target="entitybench.agents.baselines.goal.gcbc:GCBC",
        presets=("tiny", "sweep", "small", "medium", "paper"),
        former=frozenset({"discount", "expectile", "target_rate", "value_goals", "phases.alpha"}),
        paper="Ghosh et al., Learning to Reach Goals via Iterated Supervised Learning, ICLR 2021",
        cites=("ghosh2021gcsl",),
        extra="train",
        needs=FLAT,
        summary="goal-conditioned behaviour cloning on flat vectors",
    ),
)
