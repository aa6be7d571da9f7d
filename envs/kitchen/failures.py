"""Failures in the kitchen: how the oracle errs, and what shows it.

Episodes of several elements end with the oracle's plan; those of one element with one attempt.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.failures import Failure, Trace
from entitybench.envs.kitchen import elements as k
from entitybench.envs.kitchen.oracle import BEFORE, ENTER, KitchenOracle, OracleState
from entitybench.envs.kitchen.world import KitchenBase, KitchenTasksWorld

if TYPE_CHECKING:
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs, TaskSpec

KETTLE = k.NAMES.index("kettle")
STILL = 0.01  # m, how far the handle of an element that nobody operates moves at most
MOVED = 0.05  # m, how far one has moved that was operated in the place of another
HIT = 0.02  # m, how far one has moved that was run into
HARD = 0.5  # N s in a control step, with which it was run into at least
BEGUN = 0.15  # share of the way to being done, after which an element has been operated
# m, how far before an element a hand stays that touches nothing; for wide (1.0) and others.
SHORT = (0.075, 0.09)


@dataclass(slots=True)
class ErringState(OracleState):
    """An oracle's state, and how it errs."""

    draw: Array  # (B, 3) in [0, 1); NaN: not drawn yet
    begun: Array  # (B,) int, attempts so far
    first: Array  # (B,) int, the element of the first attempt


class ErringOracle(KitchenOracle):
    """The oracle, going wrong in one way."""

    def __init__(self, task: TaskSpec | str, mode: str) -> None:
        super().__init__(task)
        self.mode = mode
        self.several = isinstance(self.world, KitchenTasksWorld)

    def initial_state(self, batch: int) -> ErringState:
        plain = super().initial_state(batch)
        return ErringState(
            element=plain.element,
            stage=plain.stage,
            age=plain.age,
            last=plain.last,
            draw=np.full((batch, 3), np.nan),
            begun=np.zeros(batch, np.int64),
            first=np.full(batch, -1),
        )

    def act(self, obs: Obs, state: OracleState, rng: BatchGenerator) -> tuple[Array, OracleState]:
        assert isinstance(state, ErringState)
        batch = len(state.element)
        # As many draws every step: rows stay independent.
        state.draw = np.where(np.isnan(state.draw), rng.random((batch, 3)), state.draw)
        return super().act(obs, state, rng)

    def wishes(self, todo: Array, state: OracleState) -> Array:
        """Elements to operate: one attempt, at another element or in another order if need be."""
        assert isinstance(state, ErringState)
        count = todo.shape[1]
        if self.mode in ("success", "wrong_order"):
            if self.mode == "success":
                return todo
            # Second, then first, then nothing.
            one = self._asked(todo)
            turn = np.where(state.begun == 0, one[:, 1], np.where(state.begun == 1, one[:, 0], -1))
            return np.arange(count) == turn[:, None]
        wish = todo & (state.begun == 0)[:, None]
        if self.mode == "wrong_object":
            others = ~todo
            pick = np.minimum((state.draw[:, 0] * others.sum(1)).astype(int), others.sum(1) - 1)
            wish = others & (np.cumsum(others, axis=1) == pick[:, None] + 1)
            wish &= (state.begun == 0)[:, None]
        if self.mode == "collision":
            wish = (np.arange(count) == KETTLE) & (state.begun == 0)[:, None]
        return wish

    def choose(self, todo: Array, state: OracleState) -> OracleState:
        assert isinstance(state, ErringState)
        chosen = super().choose(todo, state)
        assert isinstance(chosen, ErringState)
        new = (state.element < 0) & (chosen.element >= 0)
        return replace(
            chosen,
            begun=state.begun + new,
            first=np.where(new & (state.first < 0), chosen.element, state.first),
        )

    def ends(self, state: OracleState) -> Array:
        assert isinstance(state, ErringState)
        ends = super().ends(state)
        if self.mode == "stopped_short":
            share = 0.4 + 0.35 * state.draw[:, 0]
            way = np.array([_entry(index) for index in range(len(k.NAMES))])[state.element]
            start = np.where(state.element == KETTLE, k.KETTLE_START[1] - k.KETTLE_GOAL[1], 0.0)
            return start + share * (way - start)
        if self.mode == "overshoot":
            return -1.28 - 0.15 * state.draw[:, 0]
        return ends

    def short(self, state: OracleState) -> Array:
        assert isinstance(state, ErringState)
        if self.mode != "no_contact":
            return super().short(state)
        return SHORT[0] + (SHORT[1] - SHORT[0]) * state.draw[:, 0]

    def follow(
        self, entities: Array, goal: Array, state: OracleState
    ) -> tuple[Array, Array, Array]:
        pose, fingers, values = super().follow(entities, goal, state)
        if self.mode == "collision":
            assert isinstance(state, ErringState)
            # Across the kettle's place, from its left to its right, as if it was not there.
            side = np.where(state.stage <= BEFORE, -1.0, np.where(state.stage == ENTER, 0.4, 1.0))
            pose[:, 0] = k.KETTLE_START[0] + 0.20 * side
            pose[:, 1] = k.KETTLE_START[1] + 0.03 * (state.draw[:, 1] - 0.5)
            pose[:, 2] = np.where(state.stage > ENTER, 0.35, 0.14)
            fingers = np.zeros_like(fingers)
        return pose, fingers, values

    def notes(self, state: ErringState) -> dict[str, Array]:
        """The element of the first attempt, and the draws that say how far it erred."""
        return {"operated": state.first, "draw": state.draw}

    def _asked(self, todo: Array) -> Array:
        """The first two of the task's elements in order, (B, 2)."""
        if isinstance(self.world, KitchenTasksWorld):
            first = [k.NAMES.index(name) for name in self.world.tasks[:2]]
            return np.tile(first, (len(todo), 1))
        return np.argsort(~todo, axis=1, kind="stable")[:, :2]


