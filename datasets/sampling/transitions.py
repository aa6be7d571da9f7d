"""Random transitions as they are stored; of teams, of all agents together."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.datasets.sampling.columns import OBSERVED, kind_of
from entitybench.datasets.sampling.lookup import EpisodeLookup
from entitybench.datasets.sampling.shown import shown
from entitybench.datasets.sampling.sources import source_of
from entitybench.datasets.sampling.subsets import kept_rows, summed
from entitybench.errors import BadValue, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.datasets.store.store import EpisodeStore
    from entitybench.types import Array


class TransitionSampler:
    """Draws batches from a store (or a split of one), every transition equally often.

    Args:
        store: of episodes.
        columns: their names; None: the usual ones that are there.
        device: where the columns live; None: in their files.
        episodes: the numbers of those to draw from; None: all. One that is named twice is drawn
            twice as often.
        rows: (rows,) bool, true for the transitions to draw, at the rows where they begin; padding
            rows are never drawn. None: all.
        following: further columns of which the next row is given too, as "next_<name>"; at an
            episode's end that is padding.
        weights: (rows,), how often each transition is drawn beside the others, at the rows where
            they begin; None: all alike.

    Raises:
        UnknownId, BadValue: no such column, episode or mask, or no transitions to draw from.
    """

    def __init__(
        self,
        store: EpisodeStore,
        columns: Sequence[str] | None = None,
        device: str | None = None,
        *,
        episodes: Array | Sequence[int] | None = None,
        rows: Array | None = None,
        following: Sequence[str] = (),
        weights: Array | None = None,
    ) -> None:
        self._following = frozenset(following)
        self._source, self._per = source_of(store, columns, device)
        self._store = store
        self._kept = None
        # Without a table of rows, the episodes of a whole store take a byte a transition at most.
        self._lookup = EpisodeLookup(store.lengths)
        self._until: Array | None = None  # the weights of the kept, summed up
        if episodes is not None or rows is not None or weights is not None:
            self._kept = kept_rows(store, episodes, rows)
            self._lookup = EpisodeLookup(np.diff(store.offsets))  # of rows, padding too
        if weights is not None and self._kept is not None:
            self._until = summed(store, self._kept, weights)

    def __repr__(self) -> str:
        return shown(self, f"{self.transitions:,} transitions")

    @property
    def transitions(self) -> int:
        return self._lookup.total if self._kept is None else len(self._kept)

    @property
    def rows(self) -> Array:
        """(K,) int64: the rows at which the transitions begin that are drawn."""
        return kept_rows(self._store, None, None) if self._kept is None else self._kept

    def only(self, rows: Array) -> TransitionSampler:
        """Another that draws from those of these transitions that are marked.

        It reads the same columns, and copies none.

        Args:
            rows: (rows,) bool, of all rows of the store.

        Raises:
            BadValue: a mask of another shape or type, or nothing left.
        """
        marked = kept_rows(self._store, None, rows)
        if self._until is not None:
            raise BadValue("transitions that are drawn by weights are not chosen from.")
        one = copy(self)
        one._kept = marked if self._kept is None else self._kept[np.asarray(rows)[self._kept]]
        if not len(one._kept):
            raise BadValue(f"none of the transitions of {self._store.id} are left to sample.")
        one._lookup = EpisodeLookup(np.diff(self._store.offsets))
        return one

    def sample(self, batch_size: int, rng: np.random.Generator) -> dict[str, Any]:
        """A batch of transitions.

        Args:
            batch_size: B.
            rng: all randomness; the batch is a pure function of its state and of the store.

        Returns:
            Every column by name, (B, ...); "next_..." of those that are observed (observations,
            entities, frames), "terminals" (B,): the transition is its episode's last, "masks"
            (B,): it bootstraps from what is next, both float32. Columns with an entry an episode
            give that of the transition's own. Tensors, if the sampler has a device, of the rows
            that it would have without one.

        Raises:
            BadValue: a batch of no transitions.
        """
        return self._of(self._picked(batch_size, rng))

    def sample_many(self, batch_size: int, rngs: Sequence[np.random.Generator]) -> dict[str, Any]:
        """The batches of S generators side by side, (S, B, ...): row s is `sample(B, rngs[s])`.

        Raises BadValue for a batch of no transitions.
        """
        return self._of(np.stack([self._picked(batch_size, rng) for rng in rngs]))

    def take(self, numbers: Array) -> dict[str, Any]:
        """The transitions of these numbers, 0 to `transitions` - 1 in order, as `sample` does."""
        return self._of(numbers)

    def _picked(self, batch_size: int, rng: np.random.Generator) -> Array:
        size = whole("batch_size", batch_size)
        if self._until is None:
            return rng.integers(self.transitions, size=size)
        return self._until.searchsorted(rng.random(size) * self._until[-1], side="right")

    def _of(self, picked: Array) -> dict[str, Any]:
        """The transitions of some numbers, an array of any shape."""
        if self._kept is None:
            episodes = self._lookup.of(picked)
            return self._read(picked + episodes, episodes)  # one padding row an episode
        rows = self._kept.take(picked)
        return self._read(rows, self._lookup.of(rows))

    def at(self, rows: Array) -> dict[str, Any]:
        """The transitions that begin at rows of the store, an array of any shape, as `sample`.

        Rows are not checked: take those of `rows`.
        """
        return self._read(rows, np.searchsorted(self._store.offsets, rows, side="right") - 1)

    def _read(self, rows: Array, episodes: Array) -> dict[str, Any]:
        index, after = self._source.index(rows), self._source.index(rows + 1)
        batch = {}
        for name, per in self._per.items():
            if per == "episode":
                batch[name] = self._source.take(name, self._source.index(episodes))
                continue
            # An end is noted at the row where the episode ends, not where its last step begins.
            batch[name] = self._source.take(name, after if name == "terminals" else index)
            if kind_of(name) in OBSERVED or name in self._following:
                batch[f"next_{name}"] = self._source.take(name, after)
        return batch
