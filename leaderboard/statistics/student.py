"""Quantiles of Student's t and of the normal distribution, without SciPy."""

from __future__ import annotations

import math
from functools import cache
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from entitybench.types import Array


def t_central(t: float, freedom: int) -> float:
    """P(|T| <= t) for an integer number of degrees of freedom.

    The finite sums of Abramowitz & Stegun, 26.7.3 (odd) and 26.7.4 (even).
    """
    angle = math.atan2(t, math.sqrt(freedom))
    cosine, sine = math.cos(angle), math.sin(angle)
    if freedom == 1:
        return 2 * angle / math.pi
    odd = freedom % 2
    term = cosine if odd else 1.0
    total = term
    for k in range(3 if odd else 2, freedom - 1, 2):
        term *= cosine * cosine * (k - 1) / k
        total += term
    return 2 / math.pi * (angle + sine * total) if odd else sine * total


@cache
def t_quantile(probability: float, freedom: int) -> float:
    """The t with P(T <= t) = probability, for 0 < probability < 1 and freedom >= 1.

    Bisection to the last digits; probability = 0.975 gives the half width of a 95 % interval.
    """
    if not 0 < probability < 1 or freedom < 1:
        raise ValueError(f"no t quantile for probability {probability} and freedom {freedom}")
    if probability < 0.5:
        return -t_quantile(1 - probability, freedom)
    target = 2 * probability - 1
    low, high = 0.0, 1.0
    while t_central(high, freedom) < target:
        low, high = high, 2 * high
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if t_central(middle, freedom) < target else (low, middle)
    return (low + high) / 2


def normal_quantile(probability: float) -> float:
    """The z with P(Z <= z) = probability."""
    return NormalDist().inv_cdf(probability)


def hall(values: Array, level: float) -> tuple[float, float]:
    """Ends of an interval of the mean of values (n,), n >= 2, that are skewed.

    Hall, "On the removal of skewness by transformation", JRSS B 1992: the t statistic is moved by a
    cubic that takes the skewness out of its distribution, and that cubic is inverted.
    """
    count, mean = len(values), float(values.mean())
    away = values - mean
    spread = float(np.sqrt((away**2).mean()))
    skewness = float((away**3).mean()) / spread**3
    t = t_quantile((1 + level) / 2, count - 1) / math.sqrt(count)
    error = spread * math.sqrt(count / (count - 1))
    if abs(skewness) < 1e-6:  # the cubic is a line
        return mean - t * error, mean + t * error

    def inverted(x: float) -> float:
        return 3 / skewness * (math.cbrt(1 + skewness * (x - skewness / (6 * count))) - 1)

    return mean - inverted(t) * error, mean - inverted(-t) * error
