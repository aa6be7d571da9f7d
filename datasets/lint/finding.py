"""What a check reports."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from entitybench.types import Array

NUMBERS = 4_000_000  # that are looked at together


@dataclass(frozen=True, slots=True)
class Finding:
    """One defect. An "error" makes data wrong; a "warning" is what a user should know of."""

    severity: Literal["error", "warning"]
    check: str  # the name of the check
    where: str  # file, column, episode and step
    what: str  # what is wrong, with numbers
    fix: str  # what to do about it

    def json(self) -> dict[str, Any]:
        return asdict(self)


def place(offsets: Array, row: int) -> str:
    """A row in words: its episode and its step there."""
    episode = int(np.searchsorted(offsets, row, side="right")) - 1
    return f"episode {episode}, step {row - int(offsets[episode])}"


def names_of(features: Array, shape: tuple[int, ...], names: tuple[str, ...] = ()) -> str:
    """Flat feature indices of entries of a shape, in words: at most five of them."""
    words = []
    for feature in features[:5]:
        index = [int(i) for i in np.unravel_index(int(feature), shape or (1,))]
        last = names[index[-1]] if index and len(names) == shape[-1] else None
        words.append(f"[{', '.join(map(str, index))}]" + (f" ({last})" if last else ""))
    more = f" and {len(features) - 5} more" if len(features) > 5 else ""
    return ", ".join(words) + more


def steps_of(offsets: Array) -> Array:
    """The rows (T,) of all transitions: all but the last of each episode."""
    is_step = np.ones(int(offsets[-1]), bool)
    is_step[offsets[1:] - 1] = False
    return np.flatnonzero(is_step)


def chunks(rows: Array | range, column: Array) -> Iterator[Any]:
    """Rows of a column in pieces that fit in memory."""
    size = max(1, NUMBERS // max(1, int(np.prod(column.shape[1:]))))
    for first in range(0, len(rows), size):
        yield rows[first : first + size]


def flat(array: Array) -> Array:
    """Entries as vectors: (count, ...) -> (count, F) float64."""
    return np.asarray(array, np.float64).reshape(len(array), -1)
