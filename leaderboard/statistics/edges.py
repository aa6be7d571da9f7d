"""Numbers of inferred graphs: of an episode, and pooled over the episodes of a training seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from entitybench import ranks
from entitybench.leaderboard.statistics import detection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.types import Array

# Before the names of counts: of the whole, and of its parts.
PARTS = ("", "entities_", "action_", "structural_")


def measured(
    scores: Array, truth: Array, asked: Array, *, certain: bool, structure: Array | None = None
) -> dict[str, float | None]:
    """The metrics of one episode, and the counts that they are pooled from.

    Args:
        scores: (T, N, N + 1), the action in the last column.
        truth: bool, of the same shape.
        asked: bool, of the same shape.
        certain: whether the action's edges are, so that the whole has only those between entities.
        structure: bool (N, N + 1), which edges can ever be active; None: not known, and the numbers
            of these edges alone are left out.
    """
    from_action = np.zeros(asked.shape, bool)
    from_action[..., -1] = True
    entities, action = asked & ~from_action, asked & from_action
    possible = np.zeros(asked.shape[1:], bool) if structure is None else structure
    of = {"": entities if certain else asked, "entities_": entities, "action_": action}
    of["structural_"] = of[""] & possible
    found = {
        f"{part}{name}": float(number)
        for part in PARTS
        for name, number in detection.counts(scores[of[part]], truth[of[part]]).items()
    }
    found["auroc"] = ranks.auroc(scores[of[""]], truth[of[""]])
    row = {name: np.array([value]) for name, value in found.items()}
    found |= {reduce.__name__: reduce(row) for reduce in _POOLED}
    return {name: None if np.isnan(value) else round(value, 6) for name, value in found.items()}


def _pooled(rows: Mapping[str, Array], part: str) -> list[float]:
    counts = np.array([rows[f"{part}{name}"] for name in detection.COUNTS], np.float64)
    totals = counts.sum(axis=1)
    # Without a hole, as almost always, the plain sum is the same and takes a third of the time.
    return (np.nansum(counts, axis=1) if np.isnan(totals).any() else totals).tolist()


# What follows is named by `entitybench.kinds`: rows' values by name, (E,) each -> one number.


def misprediction(rows: Mapping[str, Array]) -> float:
    """Balanced, of all edges that are not certain."""
    return detection.balanced(*_pooled(rows, ""))


def misprediction_entities(rows: Mapping[str, Array]) -> float:
    """Balanced, of the edges between entities."""
    return detection.balanced(*_pooled(rows, "entities_"))


def misprediction_action(rows: Mapping[str, Array]) -> float:
    """Balanced, of the action's edges."""
    return detection.balanced(*_pooled(rows, "action_"))


def misprediction_structural(rows: Mapping[str, Array]) -> float:
    """Balanced, of the edges that can ever be active: knowing which those are is no help."""
    return detection.balanced(*_pooled(rows, "structural_"))


def misprediction_raw(rows: Mapping[str, Array]) -> float:
    """Of all edges that are not certain, as often as they occur."""
    return detection.raw(*_pooled(rows, ""))


def auroc(rows: Mapping[str, Array]) -> float:
    """Over pairs of edges of the same episode, one active and one not; all pairs count alike."""
    pairs = np.nan_to_num((rows["tp"] + rows["fn"]) * (rows["fp"] + rows["tn"]))
    total = float(pairs.sum())
    return float((np.nan_to_num(rows["auroc"]) * pairs).sum()) / total if total else np.nan


_POOLED = (
    misprediction,
    misprediction_entities,
    misprediction_action,
    misprediction_structural,
    misprediction_raw,
)
