"""Relabelled transitions a second on one core: `python benchmarks/goal_sampling.py`.

On push-3blocks/play-v1 where it is there, else on random numbers of its shape. A sample holds
observations, actions, next observations, goals, and rewards computed for them.
"""

from __future__ import annotations

import os
import time
from types import SimpleNamespace
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from entitybench.datasets.api import load_dataset
from entitybench.datasets.sampling.goals import GoalMix, GoalSampler
from entitybench.envs.api import world_of
from entitybench.errors import DataError
from entitybench.seeding import generator

DATASET = "push-3blocks/play-v1"
VALUE = GoalMix(next=0.2, geometric=0.6, random=0.2, mean_steps=25)
POLICY = GoalMix(uniform=1.0)
WANTED = {
    "value goals and rewards": {"value": VALUE},
    "+ policy goals": {"value": VALUE, "policy": POLICY},
    "+ subgoals": {"value": VALUE, "policy": POLICY, "subgoal_steps": 40},
}


def store() -> Any:
    """The dataset's training episodes, or something of its shape."""
    try:
        return load_dataset(DATASET).split("train")
    except DataError:
        print(f"{DATASET} is not there: random numbers instead")
    episodes, steps = 2000, 150
    rows = episodes * (steps + 1)
    return SimpleNamespace(
        id="random",
        observations=np.random.default_rng(0).random((rows, 4, 20), np.float32),
        actions=np.zeros((rows, 2), np.float32),
        offsets=np.arange(episodes + 1) * (steps + 1),
        lengths=np.full(episodes, steps),
    )


def rate(sampler: GoalSampler, batch: int, wanted: dict[str, Any]) -> tuple[float, float]:
    """Median and best of seven half-second runs, transitions a second of processor time."""
    rng = generator(0, "benchmark")
    rates = []
    for _ in range(7):
        count, start = 0, time.process_time()
        while time.process_time() - start < 0.5:
            for _ in range(20):
                sampler.sample(batch, rng, **wanted)
            count += 20 * batch
        rates.append(count / (time.process_time() - start))
    return float(np.median(rates)), max(rates)


def main() -> None:
    """Print a table."""
    sampler = GoalSampler(store(), world_of("push-3blocks"))
    print(f"{'million transitions a second':28}{'batch':>7}{'median':>9}{'best':>8}")
    for what, wanted in WANTED.items():
        for batch in (256, 1024):
            median, best = rate(sampler, batch, wanted)
            print(f"{what:28}{batch:7}{median / 1e6:9.2f}{best / 1e6:8.2f}")


if __name__ == "__main__":
    main()
