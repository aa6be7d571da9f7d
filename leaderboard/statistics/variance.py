"""How much of the variance of scores each factor of a full grid explains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.types import Array

TOGETHER, WITHIN = "interactions", "within cells"


@dataclass(frozen=True)
class Effect:
    """A part of the sum of squares."""

    share: float  # η²: of the whole sum of squares
    f: float  # mean square in that within cells; nan within cells
    freedom: int


def effects(scores: Array, factors: Sequence[str]) -> dict[str, Effect]:
    """Analysis of variance of a balanced grid: main effects, what they leave, and what repeats.

    Args:
        scores: an axis for each factor, then one of repetitions (training seeds), two or more.
        factors: names of the axes before the last.

    Returns:
        An `Effect` of each factor by itself, of all their interactions together ("interactions"),
        and of repetitions around the mean of their cell ("within cells"); the shares add up to 1.

    Raises:
        ValueError: for another number of factors, or fewer than two levels or repetitions.
    """
    y = np.asarray(scores, np.float64)
    if y.ndim != len(factors) + 1 or min(y.shape) < 2:
        raise ValueError(f"no grid of {len(factors)} factors and repetitions: {y.shape}")
    mean, cells = y.mean(), y.mean(-1)
    squares, freedom = {}, {}
    for axis, name in enumerate(factors):
        levels = cells.mean(tuple(k for k in range(cells.ndim) if k != axis))
        squares[name] = y.size / len(levels) * ((levels - mean) ** 2).sum()
        freedom[name] = len(levels) - 1
    between = y.shape[-1] * ((cells - mean) ** 2).sum()
    squares[TOGETHER] = max(between - sum(squares.values()), 0.0)
    freedom[TOGETHER] = cells.size - 1 - sum(freedom.values())
    squares[WITHIN] = ((y - cells[..., None]) ** 2).sum()
    freedom[WITHIN] = cells.size * (y.shape[-1] - 1)
    total, noise = sum(squares.values()), squares[WITHIN] / freedom[WITHIN]
    return {
        name: Effect(
            share=float(squares[name] / total) if total else float("nan"),
            f=_ratio(squares[name], freedom[name], noise) if name != WITHIN else float("nan"),
            freedom=freedom[name],
        )
        for name in squares
    }


def _ratio(squares: float, freedom: int, noise: float) -> float:
    return float(squares / freedom / noise) if freedom and noise else float("nan")
