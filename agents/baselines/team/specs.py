"""Baselines of teams. Strings only: importing it loads no framework."""

from __future__ import annotations

from functools import partial

from entitybench.types import AgentSpec

_HOME = "entitybench.agents.baselines.team"

_spec = partial(
    AgentSpec,
    kind="team-control",
    acting="entitybench.agents.common.team.acting:ActingTeam",
    extra="train",
    needs=frozenset({"team", "fixed-number"}),
)

AGENTS: tuple[AgentSpec, ...] = (
    _spec(
        id="ma-bc",
        target=f"{_HOME}.ma_bc:MABC",
        former=frozenset({"reward_shift", "reward_scale", "returns"}),
        paper="Pomerleau, Efficient Training of Artificial Neural Networks, 1991",
        cites=("pomerleau1991cloning",),
        summary="behaviour cloning of teams, each agent from its own observation",
    ),
    _spec(
        id="diffusion-bc",
        target=f"{_HOME}.diffusion_bc:DiffusionBC",
        acting=f"{_HOME}.diffusion_acting:ActingDiffusion",
        central=True,
        paper="Chi et al., Diffusion Policy, RSS 2023",
        cites=("chi2023diffusion",),
        summary="denoising diffusion of joint actions, which acts for all from what all see",
    ),
    _spec(
        id="dof",
        target=f"{_HOME}.dof:DoF",
        acting=f"{_HOME}.diffusion_acting:ActingFactors",
        paper="Li et al., DoF: A Diffusion Factorization Framework, ICLR 2025",
        cites=("li2025dof",),
        summary="a diffusion of joint actions factorised into one of each agent, which climbs Q",
    ),
    _spec(
        id="madiff",
        target=f"{_HOME}.madiff:MADiff",
        acting=f"{_HOME}.madiff_acting:ActingMADiff",
        paper="Zhu et al., MADiff, NeurIPS 2024",
        cites=("zhu2024madiff",),
        summary="a diffusion of what all will see; each agent imagines it from its own observation",
    ),
    _spec(
        id="madiff-central",
        target=f"{_HOME}.madiff:MADiff",
        acting=f"{_HOME}.madiff_acting:ActingMADiff",
        config={"knows": "all"},
        weights_of="madiff",
        central=True,
        paper="Zhu et al., MADiff, NeurIPS 2024",
        cites=("zhu2024madiff",),
        summary="madiff that acts for all agents from what all see",
    ),
    _spec(
        id="madt",
        target=f"{_HOME}.madt:MADT",
        acting=f"{_HOME}.madt_acting:ActingMADT",
        paper="Meng et al., Offline Pre-trained Multi-agent Decision Transformer, MIR 2023",
        cites=("meng2023madt",),
        summary="a decision transformer of each agent, networks shared",
    ),
    _spec(
        id="matd3bc",
        target=f"{_HOME}.matd3bc:MATD3BC",
        paper="Fujimoto and Gu, A Minimalist Approach to Offline RL, NeurIPS 2021",
        cites=("fujimoto2021td3bc",),
        summary="TD3+BC of each agent by itself, networks shared",
    ),
    _spec(
        id="macql",
        target=f"{_HOME}.macql:MACQL",
        paper="Kumar et al., Conservative Q-Learning for Offline RL, NeurIPS 2020",
        cites=("kumar2020cql",),
        summary="TD3 of each agent by itself, with the penalty of conservative Q-learning",
    ),
    _spec(
        id="omar",
        target=f"{_HOME}.omar:OMAR",
        paper="Pan et al., Plan Better Amid Conservatism, ICML 2022",
        cites=("pan2022omar",),
        summary="macql whose policies are drawn to the best actions that a search finds",
    ),
    _spec(
        id="maicq",
        target=f"{_HOME}.maicq:MAICQ",
        paper="Yang et al., Believe What You See, NeurIPS 2021",
        cites=("yang2021icq",),
        summary="implicit constraint Q-learning: a mixer, softmax weights over the batch",
    ),
    _spec(
        id="mabcq",
        target=f"{_HOME}.mabcq:MABCQ",
        acting=f"{_HOME}.mabcq_acting:ActingConstrained",
        paper="Fujimoto, Meger and Precup, Off-Policy Deep RL without Exploration, ICML 2019",
        cites=("fujimoto2019bcq",),
        summary="batch-constrained Q-learning of each agent by itself",
    ),
    _spec(
        id="omiga",
        target=f"{_HOME}.omiga:OMIGA",
        paper="Wang et al., Implicit Global-to-Local Value Regularization, NeurIPS 2023",
        cites=("wang2023omiga",),
        summary="values regularised for the team and learned by each agent, a linear mixer",
    ),
)
