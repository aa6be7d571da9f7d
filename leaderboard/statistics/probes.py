"""Linear probes: how much of the true actions a linear map reads out of latent ones.

Each number of an action, in [-1, 1], falls into one of BINS equal bins; the bin is what is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from entitybench.types import Array

BINS = 5  # the commands of mallets lie in the middle of one each
RIDGE = 1e-3  # beside the mean square of a standardised input


def binned(actions: Array) -> Array:
    """The bin of each number (...) in [-1, 1]: int64 in [0, BINS)."""
    return np.clip(np.floor((actions + 1) / 2 * BINS), 0, BINS - 1).astype(np.int64)


@dataclass(frozen=True)
class Probe:
    """Least squares on one-hot answers, of standardised inputs: a linear classifier."""

    mean: Array  # (F,)
    scale: Array  # (F,)
    weights: Array  # (F + 1, A BINS)

    @classmethod
    def fitted(cls, inputs: Array, answers: Array) -> Self:
        """On rows (n, F), and the bins (n, A) that belong to them."""
        mean, deviation = inputs.mean(0), inputs.std(0)
        scale = 1 / np.where(deviation > 0, deviation, 1.0)
        x = _with_one((inputs - mean) * scale)
        wanted = np.eye(BINS)[answers].reshape(len(x), -1)
        square = x.T @ x + RIDGE * len(x) * np.eye(x.shape[1])
        return cls(mean, scale, np.linalg.solve(square, x.T @ wanted))

    def right(self, inputs: Array, answers: Array) -> float:
        """The share of bins (n, A) that are those with the largest output for (n, F)."""
        given = _with_one((inputs - self.mean) * self.scale) @ self.weights
        return float((given.reshape(*answers.shape, BINS).argmax(-1) == answers).mean())


def _with_one(x: Array) -> Array:
    return np.concatenate([x, np.ones((len(x), 1))], axis=1)


def owners(labels: Array, masks: Array, entities: tuple[int, ...]) -> Array:
    """The slot that has most pixels of each of some entities, (B, K).

    Args:
        labels: (B, T + 1, H, W), the slot of each pixel.
        masks: (B, T + 1, H, W), its entity.
        entities: K of them. One that is nowhere seen gets slot 0.
    """
    return np.array(
        [
            [np.bincount(slots[of == k], minlength=1).argmax() for k in entities]
            for slots, of in zip(labels, masks, strict=True)
        ]
    )
