"""Jumps: transitions over which the scene changes as it does between episodes.

Missing or misplaced ends (D4RL's antmaze-v0 joins trajectories; MPE data without `done` flags join
all of them) give transitions from the end of one motion to the beginning of another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from entitybench.checks import NotChecked
from entitybench.datasets.lint.finding import (
    Finding,
    chunks,
    flat,
    names_of,
    place,
    steps_of,
)

if TYPE_CHECKING:
    from entitybench.types import Array

CHECK = "continuity"
SAMPLE = 20_000  # transitions from which usual steps are measured
LEAST = 20  # transitions to tell it from
SHARE = 0.3  # of the smooth features that jump together where a scene is another one
FEW = 10  # a feature with no more values than that is a switch, not a motion


@dataclass(frozen=True, slots=True)
class Motion:
    """How the features of an observation move.

    A feature is smooth when a usual step (the ninth decile) changes it by less than a quarter of
    what two random rows differ by: positions, not noise or switches.
    """

    smooth: Array  # (S,) indices of smooth features, of F
    scale: Array  # (S,) what two random rows differ by, on average
    usual: Array  # (S,) the ninth decile of a step's change
    most: Array  # (S,) its 99th percentile
    turns: Array  # (S,) bool, an angle that runs over the whole circle

    @classmethod
    def of(cls, observations: Array, offsets: Array) -> Self:
        """Measured from some of the transitions.

        Raises NotChecked where fewer than two features are smooth, or there is too little to tell.
        """
        steps = steps_of(offsets)
        if observations.dtype.kind != "f":
            raise NotChecked(f"observations of type {observations.dtype} do not move smoothly")
        if len(steps) < LEAST:
            raise NotChecked(f"{len(steps)} transitions do not show how the features move")
        some = steps[np.linspace(0, len(steps) - 1, min(SAMPLE, len(steps))).astype(int)]
        before, after = flat(observations[some]), flat(observations[some + 1])
        finite = np.isfinite(before).all(axis=0) & np.isfinite(after).all(axis=0)
        before[:, ~finite] = after[:, ~finite] = 0
        span = before.max(axis=0) - before.min(axis=0)
        turns = (span > 6.0) & (span <= 2 * np.pi + 1e-3) & (np.abs(before).max(axis=0) <= 3.1416)
        change = _difference(before, after, turns)
        other = np.random.default_rng(0).permutation(len(before))
        scale = _difference(before, before[other], turns).mean(axis=0)
        usual, most = np.quantile(change, [0.9, 0.99], axis=0)
        many = np.array([len(np.unique(column)) > FEW for column in before.T], bool)
        smooth = np.flatnonzero(many & (scale > 0) & (4 * usual < scale))
        if len(smooth) < 2:
            raise NotChecked(
                f"{len(smooth)} of {len(many)} features move smoothly, and two are needed"
            )
        return cls(smooth, scale[smooth], usual[smooth], most[smooth], turns[smooth])

    def difference(self, before: Array, after: Array) -> Array:
        """Absolute change of smooth features (..., S); angles by the shorter way round."""
        return _difference(before, after, self.turns)


def _difference(before: Array, after: Array, turns: Array) -> Array:
    change = np.abs(after - before)
    return np.where(turns, np.minimum(change, np.abs(2 * np.pi - change)), change)


def jumps(observations: Array, offsets: Array) -> tuple[Array, Array, Motion]:
    """The rows (J,) whose transition is a jump, and which smooth features jump: (J, S) bool.

    Args:
        observations: (rows, ...).
        offsets: (E + 1,).

    Raises:
        NotChecked: nothing shows how the features move.
    """
    motion = Motion.of(observations, offsets)
    least = np.maximum(motion.scale, 10 * motion.usual)
    needed = max(2.0, SHARE * len(motion.smooth))
    rows, features = [], []
    is_step = np.ones(int(offsets[-1]), bool)
    is_step[offsets[1:] - 1] = False
    for part in chunks(range(len(is_step)), observations):
        values = np.asarray(observations[part.start : part.stop + 1])
        values = values.reshape(len(values), -1)[:, motion.smooth].astype(np.float64)
        leaps = motion.difference(values[:-1], values[1:]) > least
        here = (leaps.sum(axis=1) >= needed) & is_step[part.start : part.start + len(leaps)]
        rows.append(part.start + np.flatnonzero(here))
        features.append(leaps[here])
    return np.concatenate(rows), np.concatenate(features), motion


def check_jumps(
    observations: Array,
    offsets: Array,
    found: tuple[Array, Array, Motion],
    explained: frozenset[int] = frozenset(),
) -> list[Finding]:
    """No transition joins two motions.

    Args:
        observations: (rows, ...).
        offsets: (E + 1,).
        found: what `jumps` gives for them.
        explained: rows whose transition replaying reproduces: the world does jump there.
    """
    rows, features, motion = found
    kept = np.array([row not in explained for row in rows], bool)
    if not kept.any():
        return []
    rows, features = rows[kept], features[kept]
    row, which = int(rows[0]), motion.smooth[features[0]]
    pair = flat(observations[row : row + 2])
    leap = motion.difference(pair[0, motion.smooth], pair[1, motion.smooth])
    worst = int(np.argmax(leap / motion.scale))
    spacing = np.unique(np.diff(rows))
    steady = f", every {spacing[0]} rows" if len(rows) > 3 and len(spacing) == 1 else ""
    return [
        Finding(
            "error",
            CHECK,
            f"observations, {place(offsets, row)}",
            f"{len(rows)} transitions{steady} lead from one motion into another; at the first one "
            f"{features[0].sum()} features jump ({names_of(which, observations.shape[1:])}), by up "
            f"to {leap[worst]:.3g} where a usual step is below {motion.usual[worst]:.3g}",
            "end the episode at that row: the flags of ends (terminals, timeouts) are missing or "
            "misplaced",
        )
    ]
