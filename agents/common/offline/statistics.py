"""What is measured of a dataset before learning from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from entitybench.datasets.store.store import EpisodeStore

LEAST = 1e-3  # deviation of a number that hardly changes (Fujimoto and Gu 2021, section 5)
PIECE = 65_536  # rows that are read at once


def moments(store: EpisodeStore, column: str = "observations") -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and deviation of each number of an observation, over all rows of a store.

    Entities that are absent (column "entity_masks", (E, N)) do not count. Both have the shape of an
    observation, or of a row of another column, float32.
    """
    observations = np.asarray(store.columns[column])
    shape = observations.shape[1:]
    masks = store.columns.get("entity_masks")
    rows = None if masks is None else np.repeat(np.asarray(masks), np.diff(store.offsets), axis=0)
    count, total, squares = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    origin = observations[0].astype(np.float64)  # near the mean: squares lose no digits
    for first in range(0, len(observations), PIECE):
        x = observations[first : first + PIECE].astype(np.float64) - origin
        seen = np.ones(x.shape[:1] + (1,) * len(shape))
        if rows is not None:
            seen = rows[first : first + PIECE, :, None].astype(np.float64)
        count += seen.sum(0)
        total += (seen * x).sum(0)
        squares += (seen * x * x).sum(0)
    count = np.maximum(count, 1.0)
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 0.0))
    found = (mean + origin, np.maximum(deviation, LEAST))
    return tuple(torch.as_tensor(x, dtype=torch.float32) for x in found)  # type: ignore[return-value]


def returns_to_go(store: EpisodeStore, discount: float) -> np.ndarray:
    """(rows,) float64: the discounted sum of the rewards from each row on, 0 at padding rows."""
    total = np.array(store.columns["rewards"], np.float64)
    ends = store.offsets[1:] - 1  # padding rows
    begins = store.offsets[:-1]
    total[ends] = 0.0
    for back in range(2, int(store.lengths.max(initial=0)) + 1):
        row = ends - back
        row = row[row >= begins]
        total[row] += discount * total[row + 1]
    return total
