"""Weights of whole episodes by how much better than expected they went."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from entitybench.datasets.store.store import EpisodeStore
    from entitybench.types import Array

LEAST = 1e-3  # deviation of a number that hardly changes
RIDGE = 1.0  # penalty of the regression, in episodes


def advantages(store: EpisodeStore) -> Array:
    """(E,) float64: G(τ) − V(s₀), in shares of the range of returns.

    V is a ridge regression of the returns on the first states, standardised.
    """
    returns = store.returns
    returns = (returns - returns.min()) / max(float(np.ptp(returns)), 1e-6)
    starts = np.asarray(store.observations)[store.offsets[:-1]].reshape(len(store), -1)
    starts = starts.astype(np.float64)
    x = (starts - starts.mean(0)) / np.maximum(starts.std(0), LEAST)
    slopes = np.linalg.solve(x.T @ x + RIDGE * np.eye(x.shape[1]), x.T @ (returns - returns.mean()))
    found: Array = returns - returns.mean() - x @ slopes
    return found


def advantage_rows(store: EpisodeStore, temperature: float) -> Array:
    """(rows,) how often each transition is drawn: P(τ) ∝ exp((G(τ) − V(s₀)) / T), then any of τ.

    Hong et al., "Harnessing Mixed Offline Reinforcement Learning Datasets via Trajectory
    Weighting", ICLR 2023. 0 at padding rows.
    """
    scaled = advantages(store) / temperature
    share = np.exp(scaled - scaled.max()) / np.maximum(store.lengths, 1)
    rows = np.repeat(share, np.diff(store.offsets))
    rows[store.offsets[1:] - 1] = 0.0
    return rows
