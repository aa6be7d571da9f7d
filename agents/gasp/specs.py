"""GASP and what it is made of. Strings only: it loads no framework."""

from __future__ import annotations

from functools import partial

from entitybench.types import AgentSpec

_spec = partial(
    AgentSpec,
    kind="reasoner",
    target="entitybench.agents.gasp.agent:GASP",
    learns_from="problems",
    needs=frozenset({"tracking"}),
    parts={"base": "tiny-lm"},
    extra="train",
    paper="Li et al., Learning Robust Reasoning through Guided Adversarial Self-Play, 2026",
    cites=("li2026gasp",),
)
_ALONE = {"polluter": "none", "guidance": "none", "controls": 0, "anchors": 0.0}

AGENTS: tuple[AgentSpec, ...] = (
    _spec(
        id="gasp",
        claims="entitybench.agents.gasp.claims:CLAIMS",
        summary="a model that learns to reason on after errors that it writes itself",
    ),
    _spec(
        id="gasp-no-guidance",
        config={"guidance": "none", "anchors": 0.0},
        summary="GASP without repairs to imitate",
    ),
    _spec(
        id="gasp-random",
        config={"polluter": "random"},
        summary="GASP with errors at random, as many, and not those of a polluter",
    ),
    _spec(
        id="gasp-ood",
        config={"guidance": "template"},
        summary="GASP that imitates repairs by a template, and not the model's own",
    ),
    _spec(
        id="rlvr",
        config={**_ALONE, "clean": 18},
        summary="rewards for right answers to clean questions alone",
    ),
    _spec(
        id="rlvr-static",
        config={**_ALONE, "polluter": "random"},
        summary="rewards for right answers, also after errors at random, and nothing to imitate",
    ),
    _spec(
        id="sft-flawed",
        config={
            "polluter": "random",
            "guidance": "template",
            "contextual": False,
            "clean": 0,
            "controls": 0,
            "anchors": 0.0,
        },
        summary="repairs by a template, after errors at random, are imitated; no rewards",
    ),
)
