"""What a problem is, and what is said of an answer."""

from __future__ import annotations

from dataclasses import dataclass

State = tuple[int, ...]
MOST = 10  # actions of an answer, where the question does not say fewer


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One problem.

    Attributes:
        start: on the table the block in each slot (`vocabulary.EMPTY`: none), in the kitchen 1
            for each fact that is true.
        goal: likewise; in the kitchen 1 for each fact that is wanted; of `track` empty.
        actions: tokens, in `track` what happened; else what the planner would do, and empty where
            nobody planned yet.
        rules: tokens, of the kitchen.
        beside: another table that has nothing to do with the question; of `track`.
        most: actions that an answer may have.
    """

    start: State
    goal: State = ()
    actions: tuple[int, ...] = ()
    rules: tuple[int, ...] = ()
    beside: State = ()
    most: int = MOST


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether an answer is right; if not, where it breaks and why."""

    right: bool
    step: int | None = None  # which action of the answer, from 1; None: the answer as a whole
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One step of a chain of thought, or of an answer, beside what is so."""

    place: str  # "start", "step 3", "corrects step 2", "answer 1"
    action: int | None  # the token
    said: State | None  # the state that is written; None: none is
    real: State  # the state that the actions so far lead to
    why: str = ""  # what is wrong here; "": nothing
