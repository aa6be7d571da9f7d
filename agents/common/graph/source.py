"""Transitions from a dataset that stores who acted on whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.datasets.sampling.transitions import TransitionSampler
from entitybench.envs.core.interactions import asked
from entitybench.errors import BadValue
from entitybench.registry import datasets
from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from entitybench.types import Array, Batch

TRUTH = "contacts"  # the column
LABELLED = 5_000  # transitions of the validation split on whose truth thresholds are tuned
CHUNK = 500  # of them at once


class GraphSource:
    """Draws what `GraphInferrer.infer` is shown, and the truth beside it."""

    def __init__(self, store: Any, *, rows: Array | None = None) -> None:
        """Open it.

        Args:
            store: the dataset, or a split of it.
            rows: (rows,) bool, true where a transition begins that may be drawn; None: all.

        Raises:
            BadValue: a dataset without the truth, or where nothing is ever present.
        """
        columns = store.manifest["columns"]
        if TRUTH not in columns:
            fit = [d.id for d in datasets() if d.task == store.task and d.interactions]
            hint = f" These do: {', '.join(fit)}." if fit else ""
            raise BadValue(f"{store.id} does not say who acted on whom.{hint}")
        self._entities = "entities" if "entities" in columns else "observations"
        self._mask = ["entity_masks"] if "entity_masks" in columns else []
        if self._mask and not np.asarray(store.columns["entity_masks"]).any():
            raise BadValue(f"all entities of {store.id} are absent in all episodes: nobody acts.")
        names = [self._entities, "actions", TRUTH, *self._mask]
        self.store = store
        self._sampler = TransitionSampler(store, names, rows=rows)

    @property
    def transitions(self) -> int:
        """How many there are to draw from."""
        return self._sampler.transitions

    def only(self, numbers: Array) -> GraphSource:
        """The same data with the transitions of these numbers alone, if this has all of them."""
        begins = np.ones(int(self.store.offsets[-1]), bool)
        begins[self.store.offsets[1:] - 1] = False  # the padding row of each episode
        rows = np.zeros(len(begins), bool)
        rows[np.flatnonzero(begins)[numbers]] = True
        return GraphSource(self.store, rows=rows)

    def labelled(self) -> Iterator[Batch]:
        """`LABELLED` transitions of the validation split, on whose truth thresholds are tuned.

        The same for all learners and training seeds, in pieces. Raises BadValue for data without
        such a split.
        """
        split = GraphSource(type(self.store).open(self.store.folder).split("validation"))
        order = generator(0, "thresholds").permutation(split.transitions)[:LABELLED]
        for first in range(0, len(order), CHUNK):
            yield split.take(np.sort(order[first : first + CHUNK]))

    def check_interactions(self) -> None:
        """Raise BadValue where nobody acts on anybody: there is nothing to count."""
        for first in range(0, self.transitions, CHUNK):
            drawn = self.take(np.arange(first, min(first + CHUNK, self.transitions)))
            if (drawn["truth"] & asked(drawn["mask"])).any():
                return
        raise BadValue(
            f"nobody acts on anybody in {self.store.id}: there are no interactions to learn from."
        )

    def check_labels(self) -> None:
        """Raise BadValue where thresholds could not be tuned: before anything is learned."""
        if not any((drawn["truth"] & asked(drawn["mask"])).any() for drawn in self.labelled()):
            raise BadValue(
                f"nobody acts on anybody in the validation split of {self.store.id}: there are no "
                "interactions to be told from the rest."
            )

    def sample(self, size: int, rng: np.random.Generator) -> Batch:
        """B transitions, all equally often.

        Returns:
            "observations" and "next_observations" (B, N, D), "actions" (B, A), "mask" (B, N) bool,
            and "truth" (B, N, N + 1) bool.
        """
        return self._named(self._sampler.sample(size, rng))

    def take(self, numbers: Array) -> Batch:
        """The transitions of these numbers, in order, as `sample` gives them."""
        return self._named(self._sampler.take(numbers))

    def _named(self, drawn: dict[str, Any]) -> Batch:
        observations = drawn[self._entities]
        size = len(observations)
        present = np.ones(observations.shape[:2], bool)
        return {
            "observations": observations,
            "next_observations": drawn[f"next_{self._entities}"],
            "actions": drawn["actions"].reshape(size, -1),
            "mask": drawn["entity_masks"].astype(bool) if self._mask else present,
            "truth": drawn[TRUTH].astype(bool),
        }
