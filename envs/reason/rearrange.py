"""`rearrange` and `track`: which pushes reach a goal, and where everything is after some."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from entitybench.envs.reason import table
from entitybench.envs.reason import vocabulary as v
from entitybench.envs.reason.problem import Line, Problem, Verdict
from entitybench.envs.reason.source import Columns, Source, as_line, between
from entitybench.errors import BadValue, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.envs.reason.problem import State
    from entitybench.types import Array

PERMUTED = 0.8  # of the candidates of levels 4 and 5, whose goals permute the blocks


class Table(Source):
    """Six slots, blocks A to E, and moves X>j: block X to slot j, which must be empty."""

    width: ClassVar[int] = v.SLOTS
    unit: ClassVar[str] = "move"

    def state_tokens(self, state: State) -> list[int]:
        return [v.STATE0 + v.SLOTS * slot + block for slot, block in enumerate(state)]

    def state_of(self, tokens: Sequence[int]) -> State | None:
        """Whatever is written, a block twice or not at all too."""
        if len(tokens) != v.SLOTS:
            return None
        pairs = [divmod(token - v.STATE0, v.SLOTS) for token in tokens]
        return tuple(b for _, b in pairs) if [s for s, _ in pairs] == [*range(v.SLOTS)] else None

    def is_action(self, token: int) -> bool:
        return v.is_move(token)

    def wrong_states(self, kind: str, state: State) -> list[State]:
        """Two blocks exchanged; a block in an empty slot; a block missing."""
        held = [slot for slot in range(v.SLOTS) if state[slot] != v.EMPTY]
        empty = [slot for slot in range(v.SLOTS) if state[slot] == v.EMPTY]
        if kind == "drop":
            return [_with(state, slot, slot, v.EMPTY) for slot in held]
        if kind == "shift":
            return [_with(state, i, j, state[i]) for i in held for j in empty]
        return [
            _with(_with(state, i, j, state[i]), i, i, state[j]) for i in held for j in held if i < j
        ]

    def apply(self, problem: Problem, state: State, action: int) -> tuple[State, str]:
        del problem
        block, slot = v.block_and_slot(action)
        name = v.BLOCKS[block]
        if block not in state:
            return state, f"{name} is not on the table"
        if state[slot] != v.EMPTY:
            holder = v.BLOCKS[state[slot]]
            itself = "it is there already" if state[slot] == block else f"{holder} is there"
            return state, f"{name} cannot go to slot {slot}: {itself}"
        after = list(state)
        after[after.index(block)], after[slot] = v.EMPTY, block
        return tuple(after), ""


class Rearrange(Table):
    """Which pushes, in which order, reach the goal?

    Levels: one or two moves; three; four or five, each block straight to its place; one block that
    must be parked first, for it is in a cycle; two cycles of five blocks, with one hole.
    """

    domain: ClassVar[str] = "rearrange"
    header: ClassVar[int] = v.SOLVE
    tokens: ClassVar[int] = v.TABLE_TOKENS
    hint: ClassVar[int] = 8

    def _asked(self, count: int, rng: np.random.Generator) -> Columns:
        start = table.dealt(count, 5 if self.level == 5 else 3, rng)
        if self.level <= 2:
            goal = table.after(start, table.walks(start, rng.integers(1, 4, count), 3, rng))
        else:
            goal = table.shuffled(start, rng)
        if self.level >= 4:
            cycles = table.permuted(start, rng)
            if self.level == 4:
                swap = rng.random(count) < 0.5
                cycles = np.where(swap[:, None], table.exchanged(cycles, rng), cycles)
            goal = np.where(rng.random((count, 1)) < PERMUTED, cycles, goal)
        return {"start": start, "goal": goal}

    def _planned(self, columns: Columns, rng: np.random.Generator) -> tuple[Columns, Array]:
        moves, parks = table.plans(columns["start"], columns["goal"], rng)
        length, parked = (moves >= 0).sum(1), parks.sum(1)
        low, high = ((1, 2), (3, 3), (4, 10), (1, 10), (1, 10))[self.level - 1]
        fits = (length >= low) & (length <= high) & (parked == max(0, self.level - 3))
        return {**columns, "moves": moves}, fits

    def _content(self, columns: Columns) -> Array:
        return np.concatenate([columns["start"], columns["goal"]], 1)

    def _columns(self, problem: Problem) -> Columns:
        return {"start": np.array([problem.start]), "goal": np.array([problem.goal])}

    def _problems(self, columns: Columns) -> list[Problem]:
        return [
            Problem(start=tuple(start), goal=tuple(goal), actions=_tokens(moves))
            for start, goal, moves in zip(*_lists(columns, "start", "goal", "moves"), strict=True)
        ]

    def walks(
        self, count: int, longest: int, rng: np.random.Generator, split: str = "train"
    ) -> list[Problem]:
        """Random walks of 1 to `longest` legal moves: the goal is where they end.

        What is explained in practice, so that a hint may be any walk and not a plan.
        """

        def walked(number: int) -> Columns:
            start = table.dealt(number, 3, rng)
            moves = table.walks(start, rng.integers(1, longest + 1, number), longest, rng)
            return {"start": start, "goal": table.after(start, moves), "moves": moves}

        whole("longest", longest)
        return self._gathered(count, split, walked, lambda c: (c, np.ones(len(c["start"]), bool)))

    def plan(self, problem: Problem, rng: np.random.Generator) -> Problem:
        """Of the blocks that are there; the goals of others are left out."""
        there = [block if block in problem.start else v.EMPTY for block in problem.goal]
        moves, _ = table.plans(np.array([problem.start]), np.array([there]), rng)
        return replace(problem, actions=_tokens(moves[0].tolist()))

    def question(self, problem: Problem) -> list[int]:
        start, goal = self.state_tokens(problem.start), self.state_tokens(problem.goal)
        return [v.SOLVE, *start, v.GOAL, *goal, v.CHAIN]

    def read(self, question: Sequence[int]) -> Problem:
        tokens = [int(token) for token in question]
        start, goal = self.state_of(tokens[1:7]), self.state_of(tokens[8:14])
        marks = tokens[:1], tokens[7:8], tokens[14:15]
        if marks != ([v.SOLVE], [v.GOAL], [v.CHAIN]) or start is None or goal is None:
            raise _no_question(self, tokens)
        return Problem(start=start, goal=goal)

    def log(self, problem: Problem) -> list[int]:
        """Each move with what it is for: x2 to a goal, x3 to park."""
        found = [v.PLAN]
        for move in problem.actions:
            block, slot = v.block_and_slot(move)
            found += [v.STRAIGHT if problem.goal[slot] == block else v.PARK, move]
        return [*found, *self.final(problem)]

    def unsolved(self, problem: Problem, state: State) -> str:
        wrong = [slot for slot in range(v.SLOTS) if state[slot] != problem.goal[slot]]
        if not wrong:
            return ""
        holds, should = (v.written([self.state_tokens(s)[wrong[0]]]) for s in (state, problem.goal))
        more = f", and {len(wrong) - 1} more slots differ" if len(wrong) > 1 else ""
        return f"it ends with {holds}, and the goal is {should}{more}"


class Track(Table):
    """Where is everything after these pushes? Levels: 1–2, 3–4, 5–6, 7–9, 10–12 pushes.

    Steps have names, so that who calls one wrong copies its name and need not count.
    """

    offers: ClassVar[frozenset[str]] = frozenset({"tracking"})
    domain: ClassVar[str] = "track"
    header: ClassVar[int] = v.TRACK
    tokens: ClassVar[int] = v.TRACK_TOKENS
    hint: ClassVar[int] = 14  # twelve, and a pair of redundant ones
    named: ClassVar[bool] = True
    lengths: ClassVar[tuple[tuple[int, int], ...]] = ((1, 2), (3, 4), (5, 6), (7, 9), (10, 12))

    def _asked(self, count: int, rng: np.random.Generator) -> Columns:
        start = table.dealt(count, 3, rng)
        low, high = self.lengths[self.level - 1]
        moves = table.walks(start, rng.integers(low, high + 1, count), high, rng)
        return {"start": start, "moves": moves}

    def _planned(self, columns: Columns, rng: np.random.Generator) -> tuple[Columns, Array]:
        del rng
        return columns, np.ones(len(columns["start"]), bool)

    def _content(self, columns: Columns) -> Array:
        moves = np.full((len(columns["moves"]), self.hint), -1)  # as many columns at all levels
        moves[:, : columns["moves"].shape[1]] = columns["moves"]
        return np.concatenate([columns["start"], moves], 1)

    def _columns(self, problem: Problem) -> Columns:
        moves = np.array([problem.actions], np.int64) - v.MOVE0
        return {"start": np.array([problem.start]), "moves": moves}

    def _problems(self, columns: Columns) -> list[Problem]:
        return [
            Problem(start=tuple(start), actions=_tokens(moves))
            for start, moves in zip(*_lists(columns, "start", "moves"), strict=True)
        ]

    def plan(self, problem: Problem, rng: np.random.Generator) -> Problem:
        del rng
        return problem

    def follow(
        self, problem: Problem, state: State, step: int, rng: np.random.Generator
    ) -> tuple[list[int], list[State]]:
        """The moves of the question, each written down as if nothing were in its way.

        A block is then in its new slot and nowhere else, wherever it was, if anywhere: an error of
        where it was heals by that.
        """
        del rng
        states = [state]
        for move in problem.actions[step:]:
            block, slot = v.block_and_slot(move)
            after = [v.EMPTY if held == block else held for held in states[-1]]
            after[slot] = block
            states.append(tuple(after))
        return list(problem.actions[step:]), states

    def question(self, problem: Problem) -> list[int]:
        beside = [v.BESIDE, *self.state_tokens(problem.beside)] if problem.beside else []
        moves = self.padded(problem.actions)
        return [v.TRACK, *self.state_tokens(problem.start), *beside, v.HINT, *moves, v.CHAIN]

    def read(self, question: Sequence[int]) -> Problem:
        tokens = [int(token) for token in question]
        start, rest = self.state_of(tokens[1:7]), tokens[7:]
        beside: State = ()
        if rest[:1] == [v.BESIDE]:
            beside, rest = self.state_of(rest[1:7]) or (), rest[7:]
        moves = [token for token in rest[1 : 1 + self.hint] if token != v.PAD]
        marks = tokens[:1], rest[:1], rest[1 + self.hint : 2 + self.hint]
        if marks != ([v.TRACK], [v.HINT], [v.CHAIN]) or start is None:
            raise _no_question(self, tokens)
        if not all(map(v.is_move, moves)):
            raise _no_question(self, tokens)
        return Problem(start=start, actions=tuple(moves), beside=beside)

    def hinted(self, problem: Problem) -> list[int]:
        """With the state at the end as the goal."""
        before = self.question(problem)
        goal = self.state_tokens(self.states(problem)[-1])
        return [v.EXPLAIN, *before[1:-1], v.GOAL, *goal, v.CHAIN]

    def final(self, problem: Problem) -> list[int]:
        return [v.ANSWER, *self.state_tokens(self.states(problem)[-1]), v.EOS]

    def unsolved(self, problem: Problem, state: State) -> str:
        real = self.states(problem)[-1]
        return self._differs(state, real) if state != real else ""

    def verify(self, problem: Problem, answer: Sequence[int]) -> Verdict:
        """The six tokens after the last `#` are the state at the end, and `<eos>` follows."""
        tokens = [int(token) for token in answer]
        last = max((i for i, token in enumerate(tokens) if token == v.ANSWER), default=None)
        rest, why = between(tokens, last)
        state = self.state_of(rest)
        if not why and state is None:
            why = f"{v.written(rest) or 'nothing'} between # and <eos> is no state of six slots"
        if not why and state is not None:
            why = self.unsolved(problem, state)
        if not why:
            return Verdict(right=True)
        broken = [line for line in self.trace(problem, tokens) if line.why and "step" in line.place]
        step = int(broken[0].place.rpartition(" ")[2]) if broken else None
        return Verdict(right=False, step=step, why=why)

    def _follows(self, problem: Problem, reached: list[State], action: int) -> tuple[State, str]:
        """The step of the question, whatever is written."""
        step = len(reached) - 1
        if step >= len(problem.actions):
            return reached[-1], f"there are only {len(problem.actions)} moves"
        real = problem.actions[step]
        after = self.apply(problem, reached[-1], real)[0]
        wrong = f"the move is {v.written([real])}, not {v.written([action])}"
        return after, "" if action == real else wrong

    def _answer_lines(self, problem: Problem, tokens: list[int]) -> list[Line]:
        if v.ANSWER not in tokens:
            return []
        mark = max(i for i, token in enumerate(tokens) if token == v.ANSWER)
        state, real = self.state_of(between(tokens, mark)[0]), self.states(problem)[-1]
        why = "" if state is None or state == real else self._differs(state, real)
        return [as_line("answer", None, state, real, why)] if state is not None else []


def _with(state: State, emptied: int, slot: int, block: int) -> State:
    """A state with one slot emptied, then a block written into another."""
    after = list(state)
    after[emptied] = v.EMPTY
    after[slot] = block
    return tuple(after)


def _tokens(moves: Sequence[int]) -> tuple[int, ...]:
    return tuple(v.MOVE0 + move for move in moves if move >= 0)


def _lists(columns: Columns, *names: str) -> list[list[list[int]]]:
    return [columns[name].tolist() for name in names]


def _no_question(source: Source, tokens: list[int]) -> BadValue:
    return BadValue(f"this is no question of {source.domain}: {v.written(tokens)[:120]}")
