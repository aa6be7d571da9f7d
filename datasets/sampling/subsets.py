"""Parts of a store to draw from: its best episodes, or chosen transitions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from entitybench.errors import BadValue
from entitybench.notices import warn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.datasets.store.store import EpisodeStore
    from entitybench.types import Array


def best_episodes(store: EpisodeStore, share: float) -> Array:
    """The episodes of the largest returns: a share of all, rounded up, in their order.

    Of equal ones the first count. Cloning the best tenth is the baseline 10 %-BC of Chen et al.
    (Decision Transformer, 2021, section 5), which counts in steps where this counts in episodes.

    Raises:
        BadValue: a share outside (0, 1], or a store whose returns are not known.
    """
    if not 0 < share <= 1:
        raise BadValue(f"the share of the best episodes is over 0 and at most 1: got {share!r}.")
    if share < 1 and len(store) > 1 and np.ptp(store.returns) == 0:
        warn(
            f"all {len(store)} episodes of {store.id} have the return {store.returns[0]:g}: the "
            f"best {100 * share:g} % of them are the first ones."
        )
    order = np.argsort(-store.returns, kind="stable")
    return np.sort(order[: math.ceil(share * len(store))])


def kept_rows(
    store: EpisodeStore, episodes: Array | Sequence[int] | None, rows: Array | None
) -> Array:
    """The rows (K,) int64 at which the chosen transitions begin, episode by episode as named.

    Args:
        store: of E episodes.
        episodes: numbers in [0, E); None: all.
        rows: (rows,) bool, of all rows of the store; None: all.

    Raises:
        BadValue: no such episode, a mask of another shape or type, or nothing left.
    """
    count, total = len(store), int(store.offsets[-1])
    chosen = np.arange(count) if episodes is None else np.asarray(episodes)
    if not chosen.size:
        chosen = np.arange(0)  # of no type until now
    if chosen.ndim != 1 or chosen.dtype.kind not in "iu":
        raise BadValue(f"episodes to draw from are named by their numbers: got {episodes!r}.")
    if chosen.size and not 0 <= chosen.min() <= chosen.max() < count:
        raise BadValue(
            f"episodes of {store.id} are 0 to {count - 1}: got {chosen.min()} to {chosen.max()}."
        )
    lengths = store.lengths[chosen]
    begins = np.cumsum(lengths) - lengths  # of each episode among the transitions found
    found = np.repeat(store.offsets[chosen] - begins, lengths) + np.arange(int(lengths.sum()))
    if rows is not None:
        mask = np.asarray(rows)
        if mask.shape != (total,) or mask.dtype != bool:
            raise BadValue(
                f"rows to draw are marked by {total} truths, one a row of {store.id}: got "
                f"{mask.dtype} of shape {mask.shape}."
            )
        found = found[mask[found]]
    if not len(found):
        raise BadValue(f"none of the transitions of {store.id} are left to sample.")
    return found


def summed(store: EpisodeStore, rows: Array, weights: Array) -> Array:
    """The weights of the transitions at `rows` (K,), each with all before it: (K,) float64.

    Raises BadValue for weights (rows,) of another shape, below 0, not finite, or all 0.
    """
    total, given = int(store.offsets[-1]), np.asarray(weights, np.float64)
    if given.shape != (total,):
        raise BadValue(
            f"weights of transitions are {total} numbers, one a row of {store.id}: got "
            f"{given.dtype} of shape {given.shape}."
        )
    found: Array = np.cumsum(given[rows])
    if not np.isfinite(found[-1]) or (given[rows] < 0).any() or found[-1] <= 0:
        raise BadValue(f"weights of transitions of {store.id} are 0 or more, and not all 0.")
    return found
