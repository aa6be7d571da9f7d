"""How long the aggregates of a suite take: `python benchmarks/aggregates.py`.

The stratified bootstrap of 10 runs × 20 tasks, all four aggregates of each of 10 000 replicates;
shown is the least wall time of some runs, since everything else that a machine does only adds.
"""

from __future__ import annotations

import time

import numpy as np

from entitybench.leaderboard.statistics import aggregate, bootstrap

RUNS, TASKS, TRIALS = 10, 20, 5


def seconds() -> float:
    """Of one bootstrap."""
    scores = np.random.default_rng(0).random((RUNS, TASKS))
    begin = time.perf_counter()
    bootstrap.stratified(aggregate.aggregates, scores)
    return time.perf_counter() - begin


if __name__ == "__main__":
    least = min(seconds() for _ in range(TRIALS))
    size = f"{bootstrap.REPLICATES} replicates of {RUNS} runs × {TASKS} tasks"
    print(f"{size}: {least:.2f} s, {', '.join(aggregate.AGGREGATES)}")
