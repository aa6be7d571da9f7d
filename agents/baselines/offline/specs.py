"""Baselines that learn a policy from stored transitions. Strings only: it loads no framework."""

from __future__ import annotations

from entitybench.types import AgentSpec

_HOME = "entitybench.agents.baselines.offline"
_ACTING = "entitybench.agents.common.offline.acting:Acting"
_NEEDS = frozenset({"entities"})
_FORMER = frozenset({"reward_shift", "reward_scale", "returns"})  # of cloning

AGENTS: tuple[AgentSpec, ...] = (
    AgentSpec(
        id="bc",
        kind="reward-control",
        target=f"{_HOME}.bc:BC",
        acting=_ACTING,
        former=_FORMER,
        needs=_NEEDS,
        paper="Pomerleau, Efficient Training of Artificial Neural Networks, 1991",
        cites=("pomerleau1991cloning",),
        extra="train",
        summary="behaviour cloning on flat states",
    ),
    AgentSpec(
        id="bc-10pct",
        kind="reward-control",
        target=f"{_HOME}.bc:BC",
        acting=_ACTING,
        config={"best": 0.1},
        former=_FORMER,
        needs=_NEEDS,
        paper="Chen et al., Decision Transformer, NeurIPS 2021 (as a baseline)",
        cites=("chen2021dt",),
        extra="train",
        summary="behaviour cloning of the tenth of episodes with the largest returns",
    ),
    AgentSpec(
        id="iql",
        kind="reward-control",
        target=f"{_HOME}.iql:IQL",
        acting=_ACTING,
        needs=_NEEDS,
        paper="Kostrikov et al., Offline RL with Implicit Q-Learning, ICLR 2022",
        cites=("kostrikov2022iql",),
        extra="train",
        summary="implicit Q-learning: expectile values, advantage-weighted cloning",
    ),
    AgentSpec(
        id="td3bc",
        kind="reward-control",
        target=f"{_HOME}.td3bc:TD3BC",
        acting=_ACTING,
        needs=_NEEDS,
        paper="Fujimoto and Gu, A Minimalist Approach to Offline RL, NeurIPS 2021",
        cites=("fujimoto2021td3bc",),
        extra="train",
        summary="TD3 with a behaviour-cloning term",
    ),
)
