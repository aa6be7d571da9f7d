"""Problems in the tokens of a pretrained model, and its answers in those of the suite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.reason import english
from entitybench.envs.reason import vocabulary as v
from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch

    from entitybench.agents.common.language.pretrained import Pretrained
    from entitybench.envs.reason.problem import Verdict
    from entitybench.envs.reason.source import Source
    from entitybench.envs.reason.worded import Worded
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array

TEMPERATURE = 0.7  # of answers that are judged (Zhou et al. 2025, section 4)


@dataclass(frozen=True)
class Spoken:
    """What learners ask of a `Source`, in the tokens of a model."""

    of: Worded
    model: Pretrained

    def problems(self, items: Sequence[int], split: str = "test") -> list[Any]:
        """The problems of a split with these numbers."""
        return self.of.problems(items, split)

    def question(self, problem: Any) -> list[int]:
        """What a solver is shown."""
        return self.model.asked(self.of.question(problem))

    def hinted(self, problem: Any) -> list[int]:
        """The same with the right answer in it."""
        return self.model.asked(self.of.hinted(problem))

    def solution(self, problem: Any) -> list[int]:
        """Reasoning in a solver's style, and the answer."""
        return self.model.said(self.of.solution(problem))

    def log(self, problem: Any) -> list[int]:
        """Reasoning in an expert's style, and the answer."""
        return self.model.said(self.of.log(problem))

    def final(self, problem: Any) -> list[int]:
        """The answer alone."""
        return self.model.said(self.of.final(problem))

    def verify(self, problem: Any, answer: Sequence[int]) -> Verdict:
        """Whether what the tokens say is right."""
        return self.of.verify(problem, self.model.text(answer))


def answers(
    model: Pretrained,
    params: Mapping[str, torch.Tensor],
    source: Source,
    questions: Sequence[Sequence[int]],
    rng: BatchGenerator,
    *,
    samples: int,
    most: int,
) -> list[list[list[int]]]:
    """Answers in the tokens of the suite to questions in them; see `entitybench.types.Reasoner`.

    A chain of thought that is begun is put into English and lies in the model's own turn. What it
    calls wrong ("step 2 is wrong") and its last box are kept. Raises BadValue for no question.
    """
    prompts = [asked(model, source, list(question)) for question in questions]
    each = max(1, samples)
    if samples:
        chances = rng.random((len(rng), samples, most)).reshape(-1, most)
    else:
        chances = np.zeros((len(prompts), most))
    repeated = [prompt for prompt in prompts for _ in range(each)]
    said = model.sample(params, repeated, chances, temperature=TEMPERATURE if samples else 0.0)
    texts = [model.text(tokens.tolist()) for tokens in said]
    found = [[*english.flagged(text), *english.answer_of(source, text)] for text in texts]
    return [found[each * i : each * (i + 1)] for i in range(len(prompts))]


def rights(
    of: Spoken, params: Mapping[str, torch.Tensor], problems: Sequence[Any], *, samples: int
) -> Array:
    """Which answers to problems are right, (problems, 1 + samples) bool: the greedy one, samples.

    Chances are those of a problem's place, of seed 0.
    """
    most, each = of.model.most, np.zeros((len(problems), 1 + samples), bool)
    prompts = [of.question(problem) for problem in problems]
    drawn = [generator(place, "texts").random((samples, most)) for place in range(len(problems))]
    greedy = of.model.sample(params, prompts, np.zeros((len(prompts), most)), temperature=0.0)
    repeated = [prompt for prompt in prompts for _ in range(samples)]
    chances = np.concatenate([*drawn, np.zeros((0, most))])
    said = of.model.sample(params, repeated, chances, temperature=TEMPERATURE)
    for i, problem in enumerate(problems):
        answers = [greedy[i], *said[samples * i : samples * (i + 1)]]
        each[i] = [of.verify(problem, tokens.tolist()).right for tokens in answers]
    return each


def asked(model: Pretrained, source: Source, question: list[int]) -> list[int]:
    """The tokens of a model for a question of the suite and the chain of thought after it."""
    end = question.index(v.CHAIN) + 1 if v.CHAIN in question else len(question)
    problem = source.read(question[:end])
    text = f"{english.question(source, problem)} {english.SOLVE}"
    return model.asked(text, english.chain(source, question[end:]))
