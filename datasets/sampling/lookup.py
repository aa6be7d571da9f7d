"""Which episode a number belongs to, when episodes have different lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from entitybench.types import Array

SHIFTS = (6, 5, 4, 3)  # a guide names the episode of every 64th item, or of every 8th


class EpisodeLookup:
    """Items 0, 1, 2, ... of episodes one after another; episode e has `counts[e]` of them.

    A table of every item's episode would weigh as much as small observations do, and is too large
    for the processor's cache. A guide to every 64th item (at most a byte an item) is not, and the
    episode wanted is the guide's or one soon after it.
    """

    def __init__(self, counts: Array) -> None:
        self.first = np.concatenate([[0], np.cumsum(counts)])  # (E + 1,) each episode's first item
        self.total = int(self.first[-1])
        self._next = np.ascontiguousarray(self.first[1:])
        for self._shift in SHIFTS:
            starts = np.arange(0, self.total, 1 << self._shift)
            self._guide = self._search(starts)
            last = self._search(np.minimum(starts + (1 << self._shift), self.total) - 1)
            # How many episodes begin between an item of the guide and the next, at most.
            self._steps = int((last - self._guide).max(initial=0))
            if self._steps <= 2:
                break

    def of(self, items: Array) -> Array:
        """The episodes (B,) of items (B,)."""
        episodes: Array = self._guide.take(items >> self._shift)
        for _ in range(self._steps):
            episodes += items >= self._next.take(episodes)
        return episodes

    def _search(self, items: Array) -> Array:
        found: Array = np.searchsorted(self.first, items, side="right") - 1
        return found
