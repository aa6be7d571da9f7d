"""Trajectories one after another in flat arrays, with the state after each action or without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from entitybench.datasets.minari.defects import SourceDefect
from entitybench.notices import warn

if TYPE_CHECKING:
    from pathlib import Path

    from entitybench.types import Array

_ROUNDING = 1e-5  # between a state as it was left and as the next row has it
_TOGETHER = 10_000  # rows that are compared at once


def apart(after: Array, following: Array) -> Array:
    """Where states (N - 1, ...) differ by more than rounding: (N - 1,) bool."""
    found = np.empty(len(after), bool)
    for first in range(0, len(after), _TOGETHER):
        part = slice(first, first + _TOGETHER)
        one, other = (np.asarray(x[part], np.float64) for x in (after, following))
        alike = np.isclose(one, other, rtol=_ROUNDING, atol=_ROUNDING, equal_nan=True)
        found[part] = ~alike.reshape(len(alike), -1).all(axis=1)
    return found


def unmarked(path: Path, states: Array, following: Array, ends: Array, flag: str) -> Array:
    """Rows (N,) bool whose next state is not the state of the row after it, and that end nothing.

    Warns of them.

    Args:
        path: the file.
        states: (N, ...).
        following: (N, ...), the next states as the file has them.
        ends: (N,) bool, where trajectories end by the file's own flags.
        flag: the column in which they should be marked.
    """
    missing: Array = np.append(apart(following[:-1], states[1:]), False) & ~ends
    if missing.any():
        warn(
            SourceDefect(
                f"{int(missing.sum())} trajectories of {path.name} end without a flag (the next "
                f"observation of row {np.flatnonzero(missing)[0]} is not the observation of the "
                "row after it)",
                f"they were split there; set {flag} at these rows",
            ),
        )
    return missing


def layout(terminal: Array, timeout: Array, has_next: bool) -> tuple[Array, Array, Array]:
    """Which file row each row of the store is taken from.

    Args:
        terminal: (N,) bool.
        timeout: (N,) bool.
        has_next: whether the state after each action is in the file.

    Returns:
        taken (rows,) of the store's rows; a last state that is not among the file's observations
        stands as the row before it; lengths (E,) steps; ends (E,) the file's last row of each.
    """
    flagged = terminal | timeout
    flagged[-1] = True  # a trajectory that was cut by the end of the file
    last = np.flatnonzero(flagged)
    first = np.concatenate([[0], last[:-1] + 1])
    whole = terminal[last] | has_next  # the last action is kept, so a state is added
    lengths = last - first + whole
    kept = lengths > 0
    if not kept.all():
        warn(f"left out: {int((~kept).sum())} trajectories of one state.")
    pieces = [
        np.append(np.arange(a, b + 1), [b] if add else [])
        for a, b, add in zip(first[kept], last[kept], whole[kept], strict=True)
    ]
    taken = np.concatenate([*pieces, []]).astype(np.int64)
    return taken, lengths[kept], last[kept]
