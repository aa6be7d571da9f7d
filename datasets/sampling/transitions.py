"""Random transitions as they are stored; of teams, of all agents together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entitybench.datasets.sampling.columns import OBSERVED, chosen, kind_of
from entitybench.datasets.sampling.lookup import EpisodeLookup
from entitybench.datasets.sampling.sources import source_of
from entitybench.errors import whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from entitybench.datasets.store.store import EpisodeStore


class TransitionSampler:
    """Draws batches from a store (or a split of one), every transition equally often."""

    def __init__(
        self,
        store: EpisodeStore,
        columns: Sequence[str] | None = None,
        device: str | None = None,
    ) -> None:
        found = chosen(store, columns)
        self._per = {name: store.manifest["columns"][name]["per"] for name in found}
        self._source = source_of(found, device)
        self._lookup = EpisodeLookup(store.lengths)

    @property
    def transitions(self) -> int:
        return self._lookup.total

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
        size = whole("batch_size", batch_size)
        picked = rng.integers(self._lookup.total, size=size)
        episodes = self._lookup.of(picked)
        rows = picked + episodes  # one padding row an episode
        index, after = self._source.index(rows), self._source.index(rows + 1)
        batch = {}
        for name, per in self._per.items():
            if per == "episode":
                batch[name] = self._source.take(name, self._source.index(episodes))
                continue
            # An end is noted at the row where the episode ends, not where its last step begins.
            batch[name] = self._source.take(name, after if name == "terminals" else index)
            if kind_of(name) in OBSERVED:
                batch[f"next_{name}"] = self._source.take(name, after)
        return batch
