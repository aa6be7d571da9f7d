"""Numbers of data files."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.types import Array

DIGITS = 6  # of lengths in m and of colours, after the point


def rounded(values: Sequence[float] | Array) -> list[float]:
    """As data files have them; never -0."""
    return [round(float(value), DIGITS) + 0.0 for value in values]
