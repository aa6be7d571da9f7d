"""Intervals of shares, and of differences of paired shares, out of counts: (low, high)."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from entitybench.leaderboard.statistics.student import normal_quantile


def wilson(successes: int, count: int, level: float) -> tuple[float, float]:
    """Wilson's score interval."""
    z = normal_quantile((1 + level) / 2)
    share = successes / count
    scale = 1 / (1 + z * z / count)
    centre = scale * (share + z * z / (2 * count))
    half = scale * z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    # At 0 and 1 the interval ends there exactly; rounding must not put the end beyond.
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == count else centre + half
    return low, high


@cache
def exact(successes: int, count: int, level: float) -> tuple[float, float]:
    """Clopper and Pearson's interval (1934): it covers at least as often as it says.

    Wilson's does so on average over all shares: of ten trials it covers 0.05 or 0.3 in 92 %.
    """
    tail = (1 - level) / 2
    k = np.arange(count + 1)
    ways = np.array(
        [math.lgamma(count + 1) - math.lgamma(i + 1) - math.lgamma(count - i + 1) for i in k]
    )

    def end(outside: float, inside: float, part: slice) -> float:
        """Where the successes of `part` have the probability `tail`."""
        for _ in range(60):
            p = (outside + inside) / 2
            chances = np.exp(
                ways[part] + k[part] * math.log(p) + (count - k[part]) * math.log1p(-p)
            )
            outside, inside = (p, inside) if chances.sum() < tail else (outside, p)
        return (outside + inside) / 2

    low = 0.0 if successes == 0 else end(0.0, successes / count, slice(successes, None))
    high = 1.0 if successes == count else end(1.0, successes / count, slice(successes + 1))
    return low, high


def paired(won: int, lost: int, count: int, level: float) -> tuple[float, float]:
    """The difference of two shares over the same trials, by those that one alone succeeded in.

    Bonett and Price (2012): Wald's interval with one trial more that the first won alone and one
    more that the second did, so that it has a width where no trial tells them apart.

    Args:
        won: trials in which the first succeeded and the second did not.
        lost: the other way round.
        count: all trials.
        level: of confidence.
    """
    z = normal_quantile((1 + level) / 2)
    first, second = (won + 1) / (count + 2), (lost + 1) / (count + 2)
    centre = first - second
    half = z * math.sqrt((first + second - centre * centre) / (count + 2))
    return max(-1.0, centre - half), min(1.0, centre + half)


def superiority(found: float, first: int, second: int, level: float) -> tuple[float, float]:
    """P(one of the first is better than one of the second), of so many of each.

    Newcombe's method 5 (2006): the probabilities that the estimate is within z standard errors of,
    by Hanley and McNeil's variance with the mean of both numbers. It has a width where all of the
    first are better.
    """
    z = normal_quantile((1 + level) / 2)
    mean = (first + second) / 2 - 1

    def beyond(p: float) -> bool:
        spread = 1 + mean * ((1 - p) / (2 - p) + p / (1 + p))
        return (found - p) ** 2 > z * z * p * (1 - p) * spread / (first * second)

    ends = []
    for end in (0.0, 1.0):
        outside, inside = end, found
        for _ in range(60):
            middle = (outside + inside) / 2
            outside, inside = (middle, inside) if beyond(middle) else (outside, middle)
        ends.append(inside if beyond(end) else end)
    return ends[0], ends[1]
