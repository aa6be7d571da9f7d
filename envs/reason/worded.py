"""Problems in words, for language models: what is asked and said is text, not tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from entitybench.envs.reason import english

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.envs.reason.problem import Problem, Verdict
    from entitybench.envs.reason.source import Source


class Worded(Protocol):
    """Where problems in words come from, and how answers are judged."""

    def problems(self, items: Sequence[int], split: str = "test") -> list[Any]:
        """The problems of a split with these numbers."""
        ...

    def question(self, problem: Any) -> str:
        """What a solver is shown."""
        ...

    def hinted(self, problem: Any) -> str:
        """The same with the right answer in it, for whoever is to explain it."""
        ...

    def solution(self, problem: Any) -> str:
        """Reasoning in a solver's style, and the answer."""
        ...

    def log(self, problem: Any) -> str:
        """Reasoning in an expert's style, and the answer."""
        ...

    def final(self, problem: Any) -> str:
        """The answer alone."""
        ...

    def verify(self, problem: Any, text: str) -> Verdict:
        """Whether an answer is right."""
        ...


@dataclass(frozen=True)
class English:
    """Problems of the worlds in English; answers go through the same execution as tokens."""

    of: Source

    def problems(self, items: Sequence[int], split: str = "test") -> list[Problem]:
        return self.of.problems(items, split)

    def question(self, problem: Problem) -> str:
        return f"{english.question(self.of, problem)} {english.SOLVE}"

    def hinted(self, problem: Problem) -> str:
        return english.hinted(self.of, problem)

    def solution(self, problem: Problem) -> str:
        return english.solution(self.of, problem)

    def log(self, problem: Problem) -> str:
        return english.log(self.of, problem)

    def final(self, problem: Problem) -> str:
        return f"The answer is {english.boxed(self.of, problem)}."

    def verify(self, problem: Problem, text: str) -> Verdict:
        return self.of.verify(problem, english.answer_of(self.of, text))
