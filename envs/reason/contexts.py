"""Contexts that mislead: chains of thought with an error in them, and perturbed questions.

Each is harmful, by execution: who believes what stands there and goes on ends with a wrong answer.
So none is handed out that heals by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.reason import table
from entitybench.envs.reason import vocabulary as v
from entitybench.errors import unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from entitybench.envs.reason.problem import Problem, State
    from entitybench.envs.reason.source import Source

# A wrong state by itself, and a partial solution that goes on from one.
ALONE = ("swap", "shift", "drop")
CHAINS = (*ALONE, "misled-1", "misled-2")
QUESTIONS = ("beside", "redundant", "renamed")  # of `track`
CONTROL = "control"  # a right chain of thought, handed over at the same places
FOLLOW_ON = {"misled-1": 1, "misled-2": 2}  # steps after the wrong one
LONGEST = 3  # steps of what a polluter writes
_CHOICES = 12  # of what one type of question could be, that are looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """A question, and a chain of thought that is to be gone on with.

    Attributes:
        kind: of CHAINS or QUESTIONS, "control" or "learned".
        problem: that is asked.
        question: tokens.
        prefix: tokens of the chain of thought so far; of a perturbed question none.
        step: which step is wrong; of a control the last one, of a perturbed question None.
        chunk: the tokens of the prefix from the wrong state on; of a control none.
        misled: the answer of whoever believes it, prefix and all.
    """

    kind: str
    problem: Problem
    question: tuple[int, ...]
    prefix: tuple[int, ...] = ()
    step: int | None = None
    chunk: tuple[int, ...] = ()
    misled: tuple[int, ...] = ()

    @property
    def shown(self) -> list[int]:
        """What an agent continues."""
        return [*self.question, *self.prefix]

    def role(self, header: int) -> list[int]:
        """The same for another role: `vocabulary.POLLUTE`, `REPAIR`."""
        return [header, *self.shown[1:]]


def kinds_of(source: Source) -> tuple[str, ...]:
    """The types of contexts that a domain has, the control last."""
    questions = QUESTIONS if source.header == v.TRACK else ()
    return (*CHAINS, *questions, CONTROL)


def context(
    source: Source, problem: Problem, kind: str, rng: np.random.Generator
) -> Context | None:
    """A context of a type, at random; None where none is harmful. Raises UnknownId."""
    if kind not in kinds_of(source):
        raise unknown(f"context of {source.domain}", kind, kinds_of(source))
    if kind == CONTROL:
        step = int(rng.integers(1, len(problem.actions) + 1))
        return _at(source, problem, kind, step, source.states(problem)[step], 0, rng)
    if kind in QUESTIONS:
        return next(_perturbed(source, problem, kind, rng), None)
    follow_on = FOLLOW_ON.get(kind, 0)
    states = source.states(problem)
    for step in 1 + rng.permutation(len(problem.actions)):
        choices = source.wrong_states("swap" if follow_on else kind, states[step])
        for choice in rng.permutation(len(choices)):
            made = _at(source, problem, kind, int(step), choices[choice], follow_on, rng)
            if made is not None and not source.verify(problem, made.misled).right:
                return made
    return None


def learned(
    source: Source, problem: Problem, step: int, chunk: Sequence[int], rng: np.random.Generator
) -> Context | None:
    """What a polluter wrote in the place of the state after a step; None where it is not valid.

    Valid is a state, and at most two further steps, that is not what is so there, and that gives no
    answer. Whether it is harmful is not asked: `source.verify(problem, context.misled)` says it.
    """
    tokens, width = [int(token) for token in chunk], source.width
    bare = [token for token in tokens if not v.is_step(token)]
    count, rest = divmod(len(bare) - width, width + 1)
    if rest or not 0 <= count < LONGEST:
        return None
    said = [source.state_of(bare[at : at + width]) for at in range(0, len(bare), width + 1)]
    acts = bare[width :: width + 1]
    found = [state for state in said if state is not None]
    if len(found) < len(said) or not all(map(source.is_action, acts)):
        return None
    right = [*source.state_tokens(source.states(problem)[step]), *source.chain(problem, begin=step)]
    spelt = [*source.state_tokens(found[0]), *source.steps(step, acts, found[1:])]
    if tokens != spelt or tokens == right[: len(tokens)]:
        return None
    done = [*problem.actions[:step], *acts]
    ahead, states = source.follow(problem, found[-1], len(done), rng)
    prefix = [*source.chain(replace(problem, actions=problem.actions[:step]))[:-width], *tokens]
    return Context(
        kind="learned",
        problem=problem,
        question=tuple(source.question(problem)),
        prefix=tuple(prefix),
        step=step,
        chunk=tuple(tokens),
        misled=tuple(_finished(source, prefix, done, ahead, states)),
    )


def repaired(source: Source, found: Context) -> list[int]:
    """How a chain with an error is gone on with: `!`, the wrong step, what is so, and the rest."""
    assert found.step is not None
    state = source.states(found.problem)[found.step]
    return [
        *(v.WRONG, v.STEP0 + found.step, *source.state_tokens(state)),
        *source.chain(found.problem, begin=found.step),
        *source.final(found.problem),
    ]


def flags(tokens: Sequence[int]) -> list[int]:
    """The steps that are called wrong, one for each `!`; 0 where none is named."""
    pairs = pairwise([*map(int, tokens), v.PAD])
    return [next_ - v.STEP0 if v.is_step(next_) else 0 for t, next_ in pairs if t == v.WRONG]


def _at(
    source: Source,
    problem: Problem,
    kind: str,
    step: int,
    state: State,
    follow_on: int,
    rng: np.random.Generator,
) -> Context | None:
    """The chain up to a step that is said to lead to a state; None where it cannot go on so far."""
    ahead, states = source.follow(problem, state, step, rng)
    if len(ahead) < follow_on:
        return None
    for k in range(follow_on):
        after, why = source.apply(problem, states[k], ahead[k])
        if why or after != states[k + 1]:
            return None  # no partial solution that hangs together
    before = source.chain(replace(problem, actions=problem.actions[:step]))[: -source.width]
    further = source.steps(step, ahead[:follow_on], states[1 : follow_on + 1])
    chunk = [*source.state_tokens(state), *further]
    done = [*problem.actions[:step], *ahead[:follow_on]]
    prefix = [*before, *chunk]
    misled = _finished(source, prefix, done, ahead[follow_on:], states[follow_on:])
    return Context(
        kind=kind,
        problem=problem,
        question=tuple(source.question(problem)),
        prefix=tuple(prefix),
        step=step,
        chunk=() if kind == CONTROL else tuple(chunk),
        misled=tuple(misled),
    )


def _finished(
    source: Source, prefix: list[int], done: list[int], ahead: list[int], states: list[State]
) -> list[int]:
    """A chain that goes on from a believed state to its answer."""
    tokens = [*prefix, *source.steps(len(done), ahead, states[1:])]
    answer = source.state_tokens(states[-1]) if source.header == v.TRACK else [*done, *ahead]
    return [*tokens, v.ANSWER, *answer, v.EOS]


def _perturbed(
    source: Source, problem: Problem, kind: str, rng: np.random.Generator
) -> Iterator[Context]:
    """Questions of `track` that mislead who does not heed what was changed."""
    for _ in range(_CHOICES):
        if kind == "beside":  # another table: who takes its blocks for those that are asked about
            other = tuple(table.dealt(1, 3, rng)[0].tolist())
            asked = replace(problem, beside=other)
            believed = source.follow(problem, other, 0, rng)[1][-1]
        elif kind == "redundant":  # a move and the one back: who stops after as many as there were
            made = _there_and_back(source, problem, rng)
            if made is None:
                return
            asked, believed = made, source.states(made)[len(problem.actions)]
        else:  # other names of the blocks: who sticks to the old ones
            asked, believed = _renamed(problem, rng), source.states(problem)[-1]
            if source.split(asked) != source.split(problem):
                continue  # it may have been seen in training
        misled = [v.ANSWER, *source.state_tokens(believed), v.EOS]
        if not source.verify(asked, misled).right:
            question = tuple(source.question(asked))
            yield Context(kind=kind, problem=asked, question=question, misled=tuple(misled))


def _there_and_back(source: Source, problem: Problem, rng: np.random.Generator) -> Problem | None:
    """The problem with a redundant pair of moves somewhere; None where it has no room for one."""
    if len(problem.actions) + 2 > source.hint:
        return None
    at = int(rng.integers(len(problem.actions) + 1))
    state = source.states(problem)[at]
    there = int(table.random_moves(np.array([state]), rng)[0])
    back = v.SLOTS * (there // v.SLOTS) + state.index(there // v.SLOTS)
    pair = (v.MOVE0 + there, v.MOVE0 + back)
    return replace(problem, actions=(*problem.actions[:at], *pair, *problem.actions[at:]))


def _renamed(problem: Problem, rng: np.random.Generator) -> Problem:
    names = [*rng.permutation(len(v.BLOCKS)).tolist(), v.EMPTY]
    actions = []
    for move in problem.actions:
        block, slot = v.block_and_slot(move)
        actions.append(v.MOVE0 + v.SLOTS * names[block] + slot)
    return replace(problem, start=tuple(names[b] for b in problem.start), actions=tuple(actions))
