"""What an iteration of IDRL keeps of the data, and how good that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.ranks import auroc

if TYPE_CHECKING:
    from entitybench.types import Array

PIECE = 16_384  # transitions that are looked at at once


@dataclass(frozen=True)
class Scores:
    """Numbers of the transitions of D_k, in their order, float32 (K,)."""

    weight: Array  # w(s, a)
    action: Array  # ŵ(a | s), whose mean is 1
    state: Array  # max(0, W(s)); 1 without stage B
    decay: Array  # 1 − γ m


@dataclass(frozen=True)
class Sift:
    """What is kept.

    kept: (rows,) bool, of all rows of the store. mean: of the weights of what is kept, as cloning
    clips them. numbers: the diagnostics by name. count, every: how many are kept, of how many in D.
    """

    kept: Array
    mean: float
    numbers: dict[str, float]
    count: int
    every: int

    def collapsed(self, least_share: float, least: int) -> bool:
        """Whether too little is left to learn from."""
        return self.count < max(1, least, least_share * self.every)


def sift(
    scores: Scores, rows: Array, store: Any, togo: Array, *, of: int, most: float, first: bool
) -> Sift:
    """Keep what has a weight above 0.

    Args:
        scores: of the transitions at `rows`.
        rows: (K,) where the transitions of D_k begin.
        store: of all.
        togo: (rows,) returns to go.
        of: how many transitions D has.
        most: the largest weight in cloning.
        first: whether D_k is D.
    """
    positive = scores.weight > 0
    kept = np.zeros(len(togo), bool)
    kept[rows[positive]] = True
    found = togo[rows]
    numbers = {
        "kept": float(positive.sum()) / of,
        "action_mean": float(scores.action.mean()),
        "mass": float((scores.state * scores.action).mean()),
        "flow": float((scores.state * scores.action * scores.decay).sum() / scores.decay.sum()),
        "togo_gain": float(found[positive].mean() - found.mean()) if positive.any() else 0.0,
    }
    if "expert" in store.columns:
        truth = np.asarray(store.columns["expert"])[rows].astype(bool)
        numbers["purity"] = float(truth[positive].mean()) if positive.any() else 0.0
        if first and truth.any() and not truth.all():
            numbers["purity_before"] = float(truth.mean())
            numbers["auroc"] = auroc(scores.weight, truth)
            numbers["auroc_action"] = auroc(scores.action, truth)
            numbers["auroc_state"] = auroc(scores.state, truth)
    mean = float(scores.weight[positive].clip(max=most).mean()) if positive.any() else 1.0
    return Sift(kept, mean, numbers, int(positive.sum()), of)
