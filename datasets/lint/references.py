"""The reference scores that returns are normalised with."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.datasets.lint.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

CHECK = "references"
ABOVE = 0.1  # share of the reference interval by which the mean of the data may exceed the expert's


def bounds_of(scores: Mapping[str, Any]) -> tuple[float, float]:
    """Mean returns of random actions and of the best reference policy; NaN where there is none."""
    low = scores.get("random") or {}
    high = scores.get("expert") or scores.get("oracle") or {}
    return tuple(  # type: ignore[return-value]
        math.nan if score.get("return") is None else float(score["return"]) for score in (low, high)
    )


def check_references(
    scores: Mapping[str, Any], returns: list[float], measured: Mapping[str, Any] | None = None
) -> list[Finding]:
    """Reference scores are numbers in order, those of the task, and not beaten by average data.

    D4RL's maze2d was normalised with a controller that works in its first episode only, so that
    ordinary data score far above "expert".

    Args:
        scores: of the manifest: "random" and "expert" or "oracle", each with a "return".
        returns: of the episodes, where they are to be compared.
        measured: the scores of the task as it is now; None where it is not ours.
    """
    low, high = bounds_of(scores)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        return [
            _finding(
                "error",
                f"random {low:g}, expert {high:g}: returns cannot be normalised with these",
                "measure both over the same episodes",
            )
        ]
    found = []
    if measured is not None:
        now = bounds_of(measured)
        if not np.allclose((low, high), now, rtol=1e-3, atol=1e-2, equal_nan=True):
            found.append(
                _finding(
                    "error",
                    f"random {low:g}, expert {high:g}; measured for this version of the task: "
                    f"{now[0]:g}, {now[1]:g}",
                    "generate the data anew, or take the measured scores",
                )
            )
    mean = float(np.mean(returns)) if returns else low
    error = float(np.std(returns)) / math.sqrt(len(returns)) if returns else 0.0
    if mean - 3 * error > high + ABOVE * (high - low):
        found.append(
            _finding(
                "warning",
                f"the mean return of the data, {mean:.4g}, lies above the expert's {high:.4g} "
                f"(random: {low:.4g}): the reference policy did not work, or is of another task",
                "measure the expert again, with a fresh policy in every episode",
            )
        )
    return found


def _finding(severity: Any, what: str, fix: str) -> Finding:
    return Finding(severity, CHECK, "manifest.json, reference_scores", what, fix)
