"""The same episode more than once."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from entitybench.checks import NotChecked
from entitybench.datasets.lint.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.types import Array

CHECK = "duplicates"
LEAST = 5  # steps: shorter episodes of few choices may well be equal by chance


def check_duplicates(
    observations: Array, actions: Array, offsets: Array, splits: Mapping[str, tuple[int, int]]
) -> list[Finding]:
    """No two episodes are equal in all observations and actions.

    Args:
        observations: (rows, ...).
        actions: (rows, ...).
        offsets: (E + 1,).
        splits: name -> (first episode, last + 1).

    Raises:
        NotChecked: there are no two episodes to compare.
    """
    if (np.diff(offsets) - 1 >= LEAST).sum() < 2:
        raise NotChecked(f"no two episodes of {LEAST} steps or more")
    seen: dict[bytes, int] = {}
    pairs = []
    for episode, (first, end) in enumerate(pairwise(offsets)):
        if end - first - 1 < LEAST:
            continue
        digest = hashlib.blake2b(np.ascontiguousarray(observations[first:end]).data, digest_size=16)
        digest.update(np.ascontiguousarray(actions[first : end - 1]).data)
        earlier = seen.setdefault(digest.digest(), episode)
        if earlier != episode:
            pairs.append((earlier, episode))
    if not pairs:
        return []

    def split_of(episode: int) -> str:
        inside = (name for name, (first, last) in splits.items() if first <= episode < last)
        return next(inside, "")

    leaks = [pair for pair in pairs if split_of(pair[0]) != split_of(pair[1])]
    between = f"; {len(leaks)} of them in another split than the first" if leaks else ""
    one, other = (leaks or pairs)[0]
    return [
        Finding(
            "error",
            CHECK,
            f"episodes {one} and {other}",
            f"{len(pairs)} episodes repeat an earlier one in every observation and action{between}",
            "leave the copies out; give every episode a seed of its own",
        )
    ]
