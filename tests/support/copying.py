"""A toy for whoever reasons: say two bits again. A source of problems with what learners ask of it.

Half of the lessons guess, so that a base model is right by halves; told the answer it says that.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import ClassVar, NamedTuple

import numpy as np
import pytest

from entitybench.agents.common.language import lessons as taught
from entitybench.envs.reason import vocabulary as v
from entitybench.envs.reason.problem import Verdict
from entitybench.registry import tasks
from entitybench.types import TaskSpec

ZERO = v.STATE0  # the token of a bit that is 0; 1 is the next


class Bits(NamedTuple):
    """A problem; `number` tells those with the same bits apart."""

    first: int
    second: int
    number: int


class Copy:
    """Its answers are `#`, two bits, `<eos>`."""

    offers: ClassVar[frozenset[str]] = frozenset()
    domain: ClassVar[str] = "copy"
    tokens: ClassVar[int] = v.STATE0 + 2

    def problems(self, items, split="test"):
        del split
        return [Bits(item // 2 % 2, item % 2, item) for item in items]

    def question(self, problem):
        return [v.SOLVE, *self.bits(problem), v.CHAIN]

    def hinted(self, problem):
        return [v.EXPLAIN, *self.bits(problem), v.HINT, *self.bits(problem), v.CHAIN]

    def bits(self, problem):
        return [ZERO + problem.first, ZERO + problem.second]

    def solution(self, problem):
        return [v.ANSWER, *self.bits(problem), v.EOS]

    log = final = solution

    def verify(self, problem, answer):
        return Verdict(right=[*answer] == self.solution(problem))


@contextmanager
def registered():
    """The task in the registry meanwhile, and lessons of its domain."""
    tasks().add(TASK)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(taught, "pool", lessons)
            patch.setitem(taught.SHARES, "copy", SHARES)
            yield
    finally:
        tasks()._specs.pop(TASK.id)


def lessons(domain):
    """Answers of which half are guessed, and right ones where the answer is told."""
    assert domain == "copy"
    copy, rng = Copy(), np.random.default_rng(0)
    problems = copy.problems(range(400))
    guesses = copy.problems(np.where(rng.random(400) < 0.5, rng.integers(4, size=400), range(400)))
    return {
        "solve": tuple(
            (copy.question(p), copy.solution(g)) for p, g in zip(problems, guesses, strict=True)
        ),
        "explain": tuple((copy.hinted(p), copy.solution(p)) for p in problems),
    }


SHARES = {"solve": 0.5, "explain": 0.5}
TASK = TaskSpec(
    id="reason-copy-1",
    version=1,
    kind="reasoner",
    target=f"{__file__}:Copy",
    tags=frozenset(),
    summary="say two bits again",
)
