"""Games of everybody against everybody from the same starts: sums by group, and their bootstrap.

Members belong to groups, such as training seeds to methods. Values (E, E, G) are of the member in
the row against the one in the column, from start g; NaN where there was no game.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from entitybench.types import Array

REPLICATES = 1000
_CHUNK = 100  # replicates held in memory at once


def both_sides(value: Array, mirrored: Array) -> Array:
    """Sums (E, E, G) of what the row has at home and away, NaN where neither game was.

    Args:
        value: (E, E, G) of the row, which was at home.
        mirrored: the same of the column, which was away.
    """
    home, away = value, np.swapaxes(mirrored, 0, 1)
    there = np.isfinite(home) | np.isfinite(away)
    return np.where(there, np.nan_to_num(home) + np.nan_to_num(away), np.nan)


def sums(values: Array, groups: Array, members: Array, starts: Array) -> Array:
    """Sums (R, K, K) by group of values (E, E, G).

    Args:
        values: NaN counts for nothing.
        groups: (E,), the group 0 … K - 1 of each member.
        members: (R, E), how often each member counts.
        starts: (R, G), how often each start counts.
    """
    known = np.nan_to_num(values)
    by_pair = np.moveaxis(known @ starts.T, -1, 0)  # (R, E, E)
    belongs = (groups == np.arange(groups.max() + 1)[:, None]).astype(float)  # (K, E)
    weighted = belongs * members[:, None, :]
    total: Array = weighted @ by_pair @ np.swapaxes(weighted, -1, -2)
    return total


def redrawn(
    groups: Array, starts: int, *, replicates: int = REPLICATES
) -> Iterator[tuple[Array, Array]]:
    """How often members (R, E) and starts (R, G) are drawn, some replicates at a time.

    The pigeonhole bootstrap (Owen, Annals of Applied Statistics 2007): members are drawn anew
    within each group, and starts, which all pairs share, beside them. A game counts as often as
    both of its members and its start.
    """
    rng = generator(0, "bootstrap", "crossed")
    sizes = np.bincount(groups)
    for begin in range(0, replicates, _CHUNK):
        count = min(_CHUNK, replicates - begin)
        members = np.zeros((count, len(groups)))
        for group, size in enumerate(sizes):
            members[:, groups == group] = rng.multinomial(size, np.full(size, 1 / size), count)
        yield members, rng.multinomial(starts, np.full(starts, 1 / starts), count).astype(float)
