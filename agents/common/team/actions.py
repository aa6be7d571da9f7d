"""Choices from K actions as the numbers that worlds take: equal parts of [-1, 1]."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from entitybench.types import Array


def choice_of(action: Array, choices: int) -> Array:
    """Which of K choices actions in [-1, 1] are, int64 of the same shape."""
    part = np.floor((np.asarray(action, np.float64) + 1) / 2 * choices)
    return np.clip(part, 0, choices - 1).astype(np.int64)


def center_of(choice: Array, choices: int) -> Array:
    """The middle of the part of [-1, 1] that stands for a choice, float32 of the same shape."""
    middle = (2 * np.asarray(choice, np.float32) + 1) / choices - 1
    return middle.astype(np.float32)
