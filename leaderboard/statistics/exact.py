"""Exact one-sided p-values, by whole numbers: the sign test and Fisher's test."""

from __future__ import annotations

import math


def sign_test(wins: int, losses: int) -> float:
    """P(X >= wins) of X ~ Binomial(wins + losses, 1/2); 1 where there is no trial.

    The sign test of Arbuthnott; ties are left out before.
    """
    trials = wins + losses
    return sum(math.comb(trials, k) for k in range(wins, trials + 1)) / 2**trials


def fisher(hits: int, runs: int, other_hits: int, other_runs: int) -> float:
    """P(X >= hits) where both groups share one chance of a hit and the sum of hits is as it is.

    X is hypergeometric (Fisher, Statistical Methods for Research Workers, 1934, §21.02): small
    where the first group has more hits than chance gives.
    """
    total = hits + other_hits
    ways = sum(
        math.comb(runs, k) * math.comb(other_runs, total - k)
        for k in range(hits, min(runs, total) + 1)
    )
    return ways / math.comb(runs + other_runs, total)
