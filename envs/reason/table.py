"""The table of six slots, for many problems at once: moves, the planner, and what is drawn.

States are (B, 6) int: the block in each slot, `EMPTY` for none. Moves are (B,) int, 6 block + slot,
-1 for none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.reason.vocabulary import BLOCKS, EMPTY, SLOTS

if TYPE_CHECKING:
    from entitybench.types import Array

KINDS = len(BLOCKS)
MOST = 10  # moves of a plan
_SLOTS = np.arange(SLOTS)


def places(states: Array) -> Array:
    """The slot of each block (B, 5); -1 for blocks that are not on the table."""
    found = states[:, :, None] == np.arange(KINDS)  # (B, slot, block)
    return np.where(found.any(1), found.argmax(1), -1)


def moved(states: Array, moves: Array) -> Array:
    """The states after legal moves; those without a move stay as they are."""
    rows = np.flatnonzero(moves >= 0)
    block, slot = np.divmod(moves[rows], SLOTS)
    after = states.copy()
    after[rows, places(states)[rows, block]] = EMPTY
    after[rows, slot] = block
    return after


def dealt(count: int, fewest: int, rng: np.random.Generator) -> Array:
    """`fewest` to 5 blocks in random slots, (count, 6)."""
    number = rng.integers(fewest, KINDS + 1, count)
    blocks = np.argsort(rng.random((count, KINDS)), 1)
    blocks = np.where(np.arange(KINDS) < number[:, None], blocks, EMPTY)
    blocks = np.concatenate([blocks, np.full((count, SLOTS - KINDS), EMPTY)], 1)
    return shuffled(blocks, rng)


def shuffled(states: Array, rng: np.random.Generator) -> Array:
    """The same blocks in random slots."""
    return np.take_along_axis(states, np.argsort(rng.random(states.shape), 1), 1)


def permuted(states: Array, rng: np.random.Generator) -> Array:
    """The same blocks in the same slots, in a random order."""
    order = np.argsort(np.where(states == EMPTY, 2.0, rng.random(states.shape)), 1)
    targets = np.argsort(np.where(states == EMPTY, 2.0, _SLOTS / SLOTS), 1)
    after = np.empty_like(states)
    np.put_along_axis(after, targets, np.take_along_axis(states, order, 1), 1)
    return after


def exchanged(states: Array, rng: np.random.Generator) -> Array:
    """A random block moved to a random empty slot."""
    return moved(states, random_moves(states, rng))


def random_moves(states: Array, rng: np.random.Generator) -> Array:
    """One of the legal moves of each state."""
    there, free = places(states) >= 0, states == EMPTY
    legal = there[:, :, None] & free[:, None, :]
    draw = rng.random(legal.shape) * legal
    return draw.reshape(len(states), -1).argmax(1)


def plans(start: Array, goal: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Plans of as few moves as can be, one of them at random.

    A random block whose goal is free goes there; where no misplaced block's goal is, one of them is
    parked in a random empty slot. That takes one more move for each cycle, which no plan can save.

    Args:
        start: states (B, 6).
        goal: states (B, 6) with the same blocks, and a slot that is empty.

    Returns:
        Moves (B, 10), -1 after the end; and which of them park a block, bool (B, 10).
    """
    batch = len(start)
    moves, parks = np.full((batch, MOST), -1), np.zeros((batch, MOST), bool)
    state, target = start, places(goal)
    rows = np.arange(batch)
    for k in range(MOST):
        misplaced = places(state) != target
        todo = misplaced.any(1)
        if not todo.any():
            break
        free = np.take_along_axis(state, np.maximum(target, 0), 1) == EMPTY
        straight = misplaced & free
        park = todo & ~straight.any(1)
        choice = np.where(park[:, None], misplaced, straight)
        block = (rng.random(choice.shape) * choice).argmax(1)
        hole = (rng.random(state.shape) * (state == EMPTY)).argmax(1)
        slot = np.where(park, hole, target[rows, block])
        moves[:, k] = np.where(todo, SLOTS * block + slot, -1)
        parks[:, k] = park
        state = moved(state, moves[:, k])
    return moves, parks


def walks(start: Array, lengths: Array, longest: int, rng: np.random.Generator) -> Array:
    """Random legal moves (B, longest), -1 after so many (B,)."""
    state, moves = start, np.full((len(start), longest), -1)
    for k in range(longest):
        moves[:, k] = np.where(k < lengths, random_moves(state, rng), -1)
        state = moved(state, moves[:, k])
    return moves


def after(start: Array, moves: Array) -> Array:
    """The states after moves (B, K), of which -1 is none."""
    for k in range(moves.shape[1]):
        start = moved(start, moves[:, k])
    return start
