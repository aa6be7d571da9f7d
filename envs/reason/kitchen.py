"""`kitchen`: in which order are things done, where some need others and some undo them?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from entitybench.envs.reason import chores
from entitybench.envs.reason import vocabulary as v
from entitybench.envs.reason.problem import MOST, Problem
from entitybench.envs.reason.source import Columns, Source
from entitybench.errors import BadValue, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.envs.reason.problem import State
    from entitybench.types import Array

COUNT = len(v.FACTS)
ROOM = 6  # tokens that rules are padded to
TRUE = 0.3  # the chance that a fact that is not wanted is true at the start
# By level: how many facts are wanted and how many rules x<y there are between them, at least and at
# most; how many others must be made true on the way; how many rules x~y a plan must heed.
WANTED = ((1, 2), (3, 3), (4, 5), (3, 4), (3, 4))
NEEDS = ((0, 0), (1, 2), (2, 3), (1, 1), (1, 1))
HELPERS = (0, 0, 0, 1, 2)
HEEDED = (0, 0, 0, 1, 2)
_FIELDS = ("start", "needs", "undoes", "goal")  # what is asked


class Kitchen(Source):
    """Seven facts, and actions that make one true.

    A rule x<y says that x needs y when it is done, x~y that doing x makes y false again. An answer
    may have as many actions as the shortest plan, which the question says. Levels: no rules; one or
    two x<y; a chain of them; a fact that nobody asks for must come first, and a plan must heed one
    x~y; two of each.
    """

    domain: ClassVar[str] = "kitchen"
    header: ClassVar[int] = v.KITCHEN
    tokens: ClassVar[int] = v.ALL_TOKENS
    width: ClassVar[int] = COUNT
    hint: ClassVar[int] = 10
    unit: ClassVar[str] = "action"

    def _asked(self, count: int, rng: np.random.Generator) -> Columns:
        low, high = WANTED[self.level - 1]
        wanted = rng.integers(low, high + 1, count)
        order = np.argsort(rng.random((count, COUNT)), 1)  # the first `wanted` are
        helpers, place = HELPERS[self.level - 1], np.argsort(order, 1)
        goal = _bits(place < wanted[:, None])
        used = _bits(place < wanted[:, None] + helpers)  # the first, and the next are helpers
        start = _bits(rng.random((count, COUNT)) < TRUE) & ~used
        needs, undoes = np.zeros((2, count, COUNT), np.int64)
        rows = np.arange(count)
        low, high = NEEDS[self.level - 1]
        rules = rng.integers(low, high + 1, count)
        for k in range(high):
            # Of level 3 a chain; else any that needs what is earlier in the order, so no circle.
            later = 1 + (rng.random(count) * (wanted - 1)).astype(np.int64)
            earlier = (rng.random(count) * later).astype(np.int64)
            if self.level == 3:
                later, earlier = np.full(count, k + 1), np.full(count, k)
            there = k < rules
            needs[rows[there], order[rows, later][there]] |= 1 << order[rows, earlier][there]
        for k in range(helpers):  # is needed by what is wanted, or by the helper before it
            needing = order[rows, (rng.random(count) * (wanted + k)).astype(np.int64)]
            needs[rows, needing] |= 1 << order[rows, wanted + k]
        known = wanted + helpers
        for _ in range(HEEDED[self.level - 1]):  # two of the facts that a plan makes true
            first = (rng.random(count) * known).astype(np.int64)
            apart = 1 + (rng.random(count) * (known - 1)).astype(np.int64)
            undoes[rows, order[rows, first]] |= 1 << order[rows, (first + apart) % known]
        return {"start": start, "goal": goal, "needs": needs, "undoes": undoes}

    def _planned(self, columns: Columns, rng: np.random.Generator) -> tuple[Columns, Array]:
        start, needs, undoes, goal = (columns[name] for name in _FIELDS)
        actions, length = chores.plans(start, needs, undoes, goal, rng)
        fits = (length >= 1) & (length <= chores.MOST)
        for k in range(HEEDED[self.level - 1]):  # a plan that does not heed the k-th x~y fails
            without, there = _less(undoes, k)
            careless, _ = chores.plans(start, needs, without, goal, rng)
            fits &= there & ~chores.works(start, needs, undoes, goal, careless)
        return {**columns, "actions": actions}, fits

    def walks(
        self, count: int, longest: int, rng: np.random.Generator, split: str = "train"
    ) -> list[Problem]:
        """Random walks of 1 to `longest` actions; some of what is true in the end is the goal.

        What is explained in practice, so that a hint may be any walk and not a plan.
        """

        def walked(number: int) -> Columns:
            asked = self._asked(number, rng)
            rules = asked["needs"], asked["undoes"]
            lengths = rng.integers(1, longest + 1, number)
            actions, end = chores.walks(asked["start"], *rules, lengths, longest, rng)
            goal = end & _bits(rng.random((number, COUNT)) < 0.5)
            return {**asked, "goal": goal, "actions": actions}

        def fits(columns: Columns) -> tuple[Columns, Array]:
            return columns, columns["goal"] & ~columns["start"] != 0

        whole("longest", longest)
        return self._gathered(count, split, walked, fits)

    def _content(self, columns: Columns) -> Array:
        return np.column_stack([columns[name] for name in _FIELDS])

    def _columns(self, problem: Problem) -> Columns:
        needs, undoes = _tables(problem)
        start, goal = (np.array([_number(state)]) for state in (problem.start, problem.goal))
        return {"start": start, "goal": goal, "needs": needs[None], "undoes": undoes[None]}

    def _problems(self, columns: Columns) -> list[Problem]:
        names = (*_FIELDS, "actions")
        found = []
        for start, needs, undoes, goal, acts in zip(
            *(columns[name].tolist() for name in names), strict=True
        ):
            actions = tuple(v.ACT0 + act for act in acts if act >= 0)
            found.append(
                Problem(
                    start=_facts(start),
                    goal=_facts(goal),
                    rules=_rules(needs, undoes),
                    actions=actions,
                    most=len(actions),
                )
            )
        return found

    def plan(self, problem: Problem, rng: np.random.Generator) -> Problem:
        """Shortest; with no actions where no plan of ten leads to the goal."""
        asked = self._columns(problem)
        start, needs, undoes, goal = (asked[name] for name in _FIELDS)
        found, _ = chores.plans(start, needs, undoes, goal, rng)
        actions = tuple(v.ACT0 + act for act in found[0].tolist() if act >= 0)
        return replace(problem, actions=actions)

    def question(self, problem: Problem) -> list[int]:
        if len(problem.rules) > ROOM:
            raise BadValue(
                f"a question of kitchen has room for {ROOM} rules: got {len(problem.rules)}."
            )
        rules = [*problem.rules, *[v.PAD] * (ROOM - len(problem.rules))]
        wanted = [v.FACT0 + 2 * i + 1 if on else v.PAD for i, on in enumerate(problem.goal)]
        start = self.state_tokens(problem.start)
        most = v.STEP0 + problem.most
        return [v.KITCHEN, *start, v.RULES, *rules, v.GOAL, *wanted, most, v.CHAIN]

    def read(self, question: Sequence[int]) -> Problem:
        tokens = [int(token) for token in question]
        start = self.state_of(tokens[1 : 1 + COUNT])
        first, last = 2 + COUNT, 2 + COUNT + ROOM
        rules = tuple(token for token in tokens[first:last] if token != v.PAD)
        wanted = tokens[last + 1 : last + 1 + COUNT]
        goal = tuple(int(token == v.FACT0 + 2 * i + 1) for i, token in enumerate(wanted))
        marks = tokens[:1], tokens[first - 1 : first], tokens[last : last + 1], tokens[-1:]
        known = all(v.rule(token) is not None for token in rules)
        most = tokens[last + 1 + COUNT] if len(tokens) == last + 3 + COUNT else -1
        if (
            marks != ([v.KITCHEN], [v.RULES], [v.GOAL], [v.CHAIN])
            or start is None
            or not known
            or not v.STEP0 < most <= v.STEP0 + MOST
        ):
            raise BadValue(f"this is no question of kitchen: {v.written(tokens)[:120]}")
        return Problem(start=start, goal=goal, rules=rules, most=most - v.STEP0)

    def state_tokens(self, state: State) -> list[int]:
        return [v.FACT0 + 2 * i + on for i, on in enumerate(state)]

    def state_of(self, tokens: Sequence[int]) -> State | None:
        if len(tokens) != COUNT:
            return None
        pairs = [divmod(token - v.FACT0, 2) for token in tokens]
        return tuple(on for _, on in pairs) if [i for i, _ in pairs] == [*range(COUNT)] else None

    def wrong_states(self, kind: str, state: State) -> list[State]:
        """A true and a false fact exchanged; a false one taken for true; a true one for false."""
        true = [i for i in range(COUNT) if state[i]]
        false = [i for i in range(COUNT) if not state[i]]
        if kind == "drop":
            return [_turned(state, i) for i in true]
        if kind == "shift":
            return [_turned(state, i) for i in false]
        return [_turned(_turned(state, i), j) for i in true for j in false]

    def is_action(self, token: int) -> bool:
        return v.is_act(token)

    def apply(self, problem: Problem, state: State, action: int) -> tuple[State, str]:
        act = action - v.ACT0
        if state[act]:
            return state, f"{v.FACTS[act]} is true already"
        after = list(state)
        after[act] = 1
        for sign, x, y in filter(None, map(v.rule, problem.rules)):
            if x == act and sign == "<" and not state[y]:
                return state, f"{v.FACTS[x]} needs {v.FACTS[y]}, which is not true"
            if x == act and sign == "~":
                after[y] = 0
        return tuple(after), ""

    def unsolved(self, problem: Problem, state: State) -> str:
        wrong = [v.FACTS[i] for i in range(COUNT) if problem.goal[i] and not state[i]]
        return f"it ends without {', '.join(wrong)}" if wrong else ""


def _bits(facts: Array) -> Array:
    """Truths (B, 7) as numbers (B,)."""
    return (facts.astype(np.int64) << np.arange(COUNT)).sum(1)


def _less(undoes: Array, k: int) -> tuple[Array, Array]:
    """What actions undo (B, 7) without the k-th rule x~y, and whether there is such a rule (B,)."""
    bits = (undoes[:, :, None] >> np.arange(COUNT) & 1).reshape(len(undoes), -1)
    kth = bits.astype(bool) & (bits.cumsum(1) == k + 1)
    less = (bits & ~kth).reshape(-1, COUNT, COUNT)
    return (less << np.arange(COUNT)).sum(2), kth.any(1)


def _facts(number: int) -> State:
    return tuple(number >> i & 1 for i in range(COUNT))


def _turned(state: State, fact: int) -> State:
    return tuple(1 - on if i == fact else on for i, on in enumerate(state))


def _number(state: State) -> int:
    return sum(on << i for i, on in enumerate(state))


def _rules(needs: Sequence[int], undoes: Sequence[int]) -> tuple[int, ...]:
    """Tokens, by action."""
    return tuple(
        v.rule_token(sign, x, y)
        for sign, rows in (("<", needs), ("~", undoes))
        for x in range(COUNT)
        for y in range(COUNT)
        if rows[x] >> y & 1
    )


def _tables(problem: Problem) -> tuple[Array, Array]:
    """What each action needs and undoes, (7,) each, as bits."""
    found = np.zeros((2, COUNT), np.int64)
    for sign, x, y in filter(None, map(v.rule, problem.rules)):
        found["<~".index(sign), x] |= 1 << y
    return found[0], found[1]
