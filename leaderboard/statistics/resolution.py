"""The smallest difference that a protocol resolves: training seeds, episodes, tasks."""

from __future__ import annotations

import math

from entitybench.leaderboard.statistics.intervals import LEVEL
from entitybench.leaderboard.statistics.student import normal_quantile, t_quantile

POWER = 0.8


def smallest_difference(
    seeds: int,
    episodes: int,
    *,
    share: float = 0.5,
    spread: float = 0.0,
    tasks: int = 1,
    correlation: float = 0.0,
    power: float = POWER,
    level: float = LEVEL,
) -> float:
    """The difference of two agents' mean success that is found with this power.

    The textbook sum of two quantiles times the standard error of a difference of two means (such as
    Chow, Shao and Wang, "Sample Size Calculations in Clinical Research", 2008, section 3.2), of
    Student's t where training seeds differ, and of the normal distribution where episodes alone do.
    The variance of an agent's mean over tasks is (spread² + share (1 − share) / episodes) over
    seeds × tasks.

    Args:
        seeds: training seeds of each agent and task.
        episodes: of each training seed.
        share: success of both; one half has the widest spread.
        spread: standard deviation between training seeds of what they would reach in endlessly many
            episodes.
        tasks: over which the mean is.
        correlation: between both agents on the same start; 0 for starts of their own.
        power: the chance that the difference is found.
        level: of confidence, on two sides.

    Returns:
        A difference of shares; infinite where seeds differ and there is one of one task.
    """
    freedom = 2 * tasks * (seeds - 1)
    if spread and not freedom:
        return math.inf
    of_one = (spread**2 + share * (1 - share) / episodes) / (seeds * tasks)
    error = math.sqrt(2 * (1 - correlation) * of_one)
    sides = (1 + level) / 2, power
    return error * sum(t_quantile(p, freedom) if spread else normal_quantile(p) for p in sides)
