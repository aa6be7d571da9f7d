"""ExPO, and what it is compared with by settings. Strings only: it loads no framework."""

from __future__ import annotations

from functools import partial

from entitybench.types import AgentSpec

_spec = partial(
    AgentSpec,
    kind="reasoner",
    target="entitybench.agents.expo.agent:ExPO",
    learns_from="problems",
    parts={"base": "tiny-lm"},
    instead="model",
    extra="train",
    paper="Zhou et al., ExPO: Unlocking Hard Reasoning with Self-Explanation-Guided "
    "Reinforcement Learning, NeurIPS 2025",
    cites=("zhou2025expo",),
)
_grpo = partial(
    _spec,
    paper="Shao et al., DeepSeekMath: Pushing the Limits of Mathematical Reasoning in Open "
    "Language Models, 2024",
    cites=("shao2024grpo",),
)

AGENTS: tuple[AgentSpec, ...] = (
    _spec(
        id="expo",
        claims="entitybench.agents.expo.claims:CLAIMS",
        summary="GRPO, and likelihood of explanations that the base model gives of right answers",
    ),
    _spec(
        id="expo-online",
        config={"explainer": "online"},
        summary="ExPO whose learner explains itself as it goes",
    ),
    _spec(
        id="expo-sft",
        config={"terms": "answers"},
        summary="the likelihood of ExPO's explanations alone, without rewards",
    ),
    _spec(
        id="expo-dpo",
        target="entitybench.agents.expo.preferences:ExPDPO",
        summary="the model's explanations are preferred to its own wrong answers",
    ),
    _grpo(
        id="grpo",
        config={"terms": "rewards"},
        summary="policy gradients on verified answers, relative to a group of them",
    ),
    _grpo(
        id="grpo-dynamic",
        config={"terms": "rewards", "rounds": 4},
        paper="Yu et al., DAPO: An Open-Source LLM Reinforcement Learning System at Scale, 2025",
        cites=("yu2025dapo",),
        summary="GRPO that asks anew where all answers of a group are right, or all wrong",
    ),
    _grpo(
        id="grpo-expert",
        config={"answers": "expert"},
        summary="GRPO, and likelihood of the planner's own terse log",
    ),
    _grpo(
        id="sft-expert-grpo",
        config={"answers": "expert", "terms": "answers-first"},
        summary="the planner's log first, then GRPO",
    ),
    _grpo(
        id="sft-answers",
        config={"answers": "answer", "terms": "answers"},
        cites=(),
        paper="",
        summary="likelihood of right answers without a chain of thought",
    ),
    _grpo(
        id="oracle-cot",
        config={"answers": "own"},
        cites=(),
        paper="",
        summary="GRPO, and likelihood of the planner's moves in the style of solutions: a bound",
    ),
)
