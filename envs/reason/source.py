"""Where problems come from and how answers are judged, the same in all domains."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from entitybench.envs.reason import vocabulary as v
from entitybench.envs.reason.problem import Line, Problem, Verdict
from entitybench.errors import BadValue, unknown, whole
from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from entitybench.envs.reason.problem import State
    from entitybench.types import Array

LEVELS = (1, 2, 3, 4, 5)
SPLITS = ("train", "validation", "test")
BLOCK = 256  # problems that are drawn at once
_EIGHTHS = np.array([2, 1, 0, 0, 0, 0, 0, 0])  # of all problems, the split that each is of
_ROUNDS = 1000  # of drawing, after which a level is taken for impossible

Columns = dict[str, "Array"]  # a field of many problems each, (B, …) int


def split_of(content: Array) -> Array:
    """The split of each problem, a place in SPLITS, by a hash of its content (B, C).

    So no problem is in two splits, whatever its level and whichever seed it was drawn from.
    """
    mixed = np.full(len(content), 0x9E3779B97F4A7C15, np.uint64)
    for column in content.T.astype(np.int64).astype(np.uint64):
        mixed = (mixed ^ column) * np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(29)
    return _EIGHTHS[((mixed >> np.uint64(32)) % np.uint64(8)).astype(np.int64)]


class Source(ABC):
    """The problems of a domain and level. A task's target, as a world is of other tasks.

    A question and an answer are lists of tokens, `vocabulary.TOKENS`. An answer is a chain of
    thought, then `#` and what is asked for, then `<eos>`.
    """

    offers: ClassVar[frozenset[str]] = frozenset()  # of entitybench.needs
    domain: ClassVar[str]
    header: ClassVar[int]  # the first token of a question
    tokens: ClassVar[int]  # how many tokens of the table the domain uses, from the first
    width: ClassVar[int]  # tokens of a state
    hint: ClassVar[int]  # tokens that actions are padded to in a question
    unit: ClassVar[str]  # what an action is called
    named: ClassVar[bool] = False  # whether a chain of thought names its steps, @1 …

    def __init__(self, level: int) -> None:
        if level not in LEVELS:
            raise BadValue(f"a level of {self.domain} is 1 to 5: got {level!r}.")
        self.level = level

    # What is drawn.

    def draw(self, count: int, rng: np.random.Generator, split: str = "train") -> list[Problem]:
        """New problems of a split."""
        return self._gathered(
            count, split, lambda n: self._asked(n, rng), lambda columns: self._planned(columns, rng)
        )

    def _gathered(
        self,
        count: int,
        split: str,
        asked: Callable[[int], Columns],
        planned: Callable[[Columns], tuple[Columns, Array]],
    ) -> list[Problem]:
        """The first that are of a split and fit, of however many candidates that takes."""
        if split not in SPLITS:
            raise unknown("split", split, SPLITS)
        whole("count", count)
        found: list[Problem] = []
        wanted = SPLITS.index(split)
        share = float(np.mean(wanted == _EIGHTHS))
        for _ in range(_ROUNDS):
            columns = asked(int(3 * (count - len(found)) / share) + 32)
            mine = split_of(self._content(columns)) == wanted  # before the planner's work
            columns, fits = planned({name: x[mine] for name, x in columns.items()})
            found += self._problems({name: x[fits] for name, x in columns.items()})
            if len(found) >= count:
                return found[:count]
        raise RuntimeError(f"no problems of {self.domain}, level {self.level}, can be drawn")

    def problems(self, items: Sequence[int], split: str = "test") -> list[Problem]:
        """The problems of a split with these numbers; there is no end of them."""
        drawn = {block: _block(type(self), self.level, split, block) for block in _numbers(items)}
        return [drawn[item // BLOCK][item % BLOCK] for item in items]

    def split(self, problem: Problem) -> str:
        """The split that a problem is of, wherever it comes from."""
        return SPLITS[int(split_of(self._content(self._columns(problem)))[0])]

    @abstractmethod
    def _asked(self, count: int, rng: np.random.Generator) -> Columns:
        """What is asked in `count` candidates for problems of the level."""

    @abstractmethod
    def _planned(self, columns: Columns, rng: np.random.Generator) -> tuple[Columns, Array]:
        """The same with the planner's actions, and which are of the level, bool (B,)."""

    @abstractmethod
    def _content(self, columns: Columns) -> Array:
        """What makes two problems the same, (B, C) int."""

    @abstractmethod
    def _columns(self, problem: Problem) -> Columns:
        """What is asked in one problem, as `_asked` gives it of many."""

    @abstractmethod
    def _problems(self, columns: Columns) -> list[Problem]:
        """One object each."""

    @abstractmethod
    def plan(self, problem: Problem, rng: np.random.Generator) -> Problem:
        """The problem with the actions that its planner finds; of `track` as it is."""

    # What is written.

    @abstractmethod
    def question(self, problem: Problem) -> list[int]:
        """What a solver is shown."""

    @abstractmethod
    def read(self, question: Sequence[int]) -> Problem:
        """The problem of a question, to the token C:. Raises BadValue for what is none."""

    @abstractmethod
    def state_tokens(self, state: State) -> list[int]:
        """A state as tokens."""

    @abstractmethod
    def state_of(self, tokens: Sequence[int]) -> State | None:
        """The state that tokens say; None where they say none."""

    @abstractmethod
    def is_action(self, token: int) -> bool:
        """Whether a token is an action."""

    @abstractmethod
    def apply(self, problem: Problem, state: State, action: int) -> tuple[State, str]:
        """The state after an action, and why it cannot be done; "": it can."""

    @abstractmethod
    def unsolved(self, problem: Problem, state: State) -> str:
        """Why a state is not what was asked for; "": it is."""

    def states(self, problem: Problem, actions: Iterable[int] | None = None) -> list[State]:
        """The states from the start on, after the problem's own or other actions."""
        found = [problem.start]
        for action in problem.actions if actions is None else actions:
            found.append(self.apply(problem, found[-1], action)[0])
        return found

    @abstractmethod
    def wrong_states(self, kind: str, state: State) -> list[State]:
        """What a state becomes by an error: all that "swap", "shift" or "drop" can make of it."""

    def follow(
        self, problem: Problem, state: State, step: int, rng: np.random.Generator
    ) -> tuple[list[int], list[State]]:
        """What a solver does who believes in a state after `step` actions of the problem.

        Returns:
            Further actions, and the states from the one that is believed in on.
        """
        del step
        believed = self.plan(replace(problem, start=state), rng)
        return list(believed.actions), self.states(believed)

    def chain(self, problem: Problem, *, begin: int = 0) -> list[int]:
        """The chain of thought of the problem's actions, after `begin` steps; 0: with the start."""
        states = self.states(problem)
        start = self.state_tokens(states[0]) if begin == 0 else []
        return [*start, *self.steps(begin, problem.actions[begin:], states[begin + 1 :])]

    def steps(self, done: int, actions: Sequence[int], states: Sequence[State]) -> list[int]:
        """Actions as they are written after `done` others, each with the state after it.

        Each has its name before it where the domain names steps; there are names for twelve.
        """
        found: list[int] = []
        for k, (action, state) in enumerate(zip(actions, states, strict=True), done + 1):
            found += [v.STEP0 + k] if self.named and k <= v.STEPS else []
            found += [action, *self.state_tokens(state)]
        return found

    def final(self, problem: Problem) -> list[int]:
        """The answer itself, of the problem's actions."""
        return [v.ANSWER, *problem.actions, v.EOS]

    def solution(self, problem: Problem) -> list[int]:
        """Chain of thought and answer."""
        return [*self.chain(problem), *self.final(problem)]

    def log(self, problem: Problem) -> list[int]:
        """The planner's own log and the answer: no states, an expert's style and not a solver's."""
        return [v.PLAN, *problem.actions, *self.final(problem)]

    def hinted(self, problem: Problem) -> list[int]:
        """The question with its right answer in it, for whoever is to explain it."""
        before = self.question(problem)
        before[0] = v.EXPLAIN
        return [*before[:-1], v.HINT, *self.padded(problem.actions), v.CHAIN]

    def padded(self, actions: Sequence[int]) -> list[int]:
        """Actions, padded to the width of their field. Raises BadValue for too many."""
        if len(actions) > self.hint:
            raise BadValue(
                f"a question of {self.domain} has room for {self.hint} {self.unit}s: "
                f"got {len(actions)}."
            )
        return [*actions, *[v.PAD] * (self.hint - len(actions))]

    # What is judged.

    def verify(self, problem: Problem, answer: Sequence[int]) -> Verdict:
        """Execute the actions after the first `#`: any that lead to the goal are right."""
        tokens = [int(token) for token in answer]
        acts, why = between(tokens, tokens.index(v.ANSWER) if v.ANSWER in tokens else None)
        if why:
            return Verdict(right=False, why=why)
        state = problem.start
        for step, action in enumerate(acts, 1):
            if step > problem.most:
                why = f"it has {len(acts)} {self.unit}s; at most {problem.most} are allowed"
            elif not self.is_action(action):
                why = f"{v.written([action])} is no {self.unit}"
            else:
                state, why = self.apply(problem, state, action)
            if why:
                return Verdict(right=False, step=step, why=why)
        why = self.unsolved(problem, state)
        return Verdict(right=not why, why=why)

    def trace(self, problem: Problem, answer: Sequence[int]) -> list[Line]:
        """An answer step by step, its chain of thought first, beside what is so."""
        tokens = [int(token) for token in answer]
        end = next((i for i, token in enumerate(tokens) if token == v.ANSWER), len(tokens))
        lines = self._chain_lines(problem, tokens[:end])
        return [*lines, *self._answer_lines(problem, tokens)]

    def _chain_lines(self, problem: Problem, tokens: list[int]) -> list[Line]:
        lines: list[Line] = []
        reached = [problem.start]  # after 0, 1, … steps
        at = 0
        while at < len(tokens):
            action, place, why = None, "start" if not lines else f"step {len(reached) - 1}", ""
            if tokens[at] == v.WRONG:
                named = tokens[at + 1] - v.STEP0 if at + 1 < len(tokens) else -1
                at += 2
                if not 0 < named < len(reached):
                    lines.append(as_line("correction", None, None, reached[-1], "names no step"))
                    continue
                del reached[named + 1 :]
                place = f"corrects step {named}"
            elif v.is_step(tokens[at]):
                at += 1
                continue
            elif self.is_action(tokens[at]):
                action, at = tokens[at], at + 1
                after, why = self._follows(problem, reached, action)
                reached.append(after)
                place = f"step {len(reached) - 1}"
            written = tokens[at : at + self.width]
            said = self.state_of(written)
            if said is None and v.WRONG in written[1:]:  # called wrong before it ends
                at += written.index(v.WRONG)
                why = why or "the state breaks off"
            elif said is None and action is None:
                lines.append(as_line(place, None, None, reached[-1], _stray(tokens[at:])))
                break
            at += self.width if said is not None else 0
            if not why and said is not None and said != reached[-1]:
                why = self._differs(said, reached[-1])
            lines.append(as_line(place, action, said, reached[-1], why))
        return lines

    def _follows(self, problem: Problem, reached: list[State], action: int) -> tuple[State, str]:
        return self.apply(problem, reached[-1], action)

    def _answer_lines(self, problem: Problem, tokens: list[int]) -> list[Line]:
        """One an action, to the first that cannot be done; and the end, if that is not the goal."""
        if v.ANSWER not in tokens:
            return []
        acts, _ = between(tokens, tokens.index(v.ANSWER))
        state = problem.start
        lines: list[Line] = []
        for step, action in enumerate(acts, 1):
            if not self.is_action(action):
                return lines
            state, why = self.apply(problem, state, action)
            lines.append(as_line(f"answer {step}", action, None, state, why))
            if why:
                return lines
        why = self.unsolved(problem, state)
        return [*lines, as_line("the end", None, None, state, why)] if why else lines

    def _differs(self, said: State, real: State) -> str:
        """Where a state that is written is not so."""
        pairs = zip(self.state_tokens(said), self.state_tokens(real), strict=True)
        wrong = [(mine, true) for mine, true in pairs if mine != true]
        shown = v.written([wrong[0][0]]), v.written([wrong[0][1]])
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        return f"it says {shown[0]}, and it is {shown[1]}{more}"


def as_line(place: str, action: int | None, said: State | None, real: State, why: str) -> Line:
    """One step beside what is so."""
    return Line(place=place, action=action, said=said, real=real, why=why)


def _stray(tokens: list[int]) -> str:
    return f"{v.written(tokens[:1]) or 'nothing'} begins no state and no step"


def between(tokens: list[int], mark: int | None) -> tuple[list[int], str]:
    """What stands between `#` and `<eos>`, and what is wrong if one of them is missing."""
    if mark is None:
        return [], "it gives no answer: there is no #"
    rest = tokens[mark + 1 :]
    if v.EOS not in rest:
        return rest, "it never ends: there is no <eos> after #"
    return rest[: rest.index(v.EOS)], ""


def _numbers(items: Sequence[int]) -> set[int]:
    for item in items:
        whole("a problem's number", item, 0)
    return {item // BLOCK for item in items}


@lru_cache(maxsize=512)
def _block(source: type[Source], level: int, split: str, number: int) -> tuple[Problem, ...]:
    """BLOCK problems, always drawn together: so a problem depends on its number alone."""
    rng = generator(number, "reason", source.domain, level, split)
    return tuple(source(level).draw(BLOCK, rng, split))
