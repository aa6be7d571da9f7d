"""`bench verify` beside raw physics: `python benchmarks/verify.py [TASK ...]`.

Of each task a bundle of random actions is packed once. Then, in turns, the checker looks at it, and
the same actuator targets drive the same scenes from the same starts in a bare loop of `mj_step`:
one `MjData` an episode, as many threads, each taking the next whole episode. Both are in one
process, on the same cores; shown are medians over the rounds, and the median of their ratios.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import TYPE_CHECKING, Any

import mujoco
import numpy as np

from entitybench.envs.core.play import play
from entitybench.leaderboard.evaluation.evaluate import evaluate
from entitybench.leaderboard.evaluation.provenance import cores
from entitybench.leaderboard.submission.check import verify
from entitybench.leaderboard.submission.pack import pack
from entitybench.leaderboard.submission.wanted import Wanted
from entitybench.seeding import BatchGenerator

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from entitybench.types import Array, Obs

TASKS = ("push-3blocks",)
EPISODES, ROUNDS = 100, 5


class Noting:
    """Random actions, of which the actuator targets are noted."""

    def __init__(self, worlds: Any) -> None:
        self.worlds = worlds
        self.targets: list[Array] = []

    def initial_state(self, batch: int) -> np.random.Generator:
        return np.random.default_rng(batch)

    def act(self, obs: Obs, state: Any, rng: BatchGenerator) -> tuple[Array, Any]:
        del obs, rng
        world = self.worlds.world
        actions = state.uniform(-1, 1, (self.worlds.batch, *world.action_shape))
        self.targets.append(np.array(world.control(self.worlds.state, actions), np.float64))
        return actions, state


class Raw:
    """Episodes of a task as bare physics."""

    def __init__(self, task: str, episodes: int) -> None:
        from entitybench.envs.api import make_worlds, task_of

        spec = task_of(task)
        self.worlds: Any = make_worlds(spec, episodes, 1)
        policy = Noting(self.worlds)
        obs = self.worlds.reset(range(episodes))
        self.starts = [self.worlds.physics.save(row) for row in range(episodes)]
        for _ in play(self.worlds, policy, obs, BatchGenerator(()), spec.horizon):
            pass
        self.targets = np.stack(policy.targets, axis=1)  # (episodes, steps, nu)
        self.substeps = self.worlds.world.substeps

    def run(self, threads: int) -> None:
        """All episodes, from their starts."""
        for row, saved in enumerate(self.starts):
            self.worlds.physics.load(row, saved)
        todo = iter(range(len(self.starts)))
        with ThreadPoolExecutor(threads) as pool:
            for done in [pool.submit(self._some, todo) for _ in range(threads)]:
                done.result()

    def _some(self, todo: Iterator[int]) -> None:
        physics, step, substeps = self.worlds.physics, mujoco.mj_step, self.substeps
        for row in todo:
            model, data, ctrl = physics.models[row], physics.datas[row], physics.ctrls[row]
            for targets in self.targets[row]:
                ctrl[:] = targets
                step(model, data, substeps)


def timed(work: Any) -> tuple[float, float]:
    """Wall and processor seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def compare(task: str, episodes: int, threads: int, rounds: int) -> str:
    """One line."""
    bundle = pack(evaluate(_Uniform(task), task, episodes=episodes), threads=threads)
    raw, wanted = Raw(task, episodes), Wanted(threads=threads)
    report = verify(bundle, wanted)
    assert report.level == 2, report.findings
    rows: list[Sequence[float]] = []
    for _ in range(rounds):
        checked, bare = timed(lambda: verify(bundle, wanted)), timed(lambda: raw.run(threads))
        rows.append((episodes / checked[0], episodes / bare[0], bare[0] / checked[0]))
        rows[-1] = (*rows[-1], bare[1] / checked[1])
    speed, most, wall, cpu = (median(column) for column in zip(*rows, strict=True))
    return (
        f"{task}: {speed:.1f} episodes a second, raw physics {most:.1f}: {100 * wall:.0f} % "
        f"(of processor time {100 * cpu:.0f} %); {episodes} episodes, {threads} threads"
    )


def _Uniform(task: str) -> Any:
    from entitybench.leaderboard.evaluation.api import load_agent

    return load_agent("random", task=task)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", default=TASKS)
    parser.add_argument("--episodes", type=int, default=EPISODES)
    parser.add_argument("--threads", type=int, default=cores())
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    for name in given.tasks:
        print(compare(name, given.episodes, given.threads, given.rounds), flush=True)
