"""How well scores tell what is so from what is not: counts and misprediction. Pure functions.

A score above 0.5 names its edge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from entitybench.types import Array

COUNTS = ("tp", "fp", "fn", "tn")


def counts(scores: Array, truth: Array) -> dict[str, int]:
    """True and false positives and negatives of scores (K,) against bool (K,)."""
    named = scores > 0.5
    return {
        "tp": int((named & truth).sum()),
        "fp": int((named & ~truth).sum()),
        "fn": int((~named & truth).sum()),
        "tn": int((~named & ~truth).sum()),
    }


def balanced(tp: float, fp: float, fn: float, tn: float) -> float:
    """The mean of both error rates: misprediction where half of all were true. NaN if one lacks."""
    if tp + fn == 0 or fp + tn == 0:
        return np.nan
    return (fn / (tp + fn) + fp / (fp + tn)) / 2


def raw(tp: float, fp: float, fn: float, tn: float) -> float:
    """The share that is wrong; NaN of nothing."""
    every = tp + fp + fn + tn
    return (fp + fn) / every if every else np.nan
