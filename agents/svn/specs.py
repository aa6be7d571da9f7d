"""SVN and corners of its grid. Strings only: importing it loads no framework."""

from __future__ import annotations

from functools import partial

from entitybench.types import AgentSpec

_RAW = {"svn_stat": "none", "normalise_actor": False}
_PLAIN = {"svn_stat": "none"}  # the actor's side is normalised, as everywhere in their code

_spec = partial(
    AgentSpec,
    kind="team-control",
    target="entitybench.agents.svn.agent:Recipe",
    acting="entitybench.agents.common.team.acting:ActingTeam",
    needs=frozenset({"team", "fixed-number"}),
    paper="Lee, Lee and Zhang, A Recipe for Stable Offline Multi-agent RL, 2026",
    cites=("lee2026svn",),
    extra="train",
)

AGENTS: tuple[AgentSpec, ...] = (
    _spec(
        id="svn",
        claims="entitybench.agents.svn.claims:CLAIMS",
        summary="a trained monotone mixer, residuals divided by how far the team's values spread",
    ),
    _spec(
        id="svn-frozen",
        config={"train_mixer": False},
        summary="SVN whose mixer stays as it began, as in the released code",
    ),
    _spec(id="mixer-raw", config=_RAW, summary="the mixer without any normalisation"),
    _spec(
        id="mixer-simple",
        config=_PLAIN,
        summary="the mixer, normalised where policies climb values alone: the simple remedy",
    ),
    _spec(
        id="vdn-brac",
        config={**_PLAIN, "decomposition": "vdn"},
        summary="the sum of agents' values, learned by TD, climbed near the data",
    ),
    _spec(
        id="central-brac",
        config={**_PLAIN, "decomposition": "central"},
        summary="one critic of all observations and actions, which acts for nobody",
    ),
    _spec(
        id="individual-brac",
        config={**_PLAIN, "decomposition": "individual"},
        summary="a value of each agent by itself, learned by TD, climbed near the data",
    ),
    _spec(id="svn-sarsa", config={"value": "sarsa"}, summary="SVN with the data's next actions"),
    _spec(
        id="svn-awr",
        config={"extraction": "awr"},
        summary="SVN whose policies clone by advantage",
    ),
    _spec(
        id="svn-iql",
        config={"value": "iql", "extraction": "awr"},
        summary="implicit values through the mixer, normalised, cloned by advantage",
    ),
    _spec(
        id="vdn-sarsa",
        config={**_PLAIN, "decomposition": "vdn", "value": "sarsa"},
        summary="vdn-brac with the data's next actions",
    ),
    _spec(
        id="vdn-awr",
        config={**_PLAIN, "decomposition": "vdn", "extraction": "awr"},
        summary="vdn-brac whose policies clone by advantage",
    ),
    _spec(
        id="vdn-iql",
        config={**_PLAIN, "decomposition": "vdn", "value": "iql", "extraction": "awr"},
        summary="the sum of implicit values, cloned by advantage",
    ),
)
