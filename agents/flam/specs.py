"""FLAM, its tokenizer and its ablations. Strings only: importing it loads no framework."""

from __future__ import annotations

from functools import partial

from entitybench.types import AgentSpec

_spec = partial(
    AgentSpec,
    kind="video",
    extra="train",
    paper="Wang, Shi et al., Factored Latent Action World Models, ICML 2026",
    cites=("wang2026flam",),
)
_model = partial(
    _spec, target="entitybench.agents.flam.agent:FLAM", parts={"tokenizer": "flam-tokenizer"}
)
_tokens = partial(_spec, target="entitybench.agents.flam.tokens:Tokens")

AGENTS: tuple[AgentSpec, ...] = (
    _model(
        id="flam",
        claims="entitybench.agents.flam.claims:CLAIMS",
        summary="a slot for each factor of a scene, with a latent action of its own",
    ),
    _model(
        id="flam-coupled",
        config={"coupled": True},
        summary="FLAM whose models see next slots and latent actions of all slots",
    ),
    _model(
        id="flam-no-time",
        config={"temporal": False},
        summary="FLAM whose slots do not hear their past, but begin as those of the frame before",
    ),
    _tokens(
        id="flam-tokenizer",
        summary="frames as grids of quantised tokens, and back: what all arms are built on",
    ),
    _tokens(
        id="recon",
        weights_of="flam-tokenizer",
        summary="the true frames out of their tokens: the upper end of every table of videos",
    ),
)
