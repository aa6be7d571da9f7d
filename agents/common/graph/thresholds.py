"""Which scores name an edge, so that the mean of both error rates is smallest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from entitybench.types import Array


NEVER = 1e30  # a threshold that no score reaches


def fitted(scores: Array, truth: Array) -> float:
    """The threshold of scores (K,) above which to name, of the best balanced accuracy.

    Half way between two scores, 0 to name all and `NEVER` to name none. Equal scores are named
    together or not at all.
    """
    values, place = np.unique(-scores, return_inverse=True)
    active = np.bincount(place[truth], minlength=len(values)).astype(np.float64)
    inactive = np.bincount(place[~truth], minlength=len(values)).astype(np.float64)
    cut, ranked = best_cut(balanced_gain(active, inactive)), -values
    if cut == 0:
        return NEVER
    return 0.0 if cut == len(ranked) else float((ranked[cut - 1] + ranked[cut]) / 2)


def best_cut(gain: Array) -> int:
    """How many places, from the first on, to name, so that their gains (K,) sum to the most.

    With active edges weighing 1 / (their number) and inactive ones -1 / (theirs) that is the best
    balanced accuracy. In the middle where several cuts are equally good.
    """
    total = np.concatenate([[0.0], np.cumsum(gain)])
    best = np.flatnonzero(total >= total.max() - 1e-12)
    # Only what lies together: other cuts as good, elsewhere, are left out.
    first = best[: 1 + int(np.argmax(np.append(np.diff(best) != 1, True)))]
    return int(first[len(first) // 2])


def balanced_gain(active: Array, inactive: Array) -> Array:
    """What naming each place gains: active / (all active) - inactive / (all inactive)."""
    found = active / max(float(active.sum()), 1.0) - inactive / max(float(inactive.sum()), 1.0)
    return np.asarray(found, np.float64)


def share(part: Array, rest: Array) -> Array:
    """The share part / (part + rest), above a half where part > rest. Both at least 0.

    1 where part alone is infinite, 0 where both are 0.
    """
    part, rest = np.broadcast_arrays(part, rest)
    sure = np.isinf(part)
    with np.errstate(invalid="ignore"):
        found = part / np.maximum(part + rest, np.finfo(np.float64).tiny)
    return np.where(sure, 1.0, found)
