"""Random windows: pieces of episodes, laid out like episodes, L + 1 states and L steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from entitybench.datasets.sampling.columns import is_of_steps
from entitybench.datasets.sampling.lookup import EpisodeLookup
from entitybench.datasets.sampling.shown import shown
from entitybench.datasets.sampling.sources import source_of
from entitybench.errors import BadValue, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.datasets.store.store import EpisodeStore
    from entitybench.types import Array

Pad = Literal["start", "end"]


class WindowSampler:
    """Draws windows of `length` steps from a store (or a split of one), each equally often.

    Args:
        store: of episodes; no window reaches from one into another.
        length: L, steps of a window.
        stride: rows from one state of a window to the next; what lies between is left out.
        pad: None: windows that are whole; shorter episodes have none. "end": a window begins at
            any step, and may reach over the episode's end. "start": it ends with any step, and may
            begin before the episode.
        columns: their names; None: observations, entities, actions, rewards, terminals, masks.
        device: where the columns live; None: in their files.
        episodes: the numbers of those to draw from; None: all.

    Raises:
        BadValue: a length or stride below 1, another padding, or no episode that is long enough.
    """

    def __init__(
        self,
        store: EpisodeStore,
        length: int,
        *,
        stride: int = 1,
        pad: Pad | None = None,
        columns: Sequence[str] | None = None,
        device: str | None = None,
        episodes: Array | None = None,
    ) -> None:
        self.length, self.stride = whole("length", length), whole("stride", stride)
        if pad not in (None, "start", "end"):
            raise BadValue(f"pad is None, 'start' or 'end': got {pad!r}.")
        # A padded window is whole in its first or its last step.
        reach = self.stride * (self.length if pad is None else 1)
        counts = np.maximum(store.lengths - reach + 1, 0)
        if episodes is not None:
            counts = np.where(np.isin(np.arange(len(counts)), episodes), counts, 0)
        if not counts.any():
            most = int(store.lengths.max(initial=0))
            hint = "; padding makes shorter episodes do" if pad is None else ""
            raise BadValue(
                f"no episode of {store.id} has the {reach} steps of a window: the longest has "
                f"{most}{hint}."
            )
        self._source, self._per = source_of(store, columns, device)
        self._lookup = EpisodeLookup(counts)
        self._first, self._last = store.offsets[:-1].copy(), store.offsets[1:] - 1  # rows
        back = self.length - 1 if pad == "start" else 0
        self._ahead = (np.arange(self.length + 1) - back) * self.stride

    def __repr__(self) -> str:
        return shown(self, f"{self.windows:,} windows of {self.length} steps")

    @property
    def windows(self) -> int:
        return self._lookup.total

    def sample(self, batch_size: int, rng: np.random.Generator) -> dict[str, Any]:
        """A batch of windows.

        Args:
            batch_size: B.
            rng: all randomness; the batch is a pure function of its state and of the store.

        Returns:
            Every column by name: of states (observations, ...) (B, L + 1, ...), of steps (actions,
            rewards, terminals, masks, ...) (B, L, ...), of episodes (B, ...); "valid" (B, L) bool:
            the step is inside the episode. Outside, the first or the last state is repeated, and
            steps are the episode's padding: zeros that do not bootstrap. "terminals" and "masks"
            are float32, and "terminals" tells the steps that end the episode.

        Raises:
            BadValue: a batch of no windows.
        """
        return self._of(self._picked(batch_size, rng))

    def sample_many(self, batch_size: int, rngs: Sequence[np.random.Generator]) -> dict[str, Any]:
        """The batches of S generators side by side, (S, B, ...): row s is `sample(B, rngs[s])`.

        Raises BadValue for a batch of no windows.
        """
        return self._of(np.stack([self._picked(batch_size, rng) for rng in rngs]))

    def _picked(self, batch_size: int, rng: np.random.Generator) -> Array:
        return rng.integers(self._lookup.total, size=whole("batch_size", batch_size))

    def _of(self, picked: Array) -> dict[str, Any]:
        """The windows of some numbers, an array of any shape."""
        episodes = self._lookup.of(picked)
        first, last = (at.take(episodes)[..., None] for at in (self._first, self._last))
        start = first + (picked - self._lookup.first.take(episodes))[..., None]
        rows = start + self._ahead
        valid = (rows[..., :-1] >= first) & (rows[..., 1:] <= last)
        ends = self._source.index(np.where(valid, rows[..., 1:], last))
        steps = self._source.index(np.where(valid, rows[..., :-1], last))
        states = self._source.index(np.clip(rows, first, last))
        batch = {"valid": self._source.index(valid)}
        for name, per in self._per.items():
            if per == "episode":
                index = self._source.index(episodes)
            elif name == "terminals":  # an end is noted at the row where the episode ends
                index = ends
            else:
                index = steps if is_of_steps(name) else states
            batch[name] = self._source.take(name, index)
        return batch
