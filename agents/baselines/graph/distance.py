"""graph-distance: what is near acts on each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from entitybench.agents.baselines.graph.counting import ACTION, Counting, even_odds
from entitybench.agents.common.graph.places import places
from entitybench.agents.common.graph.thresholds import balanced_gain, best_cut, share
from entitybench.envs.core.interactions import asked

if TYPE_CHECKING:
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Batch

BINS = 2048


class Distance(Counting):
    """Two entities act on each other when they are nearer than some distance before or after.

    The distance is that of the best balanced accuracy on the training data, whose truth it reads.
    It is between places; in a world where entities have none, between all of their features. An
    action is nowhere: its edges are those of `graph-static`.
    """

    def begin(self, batch: Batch) -> dict[str, Array]:
        entities = batch["mask"].shape[1]
        return {
            "active": np.zeros(BINS),  # edges by their distance
            "inactive": np.zeros(BINS),
            "action_active": np.zeros((entities, 1)),
            "action_asked": np.zeros((entities, 1)),
            "farthest": np.array([_nearest(self._places(batch)).max()], np.float64),
        }

    def count(self, batch: Batch) -> None:
        open_, truth = asked(batch["mask"]), batch["truth"]
        near, between = _nearest(self._places(batch)), open_[..., :ACTION]
        bins = np.minimum(near / self.sums["farthest"] * BINS, BINS - 1).astype(np.intp)
        for name, chosen in (("active", truth), ("inactive", ~truth)):
            found = bins[chosen[..., :ACTION] & between]
            self.sums[name] += np.bincount(found, minlength=BINS)
        from_action = open_[..., [ACTION]]
        self.sums["action_active"] += (truth[..., [ACTION]] & from_action).sum(axis=0)
        self.sums["action_asked"] += from_action.sum(axis=0)

    @property
    def threshold(self) -> float:
        """Below it two entities act on each other."""
        cut = best_cut(balanced_gain(self.sums["active"], self.sums["inactive"]))
        return float(cut / BINS * self.sums["farthest"][0]) if cut < BINS else np.inf

    def infer(self, transitions: Batch, rng: BatchGenerator) -> Array:
        """With the threshold t: t / (t + distance)."""
        del rng
        between = share(np.array(self.threshold), _nearest(self._places(transitions)))
        action = even_odds(self.sums["action_active"], self.sums["action_asked"])
        actions = np.broadcast_to(action, (*between.shape[:2], 1))
        return np.concatenate([between, actions], axis=-1)

    def _places(self, batch: Batch) -> Array:
        """(2, B, N, P): before and after."""
        columns = places(self.task)
        states = (batch["observations"], batch["next_observations"])
        return np.stack([state[..., columns] for state in states]).astype(np.float64)


def _nearest(states: Array) -> Array:
    """Distances (B, N, N) between entities in states (T, B, N, P), the least of T."""
    apart = states[..., :, None, :] - states[..., None, :, :]
    distance: Array = np.sqrt((apart * apart).sum(axis=-1)).min(axis=0)
    return distance
