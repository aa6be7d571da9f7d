"""How fast the teams' PettingZoo views are, beside MaMuJoCo and mpe2, in one process by turns.

`python -P benchmarks/team_speed.py`; the peers come with the extra `[peers]` and mpe2. Rates are
per second of CPU time of this process, medians over the rounds. team-pushbox replays its oracle's
moves, so that the box is pushed all the time; the peers get random actions.
"""

from __future__ import annotations

import argparse
import time
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.core.api import make_worlds, oracle_of, task_of
from entitybench.envs.core.team import TeamEnv

if TYPE_CHECKING:
    from collections.abc import Callable

EPISODES = 8


def script(task: str) -> np.ndarray:
    """The oracle's actions (EPISODES, T, M, A) of the first public starts."""
    worlds, oracle = make_worlds(task, EPISODES), oracle_of(task)
    obs, state = worlds.reset(range(EPISODES)), oracle.initial_state(EPISODES)
    found = []
    for _ in range(worlds.horizon):
        action, state = oracle.act(obs, state, None)
        found.append(action.astype(np.float32))
        obs, _ = worlds.step(action)
    return np.swapaxes(np.array(found), 0, 1)


def ours(task: str, moving: int | None = None) -> Callable[[], tuple[int, float]]:
    """Episodes of the PettingZoo view; `moving`: only so many of their first steps."""
    env = TeamEnv(task)
    actions = [
        [dict(zip(env.possible_agents, joint, strict=True)) for joint in episode[:moving]]
        for episode in script(task)
    ]

    def run() -> tuple[int, float]:
        done, spent = 0, 0.0
        for seed, episode in enumerate(actions):
            env.reset(seed=seed)
            begin = time.process_time()
            for joint in episode:
                env.step(joint)
            spent += time.process_time() - begin
            done += len(episode)
        return done, spent

    return run


def batched(task: str, batch: int = 64) -> Callable[[], tuple[int, float]]:
    """The same moves in a batch."""
    horizon = task_of(task).horizon
    actions = np.resize(script(task), (batch, horizon, *make_worlds(task, 1).world.action_shape))
    worlds = make_worlds(task, batch)

    def run() -> tuple[int, float]:
        worlds.reset([row % EPISODES for row in range(batch)])
        begin = time.process_time()
        for step in range(horizon):
            worlds.step(actions[:, step])
        return batch * horizon, time.process_time() - begin

    return run


def peer(env: Any, steps: int = 600) -> Callable[[], tuple[int, float]]:
    """Random actions in a ParallelEnv of another suite; resets are not timed."""
    env.reset(seed=0)
    rng = np.random.default_rng(0)
    spaces = {name: env.action_space(name) for name in env.possible_agents}
    actions = [
        {name: rng.uniform(box.low, box.high).astype(box.dtype) for name, box in spaces.items()}
        for _ in range(steps)
    ]

    def run() -> tuple[int, float]:
        env.reset(seed=0)
        spent = 0.0
        for joint in actions:
            begin = time.process_time()
            env.step(joint)
            spent += time.process_time() - begin
            if not env.agents:
                env.reset()
        return steps, spent

    return run


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    from gymnasium_robotics import mamujoco_v1
    from mpe2 import simple_spread_v3

    rows: dict[str, tuple[float, Callable[[], tuple[int, float]]]] = {
        "team-pushbox, PettingZoo": (0.05, ours("team-pushbox", 90)),
        "team-pushbox, 64 worlds": (0.05, batched("team-pushbox")),
        "team-spread, PettingZoo": (0.1, ours("team-spread")),
        "team-spread, 64 worlds": (0.1, batched("team-spread")),
        "team-spread, 256 worlds": (0.1, batched("team-spread", 256)),
        "team-tag, PettingZoo": (0.1, ours("team-tag")),
        "team-tag, 256 worlds": (0.1, batched("team-tag", 256)),
        "MaMuJoCo Ant 2x4": (0.05, peer(mamujoco_v1.parallel_env("Ant", "2x4"))),
        "mpe2 simple_spread N=3": (
            0.1,
            peer(simple_spread_v3.parallel_env(N=3, continuous_actions=True)),
        ),
    }
    rates: dict[str, list[float]] = {name: [] for name in rows}
    for _ in range(rounds):
        for name, (_, run) in rows.items():
            done, spent = run()
            rates[name].append(done / spent)
    print(f"{'':28}{'steps/CPU-s':>12}{'[least, most]':>22}{'simulated s/CPU-s':>20}")
    for name, (dt, _) in rows.items():
        low, high = min(rates[name]), max(rates[name])
        rate = median(rates[name])
        print(f"{name:28}{rate:12.0f}{f'[{low:.0f}, {high:.0f}]':>22}{rate * dt:20.1f}")


if __name__ == "__main__":
    main()
