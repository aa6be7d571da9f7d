"""Start states: apart between training, validation and the episodes that agents are scored on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.checks import NotChecked
from entitybench.datasets.lint.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.types import Array

CHECK = "starts"
EVALUATION_SEEDS = 2**32  # an evaluation draws seeds below it
DISTINCT = 0.99  # share of different starts in the training split from which on repeats mean copies


def check_seeds(episodes: Sequence[Mapping[str, Any]], *, ours: bool) -> list[Finding]:
    """Seeds are used once, and none is an evaluation's.

    Args:
        episodes: the rows of `episodes.jsonl`; rows without a seed are left out.
        ours: whether the data are of a task of ours, whose evaluations use seeds below 2**32.

    Raises:
        NotChecked: no episode has a seed.
    """
    if all(row.get("seed") is None for row in episodes):
        raise NotChecked("no episode has a seed")
    found: list[Finding] = []
    seen: dict[int, int] = {}
    twice, evaluated = [], []
    for index, row in enumerate(episodes):
        seed = row.get("seed")
        if seed is None:
            continue
        if seed in seen:
            twice.append((seen[seed], index))
        seen.setdefault(seed, index)
        if ours and seed < EVALUATION_SEEDS:
            evaluated.append(index)
    leaks = [pair for pair in twice if episodes[pair[0]]["split"] != episodes[pair[1]]["split"]]
    if leaks:
        one, other = leaks[0]
        found.append(
            _error(
                f"episodes {one} and {other}",
                f"{len(leaks)} episodes begin from a seed of another split "
                f"({episodes[one]['split']} and {episodes[other]['split']})",
                "give every episode a seed of its own",
            )
        )
    if evaluated:
        found.append(
            _error(
                f"episode {evaluated[0]}",
                f"{len(evaluated)} episodes begin where an evaluation may (seed "
                f"{episodes[evaluated[0]]['seed']}, below 2**32)",
                "draw start seeds from 2**32 on",
            )
        )
    return found


def check_overlap(
    starts: Array, split: Sequence[str], evaluation: Array | None = None
) -> list[Finding]:
    """No start of one split is a start of another, or of the public evaluation episodes.

    Where starts repeat within the training episodes already, the task has few of them, and nothing
    is reported.

    Args:
        starts: (E, ...) what is observed first, goals included.
        split: of each episode.
        evaluation: (K, ...) the same of the evaluation episodes.

    Raises:
        NotChecked: starts repeat anyway, or there is nothing to compare them with.
    """
    if len(set(split)) < 2 and evaluation is None:
        raise NotChecked("there is one split, and no evaluation to compare its starts with")
    keys = [np.ascontiguousarray(start).tobytes() for start in starts]
    first = split[0] if len(split) else ""
    train = [key for key, name in zip(keys, split, strict=True) if name == first]
    if len(set(train)) < DISTINCT * len(train):
        raise NotChecked("the starts of the training episodes repeat among themselves")
    found = []
    others = [i for i, name in enumerate(split) if name != first and keys[i] in set(train)]
    if others:
        found.append(
            _error(
                f"episodes {keys.index(keys[others[0]])} and {others[0]}",
                f"{len(others)} episodes of {split[others[0]]!r} begin in the very state of one of "
                f"{first!r}",
                "give every episode a start of its own",
            )
        )
    if evaluation is not None:
        scored = {np.ascontiguousarray(start).tobytes() for start in evaluation}
        leaked = [i for i, key in enumerate(keys) if key in scored]
        if leaked:
            found.append(
                _error(
                    f"episode {leaked[0]}",
                    f"{len(leaked)} episodes begin in the very state of a public evaluation "
                    "episode",
                    "draw other starts for data: from 2**32 on",
                )
            )
    return found


def _error(where: str, what: str, fix: str) -> Finding:
    return Finding("error", CHECK, where, what, fix)
