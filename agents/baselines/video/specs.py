"""The baselines of videos. Strings only: importing it loads no framework."""

from __future__ import annotations

from functools import partial

from entitybench.types import AgentSpec

_spec = partial(
    AgentSpec,
    kind="video",
    target="entitybench.agents.baselines.video.mono:Mono",
    parts={"tokenizer": "flam-tokenizer"},
    extra="train",
)
_ADAWORLD = "Gao et al., AdaWorld: Learning Adaptable World Models with Latent Actions, ICML 2025"
_GENIE = "Bruce et al., Genie: Generative Interactive Environments, ICML 2024"

AGENTS: tuple[AgentSpec, ...] = (
    AgentSpec(
        id="copy-frame",
        kind="video",
        target="entitybench.agents.baselines.video.copying:CopyFrame",
        presets=(),
        learns_from="nothing",
        summary="repeats the first frame",
    ),
    _spec(
        id="lam-mono",
        paper=_ADAWORLD,
        cites=("gao2025adaworld",),
        summary="one Gaussian latent action for all that happens between two frames",
    ),
    _spec(
        id="lam-mono-grouped",
        config={"grouped": True},
        paper=_ADAWORLD,
        cites=("gao2025adaworld",),
        summary="lam-mono with a token for each part of its latent action, and no slots",
    ),
    _spec(
        id="lam-vq",
        config={"latent": "codes"},
        paper=_GENIE,
        cites=("bruce2024genie",),
        summary="lam-mono whose latent action is one of eight codes for each part of it",
    ),
    _spec(
        id="world-model",
        config={"latent": "true"},
        summary="the forward model of lam-mono with the true actions of all, which it is told",
    ),
)
