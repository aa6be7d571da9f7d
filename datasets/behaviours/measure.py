"""What a behaviour scores on the public starts, and how much noise makes an oracle `medium`.

    python -m entitybench.datasets.behaviours.measure team-spread

finds the share of uniform actions (with `--by sigma`: the deviation of noise) at which the oracle's
return lies half-way between that of random actions and its own. What it prints is written down in
`datasets/catalogue/levels.py`.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.datasets.behaviours.basic import Noisy, Random
from entitybench.datasets.catalogue.levels import Level
from entitybench.envs.api import make_worlds, task_of
from entitybench.envs.core.play import play
from entitybench.seeding import BatchGenerator, generator

if TYPE_CHECKING:
    from entitybench.types import Policy, TaskSpec

EPISODES = 48  # public starts that a level is found on
MEDIUM = (45.0, 55.0)  # percent of the way from random to oracle


def measure(
    task: TaskSpec | str, policy: Policy[Any], episodes: int = 100, horizon: int | None = None
) -> dict[str, float]:
    """Means over the public starts 0, 1, ...

    Returns:
        "return" (of a team: the mean over its agents), "success" at the end, and "length".
    """
    spec = task_of(task)
    steps = horizon or spec.horizon
    worlds = make_worlds(spec, episodes, horizon=steps)
    rng = BatchGenerator([generator(seed, "behaviour") for seed in range(episodes)])
    obs = worlds.reset(range(episodes))
    returns, lengths = np.zeros(episodes), np.zeros(episodes)
    success = np.zeros(episodes)
    on = np.ones(episodes, bool)
    for step in play(worlds, policy, obs, rng, steps):
        info = step.info
        reward = info["reward"] if info["reward"].ndim == 1 else info["reward"].mean(axis=1)
        returns += on * reward
        lengths += on
        success = np.where(on, info["is_success"], success)
        on &= ~info.get("terminated", np.zeros(episodes, bool))
        if not on.any():
            break
    worlds.close()
    return {
        "return": round(float(returns.mean()), 3),
        "success": round(float(success.mean()), 3),
        "length": round(float(lengths.mean()), 2),
    }


def level_of(
    task: str,
    *,
    by: str = "uniform",
    episodes: int = EPISODES,
    tries: int = 10,
    noise: float = 0.05,
) -> Level:
    """The level of a task, found by halving an interval: of the noise of its medium policy.

    Args:
        by: "uniform", the share of uniform actions, or "sigma", the deviation of Gaussian noise.
        episodes: public starts that each policy is tried on.
        tries: noises that are tried, at most.
        noise: of the expert: the oracle with so much Gaussian noise.
    """
    worst = measure(task, Random(task), episodes)
    best = measure(task, Noisy(task), episodes)["return"]

    def percent(found: dict[str, float]) -> float:
        return 100 * (found["return"] - worst["return"]) / (best - worst["return"])

    low, high, most = 0.0, 1.0, 0.5
    for _ in range(tries):
        kwargs: dict[str, Any] = {by: most}
        medium = measure(task, Noisy(task, **kwargs), episodes)
        if MEDIUM[0] <= percent(medium) <= MEDIUM[1]:
            break
        low, high = (most, high) if percent(medium) > MEDIUM[1] else (low, most)
        most = round((low + high) / 2, 4)
    expert = measure(task, Noisy(task, sigma=noise), episodes)
    return Level(
        {by: most},
        noise,
        round(percent(medium)),
        round(percent(expert)),
        *(found["length"] for found in (worst, medium, expert)),
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="+")
    parser.add_argument("--by", choices=["uniform", "sigma"], default="uniform")
    parser.add_argument("--noise", type=float, default=0.05)
    parser.add_argument("--episodes", type=int, default=EPISODES)
    given = parser.parse_args()
    for name in given.tasks:
        found = level_of(name, by=given.by, episodes=given.episodes, noise=given.noise)
        print(f'    "{name}": {tuple(found)},', flush=True)  # noqa: T201
