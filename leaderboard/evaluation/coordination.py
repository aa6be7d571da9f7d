"""Whether a team keeps to one way of sharing the work, in worlds that can tell ways apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from entitybench.types import Array

KEPT = 0.9  # share of the steps that show a convention, in which a team must keep the same one
SHOWN = 0.1  # share of all steps that must show any: less is chance


class Coordination:
    """What is kept of B episodes that run side by side."""

    def __init__(self, world: Any) -> None:
        """`world`: of a team has `conventions`; others have none."""
        self.conventions = bool(getattr(world, "conventions", ()))
        self._shown: list[Array] = []

    def add(self, convention: Callable[[], Array]) -> None:
        """One control step. `convention`: `Worlds.convention`, called where there are any."""
        if self.conventions:
            self._shown.append(convention())

    def values(self, length: Array) -> list[dict[str, float | None]]:
        """Of each episode what a record's row holds, over its first `length` (B,) steps.

        "coordination" where the world tells conventions apart, else nothing.
        """
        if not self.conventions:
            return [{} for _ in length]
        if not self._shown:
            return [{"coordination": None} for _ in length]
        shown = np.stack(self._shown, axis=1)
        return [
            {"coordination": coordination(own[:steps])}
            for own, steps in zip(shown, length.tolist(), strict=True)
        ]


def coordination(shown: Array) -> float:
    """1 if a team stays in one convention, else 0; the mean over episodes is the rate.

    Args:
        shown: (T,) int, the convention after each control step, -1 where none is seen.

    Returns:
        1 where one of them makes up KEPT or more of the steps that show any, and these SHOWN or
        more of all.
    """
    seen = shown[shown >= 0]
    often = len(seen) > 0 and len(seen) >= SHOWN * len(shown)
    return float(often and np.bincount(seen).max() >= KEPT * len(seen))
