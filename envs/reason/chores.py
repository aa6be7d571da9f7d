"""The kitchen's facts and rules, for many problems at once: what follows, and the shortest plans.

A state is a number of seven bits, bit i for fact i. `needs` and `undoes` are (B, 7) int: of each
action the facts that must be true before it, and those that it makes false, as bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.reason.vocabulary import FACTS

if TYPE_CHECKING:
    from entitybench.types import Array

COUNT = len(FACTS)
STATES = 1 << COUNT
MOST = 10  # actions of a plan
FAR = 99  # from here no plan leads to the goal
_BITS = 1 << np.arange(COUNT)
_ALL = np.arange(STATES)


def distances(needs: Array, undoes: Array, goal: Array) -> tuple[Array, Array]:
    """How many actions are needed from every state.

    Args:
        needs: (B, 7).
        undoes: (B, 7).
        goal: facts that are wanted (B,), as bits.

    Returns:
        Distances (B, 128), at most FAR, and the state after each action (B, 7, 128), -1 where it
        cannot be done.
    """
    done = _ALL & _BITS[:, None]  # (7, 128)
    ready = (_ALL & needs[..., None]) == needs[..., None]
    after = np.where(ready & (done == 0), (_ALL | _BITS[:, None]) & ~undoes[..., None], -1)
    far = np.where((_ALL & goal[:, None]) == goal[:, None], 0, FAR)
    rows = np.arange(len(needs))[:, None, None]
    for _ in range(MOST + 1):
        there = np.where(after >= 0, far[rows, after], FAR)
        better = np.minimum(far, there.min(1) + 1)
        if np.array_equal(better, far):
            break
        far = better
    return np.minimum(far, FAR), after


def plans(
    start: Array, needs: Array, undoes: Array, goal: Array, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Shortest plans, one of them at random.

    Returns:
        Actions (B, 10), -1 after the end, and their number (B,); FAR where there is none of ten
        actions or fewer.
    """
    far, after = distances(needs, undoes, goal)
    rows, state = np.arange(len(start)), start
    length = far[rows, start]
    length = np.where(length > MOST, FAR, length)
    actions = np.full((len(start), MOST), -1)
    for k in range(MOST):
        next_states = after[rows, :, state]  # (B, 7)
        ahead = np.where(next_states >= 0, far[rows[:, None], next_states], FAR)
        open_ = (length < FAR) & (k < length)
        best = ahead == far[rows, state][:, None] - 1
        chosen = (rng.random(best.shape) * best).argmax(1)
        actions[:, k] = np.where(open_, chosen, -1)
        state = np.where(open_, next_states[rows, chosen], state)
    return actions, length


def walks(
    start: Array,
    needs: Array,
    undoes: Array,
    lengths: Array,
    longest: int,
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    """Random actions, each of which can be done; fewer than asked for where nothing can be.

    Returns:
        Actions (B, longest), -1 after the end, and the states that they lead to (B,).
    """
    rows, state = np.arange(len(start)), start
    actions = np.full((len(start), longest), -1)
    for k in range(longest):
        ready = ((state[:, None] & needs) == needs) & ((state[:, None] & _BITS) == 0)
        goes_on = ready.any(1) & (k < lengths)
        chosen = (rng.random(ready.shape) * ready).argmax(1)
        actions[:, k] = np.where(goes_on, chosen, -1)
        after = (state | _BITS[chosen]) & ~undoes[rows, chosen]
        state = np.where(goes_on, after, state)
    return actions, state


def works(start: Array, needs: Array, undoes: Array, goal: Array, actions: Array) -> Array:
    """Whether actions (B, K), of which -1 is none, can be done and lead to the goal, (B,)."""
    state, fine, rows = start, np.ones(len(start), bool), np.arange(len(start))
    for k in range(actions.shape[1]):
        act = actions[:, k]
        asked = act >= 0
        need, bit = needs[rows, act], _BITS[act]
        fine &= ~asked | (((state & need) == need) & ((state & bit) == 0))
        state = np.where(asked, (state | bit) & ~undoes[rows, act], state)
    return fine & ((state & goal) == goal)
