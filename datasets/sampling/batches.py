"""Random batches as a torch IterableDataset, for whoever trains with a DataLoader. Needs torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch.utils.data import IterableDataset, get_worker_info

from entitybench.errors import whole
from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np


class Sampler(Protocol):
    """What draws batches: a transition, window or goal sampler."""

    def sample(self, batch_size: int, rng: np.random.Generator, **options: Any) -> dict[str, Any]:
        """A batch, a function of the generator's state."""
        ...


class Batches(IterableDataset[dict[str, torch.Tensor]]):
    """Batches by number: batch k is what the sampler draws with the generator of (seed, k).

    A DataLoader with `batch_size=None` hands them out as they are, in the same order with any
    number of workers: worker w of n makes every n-th, from w on.

    Args:
        sampler: draws them.
        batch_size: B.
        seed: of all of them.
        count: how many there are; None: no end.
        options: of `sampler.sample`.

    Raises:
        BadValue: a batch of no transitions, or a count below 1.
    """

    def __init__(
        self,
        sampler: Sampler,
        batch_size: int,
        *,
        seed: int = 0,
        count: int | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.sampler = sampler
        self.batch_size = whole("batch_size", batch_size)
        self.seed = whole("seed", seed, 0)
        self.count = None if count is None else whole("count", count)
        self.options = dict(options or {})

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        worker = get_worker_info()
        number, step = (0, 1) if worker is None else (worker.id, worker.num_workers)
        while self.count is None or number < self.count:
            yield self.batch(number)
            number += step

    def batch(self, number: int) -> dict[str, torch.Tensor]:
        """The batch of a number, from 0."""
        rng = generator(self.seed, "batch", number)
        drawn = self.sampler.sample(self.batch_size, rng, **self.options)
        return {name: torch.as_tensor(value) for name, value in drawn.items()}
