"""Actions: within their bounds, zero at padding rows, and how many lie at a bound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.datasets.lint.finding import Finding, chunks, flat, names_of, place, steps_of

if TYPE_CHECKING:
    from entitybench.types import Array

CHECK = "actions"
ALWAYS = 0.95  # share at a bound from which on an action dimension is reported


def check_actions(
    actions: Array, offsets: Array, low: Array | float, high: Array | float
) -> tuple[list[Finding], dict[str, Any]]:
    """Actions within the bounds; how many are saturated is also measured.

    Args:
        actions: (rows, ...).
        offsets: (E + 1,).
        low: of each number of an action, or of all.
        high: the same.

    Returns:
        Findings, and "saturated" (the share of numbers exactly at a bound) with
        "most_saturated" (the largest share of one dimension).
    """
    size = int(np.prod(actions.shape[1:]))
    low, high = (np.broadcast_to(np.ravel(limit), (size,)) for limit in (low, high))
    outside, first, worst = 0, -1, 0.0
    at_bound = np.zeros(size)
    steps = steps_of(offsets)
    for part in chunks(steps, actions):
        values = flat(actions[part])
        beyond = np.maximum(low - values, values - high)
        bad = (beyond > 0).any(axis=1)
        if bad.any():
            first = int(part[np.argmax(bad)]) if first < 0 else first
            outside, worst = outside + int(bad.sum()), max(worst, float(beyond.max()))
        at_bound += ((values == low) | (values == high)).sum(axis=0)
    found = []
    if outside:
        found.append(
            Finding(
                "error",
                CHECK,
                f"actions, {place(offsets, first)}",
                f"{outside} of {len(steps)} actions lie outside [{low.min():g}, {high.max():g}], "
                f"by up to {worst:.3g}",
                "store what was applied: cut to the bounds",
            )
        )
    padding = flat(actions[offsets[1:] - 1]).any(axis=1)
    if padding.any():
        found.append(
            Finding(
                "error",
                CHECK,
                f"actions, {place(offsets, int(offsets[1:][padding][0]) - 1)}",
                f"{int(padding.sum())} padding rows hold an action, which leads nowhere",
                "set the last row of each episode to zero",
            )
        )
    shares = at_bound / max(1, len(steps))
    stuck = np.flatnonzero(shares >= ALWAYS)
    if len(stuck) and size > 0 and actions.dtype.kind == "f" and _several(actions, steps, stuck):
        found.append(
            Finding(
                "warning",
                CHECK,
                "actions",
                f"{names_of(stuck, actions.shape[1:])} are at a bound in {shares[stuck].min():.0%} "
                "of all steps or more",
                "check the scale of the actions; a squashed policy cannot give exactly +-1 a "
                "likelihood",
            )
        )
    return found, {
        "saturated": round(float(shares.mean()), 4),
        "most_saturated": round(float(shares.max(initial=0)), 4),
    }


def _several(actions: Array, steps: Array, stuck: Array) -> bool:
    """Whether stuck dimensions take other values too: a switch of two values is meant so."""
    some = steps[np.linspace(0, len(steps) - 1, min(20_000, len(steps))).astype(int)]
    return any(len(np.unique(column)) > 2 for column in flat(actions[some])[:, stuck].T)
