"""Who answers from the question alone, by the planner; and who guesses."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from entitybench.envs.reason import vocabulary as v
from entitybench.envs.worlds import world_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from entitybench.envs.reason.source import Source
    from entitybench.seeding import BatchGenerator
    from entitybench.types import TaskSpec

Answers = list[list[list[int]]]  # of each question, each sample's tokens


class PlannerOracle:
    """Plans, writes each step down with the state that it leads to, and answers.

    Where a chain of thought is begun already it is read, and what is wrong in it corrected.
    """

    def __init__(self, task: TaskSpec | str) -> None:
        self.source: Any = world_of(task)

    def answer(
        self, questions: Sequence[Sequence[int]], rng: BatchGenerator, *, samples: int
    ) -> Answers:
        """See `entitybench.types.Reasoner`; plans of samples are drawn anew."""
        return [
            [_answer(self.source, question, own) for _ in range(max(1, samples))]
            for question, own in zip(questions, rng.rows, strict=True)
        ]


class Guess:
    """As many random actions as there may be, or a random state: what chance solves."""

    def __init__(self, task: TaskSpec | str) -> None:
        self.source: Any = world_of(task)

    def answer(
        self, questions: Sequence[Sequence[int]], rng: BatchGenerator, *, samples: int
    ) -> Answers:
        """See `entitybench.types.Reasoner`."""
        return [
            [_guess(self.source, question, own) for _ in range(max(1, samples))]
            for question, own in zip(questions, rng.rows, strict=True)
        ]


def _answer(source: Source, question: Sequence[int], rng: np.random.Generator) -> list[int]:
    tokens = [int(token) for token in question]
    begin = tokens.index(v.CHAIN) + 1
    problem, prefix = source.read(tokens[:begin]), tokens[begin:]
    if not prefix:
        return source.solution(source.plan(problem, rng))
    lines = source.trace(problem, prefix)
    wrong = next((i for i, line in enumerate(lines) if line.why), None)
    last = len(lines) - 1 if wrong is None else wrong
    done = tuple(line.action for line in lines[: last + 1] if line.action is not None)
    state = lines[last].real
    if source.header == v.TRACK:
        whole = problem
    else:
        rest = source.plan(replace(problem, start=state), rng).actions
        whole = replace(problem, actions=(*done, *rest))
    fix = [] if wrong is None else [v.WRONG, v.STEP0 + len(done), *source.state_tokens(state)]
    return [*fix, *source.chain(whole, begin=len(done)), *source.final(whole)]


def _guess(source: Source, question: Sequence[int], rng: np.random.Generator) -> list[int]:
    tokens = [int(token) for token in question]
    problem = source.read(tokens[: tokens.index(v.CHAIN) + 1])
    if source.header == v.TRACK:
        state = rng.permutation(problem.start).tolist()
        return [v.ANSWER, *source.state_tokens(tuple(state)), v.EOS]
    state, actions = problem.start, []
    for _ in range(int(rng.integers(1, source.hint + 1))):
        legal = [a for a in range(v.ALL_TOKENS) if source.is_action(a)]
        legal = [a for a in legal if not source.apply(problem, state, a)[1]]
        if not legal:
            break
        actions.append(legal[int(rng.integers(len(legal)))])
        state = source.apply(problem, state, actions[-1])[0]
    return source.final(replace(problem, actions=tuple(actions)))
