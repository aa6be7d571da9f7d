"""What a control step costs beside its physics: `python benchmarks/single_view.py push-3blocks`.

Per task: raw `mj_step` on the controls of oracle episodes, the Gymnasium or PettingZoo view of the
same episodes, and a batch of them (one thread). `--beside FOLDER` names the checkout of another
build, whose view and batch are timed in turn with these, so that what else the machine does
disturbs all alike. Times are of the processor, medians over rounds; ratios are medians of ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

EPISODES = 8
KINDS = ("raw", "view", "batch")
HERE = Path(__file__).resolve().parents[1]


class Timed:
    """One task of the build that is imported, with actions (steps, episodes, *action_shape)."""

    def __init__(self, task: str, actions: Any) -> None:
        import entitybench

        self.actions = actions
        self.env: Any = entitybench.make(task)
        worlds = self.env.worlds
        batch = actions.shape[1]
        self.batch = type(worlds)(worlds.world, batch, horizon=worlds.horizon)
        self.data = worlds.datas[0]
        self.controls: list[list[Any]] = []
        for episode in range(batch):
            self.env.reset(seed=episode)
            kept = []
            for action in self._mine(episode):
                self.env.step(action)
                kept.append(self.data.ctrl.copy())
            self.controls.append(kept)

    def _mine(self, episode: int) -> list[Any]:
        mine = list(self.actions[:, episode])
        if hasattr(self.env, "actions_of"):
            mine = [self.env.actions_of(action) for action in mine]
        return mine

    def seconds(self, kind: str, episode: int) -> float:
        """Of a control step, on the processor. Resets are not timed."""
        import mujoco

        worlds, count = self.env.worlds, len(self.actions)
        if kind == "batch":
            self.batch.reset(range(self.batch.batch))
            begun = time.process_time()
            for action in self.actions:
                self.batch.step(action)
            return (time.process_time() - begun) / count / self.batch.batch
        self.env.reset(seed=episode)
        if kind == "view":
            mine, step = self._mine(episode), self.env.step
            begun = time.process_time()
            for action in mine:
                step(action)
            return (time.process_time() - begun) / count
        model, data, substeps = worlds.physics.models[0], self.data, worlds.world.substeps
        ctrl, step = data.ctrl, mujoco.mj_step
        begun = time.process_time()
        for control in self.controls[episode]:
            ctrl[:] = control
            step(model, data, substeps)
        return (time.process_time() - begun) / count


def work() -> None:
    """Answer lines [task, file of its actions] or [task, kind, episode] until they end."""
    found: dict[str, Timed] = {}
    for line in sys.stdin:
        task, *asked = json.loads(line)
        if len(asked) == 1:
            found[task] = Timed(task, np.load(asked[0]))
            answer = 0.0
        else:
            answer = found[task].seconds(*asked)
        print(json.dumps(answer), flush=True)


class Build:
    """A process that times one build."""

    def __init__(self, checkout: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-W", "ignore", __file__, "--work"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(checkout / "src"), "OMP_NUM_THREADS": "1"},
        )

    def ask(self, *words: Any) -> float:
        """What a line is answered."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(words), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"a build ended while it was asked for {words}.")
        return float(json.loads(answer))


def measure(task: str, builds: list[Build], rounds: int) -> list[dict[str, list[float]]]:
    """Microseconds of a control step by kind and round, of each build."""
    from entitybench.envs.api import task_of
    from entitybench.envs.speed.runs import busy_actions

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "actions.npy"
        np.save(file, busy_actions(task_of(task), EPISODES))
        for build in builds:
            build.ask(task, str(file))
    found: list[dict[str, list[float]]] = [{kind: [] for kind in KINDS} for _ in builds]
    for turn in range(-1, rounds):  # the first warms up
        for kind in KINDS:
            for build, times in zip(builds, found, strict=True):
                took = 1e6 * build.ask(task, kind, turn % EPISODES)
                if turn >= 0:
                    times[kind].append(took)
    return found


def line(task: str, found: list[dict[str, list[float]]]) -> str:
    """A row of the table: of this build, and beside the other."""

    def ratio(of: list[float], to: list[float]) -> float:
        return median(a / b for a, b in zip(of, to, strict=True))

    ours = found[0]
    raw, view, batch = (median(ours[kind]) for kind in KINDS)
    extra = median(v - r for v, r in zip(ours["view"], ours["raw"], strict=True))
    cells = [
        f"{task:24}{1e6 / raw:9,.0f}{1e6 / view:9,.0f}{ratio(ours['raw'], ours['view']):7.0%}",
        f"{extra:8.1f}{1e6 / batch:10,.0f}{ratio(ours['raw'], ours['batch']):7.0%}",
    ]
    for other in found[1:]:
        cells += [f"{1e6 / median(other['view']):10,.0f}{ratio(other['view'], ours['view']):7.2f}"]
        cells += [f"{ratio(other['batch'], ours['batch']):8.2f}"]
    return "".join(cells)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", default=["push-3blocks"])
    parser.add_argument("--beside", type=Path, help="the checkout of another build")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        return work()
    builds = [Build(path) for path in (HERE, asked.beside) if path is not None]
    head = f"{'control steps/s':24}{'raw':>9}{'view':>9}{'of raw':>7}{'over us':>8}"
    head += f"{'batch':>10}{'of raw':>7}"
    print(head + (f"{'other':>10}{'ratio':>7}{'batch x':>8}" if asked.beside else ""))
    for task in asked.tasks:
        print(line(task, measure(task, builds, asked.rounds)), flush=True)
    return None


if __name__ == "__main__":
    main()