def _entry(index: int) -> float:
    """The value (as the oracle's scripts have it) at which an element begins to be done."""
    element = k.ELEMENTS[index]
    if element.name == "kettle":
        return -k.THRESHOLD
    goal = element.goal[-1] if element.name == "hinge-cabinet" else element.goal[0]
    return goal - np.sign(goal) * k.THRESHOLD


class _Seen:
    """What a trace shows of the elements."""

    def __init__(self, trace: Trace) -> None:
        world = trace.world
        assert isinstance(world, KitchenBase)
        entities = np.stack([world.observe(states, trace.constants) for states in trace.states])
        places = entities[:, :, 1:, :3]
        self.asked = self._asked(trace)
        self.done: Array = world.near(entities, world.goal_rows())  # (T + 1, B, N - 1)
        self.shift = np.sqrt(((places - places[0]) ** 2).sum(-1)).max(0)  # (B, N - 1), m
        self.touched: Array = np.asarray(trace.touched[:, :, 0, 1:].any(0))
        self.hardest: Array = trace.impulses[:, :, 0, 1:].max(0)  # (B, N - 1), N s
        # How far each is on its way to being done, 1: there, at the end.
        goal = world.goal_rows()
        scale = world._scale[1:]

        def distance(at: Array) -> Array:
            gap = (at[:, 1:, :7] - goal[1:, :7]) * scale
            return np.sqrt((gap * gap).sum(-1))

        start, end = distance(entities[0]), distance(entities[-1])
        self.way = (start - end) / (start - k.THRESHOLD)
        self.success = trace.success
        self.beyond = self._value(entities[-1]) < np.array(
            [(-1.18 if name.endswith("burner") else -9.0) for name in k.NAMES]
        )

    @staticmethod
    def _value(entities: Array) -> Array:
        return entities[:, 1:, 5] * k.KNOB[0]

    @staticmethod
    def _asked(trace: Trace) -> Array:
        if isinstance(trace.world, KitchenTasksWorld):
            mine = np.array([name in trace.world.tasks for name in k.NAMES])
            return np.tile(mine, (trace.states.shape[1], 1))
        return trace.goals[:, 1:, 7] > 0.5

    def all_asked(self, holds: Array) -> Array:
        return (holds | ~self.asked).all(1)

    def any_asked(self, holds: Array) -> Array:
        return (holds & self.asked).any(1)

    def any_other(self, holds: Array) -> Array:
        return (holds & ~self.asked).any(1)


def _success(trace: Trace) -> Array:
    return trace.success


def _wrong_object(trace: Trace) -> Array:
    seen = _Seen(trace)
    other = seen.done[-1] | (seen.shift > MOVED) & seen.touched & (seen.way > 0.5)
    return seen.any_other(other) & seen.all_asked(seen.shift < STILL)


def _collision(trace: Trace) -> Array:
    seen = _Seen(trace)
    hit = (seen.hardest > HARD) & (seen.shift > HIT) & ~seen.done.any(0) & (seen.way < 0.5)
    return seen.any_other(hit)


def _no_contact(trace: Trace) -> Array:
    seen = _Seen(trace)
    return ~seen.touched.any(1) & (seen.shift < STILL).all(1)


def _stopped_short(trace: Trace) -> Array:
    seen = _Seen(trace)
    partly = (seen.way > BEGUN) & (seen.way < 1) & ~seen.done.any(0) & seen.touched
    return seen.any_asked(partly)


def _overshoot(trace: Trace) -> Array:
    seen = _Seen(trace)
    return seen.any_asked(seen.done.any(0) & ~seen.done[-1] & seen.beyond)


def _wrong_order(trace: Trace) -> Array:
    """The second of the task's elements is done before the first, and others are missing."""
    seen = _Seen(trace)
    order = np.argsort(~seen.asked, axis=1, kind="stable")[:, :2]
    if isinstance(trace.world, KitchenTasksWorld):
        order[:] = [k.NAMES.index(name) for name in trace.world.tasks[:2]]
    rows = np.arange(len(order))
    ever: Array = np.asarray(seen.done.any(0))
    when = np.where(ever, seen.done.argmax(0), len(seen.done))
    both = ever[rows, order[:, 0]] & ever[rows, order[:, 1]]
    return both & (when[rows, order[:, 1]] < when[rows, order[:, 0]]) & ~trace.success


_ALL = {
    "success": (0, "as asked", _success),
    "wrong_object": (4, "another element is operated", _wrong_object),
    "collision": (7, "the hand runs into the kettle and stops", _collision),
    "no_contact": (9, "the hand stays before the element", _no_contact),
    "stopped_short": (10, "the element is left half-way", _stopped_short),
    "overshoot": (11, "the knob is turned too far", _overshoot),
    "wrong_order": (12, "the second element first, and no more than two", _wrong_order),
}


def _table(*left_out: str) -> dict[str, Failure]:
    return {
        name: Failure(
            number=number, summary=summary, inject=partial(ErringOracle, mode=name), holds=holds
        )
        for name, (number, summary, holds) in _ALL.items()
        if name not in left_out
    }


KNOB = _table("wrong_order")
ONE = _table("wrong_order", "overshoot")  # what ends where its goal is cannot be taken too far
KETTLE_ONLY = _table("wrong_order", "overshoot", "collision")
SEVERAL = _table("wrong_object", "collision", "no_contact", "stopped_short", "overshoot")
