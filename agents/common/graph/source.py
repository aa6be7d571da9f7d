"""Transitions from a dataset that stores who acted on whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.datasets.sampling.transitions import TransitionSampler
from entitybench.errors import BadValue
from entitybench.registry import datasets

if TYPE_CHECKING:
    from entitybench.types import Batch

TRUTH = "contacts"  # the column


class GraphSource:
    """Draws what `GraphInferrer.infer` is shown, and the truth beside it."""

    def __init__(self, store: Any) -> None:
        """Open it. Raises BadValue for a dataset without the truth."""
        columns = store.manifest["columns"]
        if TRUTH not in columns:
            fit = [d.id for d in datasets() if d.task == store.task and d.interactions]
            hint = f" These do: {', '.join(fit)}." if fit else ""
            raise BadValue(f"{store.id} does not say who acted on whom.{hint}")
        self._entities = "entities" if "entities" in columns else "observations"
        self._mask = ["entity_masks"] if "entity_masks" in columns else []
        names = [self._entities, "actions", TRUTH, *self._mask]
        self._sampler = TransitionSampler(store, names)

    def sample(self, size: int, rng: np.random.Generator) -> Batch:
        """B transitions, all equally often.

        Returns:
            "observations" and "next_observations" (B, N, D), "actions" (B, A), "mask" (B, N) bool,
            and "truth" (B, N, N + 1) bool.
        """
        drawn = self._sampler.sample(size, rng)
        observations = drawn[self._entities]
        present = np.ones(observations.shape[:2], bool)
        return {
            "observations": observations,
            "next_observations": drawn[f"next_{self._entities}"],
            "actions": drawn["actions"].reshape(size, -1),
            "mask": drawn["entity_masks"].astype(bool) if self._mask else present,
            "truth": drawn[TRUTH].astype(bool),
        }
