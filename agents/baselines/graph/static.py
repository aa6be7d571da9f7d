"""graph-static: each edge as often as it was active in the training data, whatever happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from entitybench.agents.baselines.graph.counting import ACTION, Counting, even_odds
from entitybench.envs.core.interactions import asked

if TYPE_CHECKING:
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Batch


class Static(Counting):
    """Counts how often each edge was active. Reads the truth of the training data."""

    def begin(self, batch: Batch) -> dict[str, Array]:
        shape = batch["truth"].shape[1:]
        return {"active": np.zeros(shape), "asked": np.zeros(shape)}

    def count(self, batch: Batch) -> None:
        open_ = asked(batch["mask"])
        self.sums["active"] += (batch["truth"] & open_).sum(axis=0)
        self.sums["asked"] += open_.sum(axis=0)

    def infer(self, transitions: Batch, rng: BatchGenerator) -> Array:
        """The same for every transition: the chance that an edge is active at even odds."""
        del rng
        active, times = self.sums["active"], self.sums["asked"]
        parts = [even_odds(active[:, part], times[:, part]) for part in (np.s_[:ACTION], [ACTION])]
        graph = np.concatenate(parts, axis=1)
        return np.repeat(graph[None], len(transitions["observations"]), axis=0)
