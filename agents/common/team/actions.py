"""Choices from K actions as the numbers that worlds take: equal parts of [-1, 1]."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from entitybench.types import Array


def choice_of(action: Any, choices: int) -> Any:
    """Which of K choices actions in [-1, 1] are, int64 of the same shape; an array or a tensor."""
    if isinstance(action, np.ndarray):
        part = (action.astype(np.float64) + 1) / 2 * choices
        return np.floor(part).clip(0, choices - 1).astype(np.int64)
    return ((action.double() + 1) / 2 * choices).floor().clamp(0, choices - 1).long()


def vector_of(choice: Any, choices: int) -> Any:
    """One-hot vectors (..., K) of choices (...), of −1 and 1, float32; an array or a tensor."""
    if isinstance(choice, np.ndarray):
        return 2 * np.eye(choices, dtype=np.float32)[choice] - 1
    return 2 * choice.new_ones(choices).diag().float()[choice] - 1


def center_of(choice: Array, choices: int) -> Array:
    """The middle of the part of [-1, 1] that stands for a choice, float32 of the same shape."""
    middle = (2 * np.asarray(choice, np.float32) + 1) / choices - 1
    return middle.astype(np.float32)
