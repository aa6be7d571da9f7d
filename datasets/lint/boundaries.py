"""Where episodes begin and end, as offsets, flags and rows say it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.checks import NotChecked
from entitybench.datasets.lint.continuity import Motion
from entitybench.datasets.lint.finding import Finding, flat, place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.types import Array

CHECK = "boundaries"
LEAST = 3  # boundaries inside a motion before they are reported


def check_flags(
    offsets: Array, terminals: Array | None, masks: Array | None, *, passing: bool = False
) -> list[Finding]:
    """`terminals` is set at the last row of each episode and nowhere else; `masks` follow.

    A mask is 0 at the padding row, at the last transition where the episode terminated, and nowhere
    else: an episode that goes on after its end is two, or its flag is wrong.

    Args:
        offsets: (E + 1,) rows where episodes begin.
        terminals: (rows,).
        masks: (rows,).
        passing: masks may be 0 inside an episode: OGBench's single tasks mark every step at the
            goal, and the episode goes on.

    Raises:
        NotChecked: there is neither of them.
    """
    if terminals is None and masks is None:
        raise NotChecked("no flags of ends")
    last, found = offsets[1:] - 1, []
    if terminals is not None:
        wanted = np.zeros(len(terminals), bool)
        wanted[last] = True
        wrong = np.flatnonzero(np.asarray(terminals, bool) != wanted)
        if len(wrong):
            flag = "set inside an episode" if terminals[wrong[0]] else "not set at an episode's end"
            found.append(
                _error(
                    f"terminals, {place(offsets, wrong[0])}",
                    f"{len(wrong)} rows differ from the episodes' ends; the first is {flag}",
                    "set `terminals` at the last row of each episode and nowhere else",
                )
            )
    if masks is not None:
        bootstraps = np.asarray(masks, bool)
        if bootstraps[last].any():
            first = int(last[np.flatnonzero(bootstraps[last])[0]])
            found.append(
                _error(
                    f"masks, {place(offsets, first)}",
                    f"{int(bootstraps[last].sum())} padding rows have mask 1: a learner would "
                    "bootstrap from the next episode's first state",
                    "set `masks` to 0 at the last row of each episode",
                )
            )
        inside = ~bootstraps
        inside[last] = False
        inside[np.maximum(last - 1, offsets[:-1])] = False
        if inside.any() and not passing:
            first = int(np.flatnonzero(inside)[0])
            found.append(
                _error(
                    f"masks, {place(offsets, first)}",
                    f"{int(inside.sum())} transitions are marked as terminated, and their episodes "
                    "go on",
                    "end the episode there, or set the mask to 1",
                )
            )
    return found


def check_padding(rewards: Array, offsets: Array) -> list[Finding]:
    """The last row of each episode, which no step begins at, has no reward.

    Args:
        rewards: (rows,), or (rows, M) of several agents.
        offsets: (E + 1,).
    """
    held = flat(np.asarray(rewards[offsets[1:] - 1])).any(axis=1)
    if not held.any():
        return []
    row = int(offsets[1:][held][0]) - 1
    return [
        _error(
            f"rewards, {place(offsets, row)}",
            f"{int(held.sum())} padding rows hold a reward, which windows and sums would count",
            "set the last row of each episode to zero; import the data anew",
        )
    ]


def check_rows(
    episodes: Sequence[Mapping[str, Any]], lengths: Array, splits: Mapping[str, Sequence[int]]
) -> list[Finding]:
    """The rows of `episodes.jsonl` and the splits describe the episodes that there are."""
    found = []
    if len(episodes) != len(lengths):
        found.append(
            _error(
                "episodes.jsonl",
                f"{len(episodes)} rows for {len(lengths)} episodes",
                "write one row an episode",
            )
        )
    for index, (row, length) in enumerate(zip(episodes, lengths, strict=False)):
        first, last = splits.get(str(row["split"]), (0, 0))
        if row["length"] != length or not first <= index < last:
            found.append(
                _error(
                    f"episodes.jsonl, episode {index}",
                    f"the row says {row['length']} steps of the split {row['split']!r}; the data "
                    f"have {length} steps, the splits are {dict(splits)}",
                    "write the row that belongs to the episode",
                )
            )
            break
    empty = np.flatnonzero(lengths < 1)
    if len(empty):
        found.append(
            _error(
                f"episode {empty[0]}",
                f"{len(empty)} episodes have no transition",
                "leave them out",
            )
        )
    return found


def check_goes_on(observations: Array, offsets: Array) -> list[Finding]:
    """Episodes that begin where the one before ended: a flag that is no end.

    D4RL's antmaze marks every state near the goal as terminal, and the ant walks on; its maze2d
    marks reached waypoints as timeouts. Reported where it happens often; data whose episodes all
    begin in one state are left alone.

    Args:
        observations: (rows, ...).
        offsets: (E + 1,).

    Raises:
        NotChecked: too few episodes, or nothing that shows how the features move.
    """
    if len(offsets) < LEAST + 2:
        raise NotChecked(f"{len(offsets) - 1} episodes do not show whether one goes on in the next")
    motion = Motion.of(observations, offsets)
    first, last = offsets[1:-1], offsets[1:-1] - 1
    begin, end = flat(observations[first])[:, motion.smooth], flat(observations[last])
    near = motion.most  # what a step changes at most, all but one in a hundred
    if np.all(np.abs(begin - np.roll(begin, 1, axis=0)) <= near):
        raise NotChecked("all episodes begin in one state")
    on = np.all(motion.difference(end[:, motion.smooth], begin) <= near, axis=1)
    if on.sum() < max(LEAST, 0.05 * len(on)):
        return []
    episode = int(np.flatnonzero(on)[0])
    return [
        Finding(
            "warning",
            CHECK,
            f"between episodes {episode} and {episode + 1}",
            f"{int(on.sum())} of {len(on)} episodes begin where the one before ended, so the flags "
            "(terminals, timeouts) cut one motion into pieces",
            "join the pieces, and mark ends where the state is reset; a goal reached in passing is "
            "a success, not an end",
        )
    ]


def _error(where: str, what: str, fix: str) -> Finding:
    return Finding("error", CHECK, where, what, fix)
