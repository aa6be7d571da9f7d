"""How well numbers order what is so before what is not. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from entitybench.types import Array


def auroc(scores: Array, truth: Array) -> float:
    """P(a true one scores above a false one), ties half: the area under the ROC curve.

    Mann and Whitney's U over the number of pairs (Hanley and McNeil, 1982). NaN if one lacks.

    Args:
        scores: (K,).
        truth: (K,) bool.
    """
    positive, negative = np.sort(scores[truth]), np.sort(scores[~truth])
    if not len(positive) or not len(negative):
        return np.nan
    below = np.searchsorted(negative, positive, side="left").sum()
    not_above = np.searchsorted(negative, positive, side="right").sum()
    return float(below + not_above) / 2 / (len(positive) * len(negative))
