"""Baselines that act while they learn. Strings only: it loads no framework."""

from __future__ import annotations

from functools import partial

from entitybench.types import AgentSpec

_spec = partial(
    AgentSpec,
    kind="goal-control",
    target="entitybench.agents.baselines.online.her:HER",
    acting="entitybench.agents.common.online.acting:Acting",
    learns_from="worlds",
    needs=frozenset({"entities", "goals", "fixed-number"}),
    extra="train",
)
_HER = "Andrychowicz et al., Hindsight Experience Replay, NeurIPS 2017"
_CITES = ("haarnoja2018sac", "andrychowicz2017her")

AGENTS: tuple[AgentSpec, ...] = (
    _spec(
        id="sac",
        config={"hindsight": 0.0},
        paper="Haarnoja et al., Soft Actor-Critic, ICML 2018",
        cites=("haarnoja2018sac",),
        summary="soft actor-critic on flat states, without relabelled goals",
    ),
    _spec(id="her", paper=_HER, cites=_CITES, summary="SAC with goals that were reached later"),
    _spec(
        id="her-final",
        config={"strategy": "final"},
        paper=_HER,
        cites=_CITES,
        summary="SAC with goals that were reached at an episode's end",
    ),
    _spec(
        id="her-per",
        config={"priority": 0.6},
        paper="Schaul et al., Prioritized Experience Replay, ICLR 2016",
        cites=(*_CITES, "schaul2016per"),
        summary="her that draws transitions of large errors more often",
    ),
    _spec(
        id="her-random",
        config={"accept": "random"},
        paper=_HER,
        cites=_CITES,
        summary="her that relabels as many episodes as hint, chosen at random: a control",
    ),
    _spec(
        id="her-displaced",
        config={"accept": "displaced"},
        paper=_HER,
        cites=_CITES,
        summary="her that relabels episodes in which a target moved by 5 mm: a control",
    ),
    _spec(
        id="elden",
        target="entitybench.agents.baselines.online.elden:ELDEN",
        config={"hindsight": 0.0},
        paper="Hu et al., ELDEN: Exploration via Local Dependencies, NeurIPS 2023",
        cites=("haarnoja2018sac", "hu2023elden"),
        summary="sac with a reward where models disagree about who acts on whom",
    ),
    _spec(
        id="fpg",
        target="entitybench.agents.baselines.online.fpg:FPG",
        paper="Agarwal et al., f-Policy Gradients: A General Framework for Goal Conditioned RL "
        "using f-Divergences, NeurIPS 2023",
        cites=("agarwal2023fpg",),
        summary="a policy gradient towards visiting states as the goal is distributed, on-policy",
    ),
)
