"""Baselines that reason in words. Strings only: it loads no framework."""

from __future__ import annotations

from functools import partial

from entitybench.types import AgentSpec

_spec = partial(AgentSpec, kind="reasoner", learns_from="problems", extra="train")
_trained = partial(_spec, parts={"base": "tiny-lm"}, instead="model")
_STAR = "Zelikman et al., STaR: Bootstrapping Reasoning With Reasoning, NeurIPS 2022"

AGENTS: tuple[AgentSpec, ...] = (
    _spec(
        id="tiny-lm",
        target="entitybench.agents.baselines.reasoner.tiny:TinyLM",
        summary="a small language model that learned to solve easy problems and to explain any",
    ),
    _spec(
        id="repair-prompt",
        target="entitybench.agents.baselines.reasoner.tiny:TinyLM",
        config={"prompt": "repair"},
        weights_of="tiny-lm",
        summary="tiny-lm that is asked to look for an error in a chain of thought it goes on with",
    ),
    _spec(
        id="restart",
        target="entitybench.agents.baselines.reasoner.tiny:TinyLM",
        config={"prompt": "restart"},
        weights_of="tiny-lm",
        summary="tiny-lm that begins anew, whatever chain of thought it is to go on with",
    ),
    _trained(
        id="star",
        target="entitybench.agents.baselines.reasoner.star:STaR",
        paper=_STAR,
        cites=("zelikman2022star",),
        summary="learns from its right answers, and from explanations of those that it missed",
    ),
    _trained(
        id="rft",
        target="entitybench.agents.baselines.reasoner.star:STaR",
        config={"rationalise": False},
        paper=_STAR,
        cites=("zelikman2022star",),
        summary="learns from its right answers alone: expert iteration",
    ),
    _trained(
        id="dpo-expert",
        target="entitybench.agents.baselines.reasoner.dpo:DPO",
        config={"answers": "expert"},
        paper="Rafailov et al., Direct Preference Optimization: Your Language Model is Secretly a "
        "Reward Model, NeurIPS 2023",
        cites=("rafailov2023dpo",),
        summary="the planner's log is preferred to the model's own wrong answers",
    ),
)
