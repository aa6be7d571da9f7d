"""What a control step costs beside its physics.

python benchmarks/single_view.py [TASK ...] [--beside FOLDER] [--out FILE]: per task, raw `mj_step`
on the controls of oracle episodes, and the Gymnasium or PettingZoo view of the same episodes, in
turns. `--beside` names the checkout of another build, whose physics and view are timed in turn with
these, so that what else the machine does disturbs all alike. Times are of the processor; of each
episode the shortest of its turns counts, since a processor whose other half is busy takes up to
twice as long. `--least` times the least that such a view can do. What
`--out leaderboard/reference/single.json` writes, `make results` turns into the table of
docs/speed.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

EPISODES = 8
TASKS = (
    *("hockey-1v1", "hockey-2v2", "team-pushbox", "tetris-1piece", "push-3blocks", "pick-3cubes"),
    *("hockey-strike", "hockey-goal", "hopper", "halfcheetah", "point-maze-u"),
)
KINDS = {"raw": "raw physics", "single": "single env"}
HERE = Path(__file__).resolve().parents[1]


def cases() -> dict[str, Any]:
    """What the build that is imported times."""
    import entitybench

    # Builds before 29 November 2026 have it elsewhere. What is installed may be yet another build,
    # so whether an import works does not tell.
    before = Path(entitybench.__path__[-1], "envs", "core", "speed_runs.py").is_file()
    runs = import_module("entitybench.envs." + ("core.speed_runs" if before else "speed.runs"))
    found: dict[str, Any] = runs.CASES
    return found


def work() -> None:
    """Answer lines [task, file of its actions] or [task, kind] with seconds a control step."""
    from entitybench.registry import tasks

    found: dict[tuple[str, str], Any] = {}
    for line in sys.stdin:
        task, asked = json.loads(line)
        if asked in KINDS:
            steps, seconds, _ = found[task, asked]()
            print(seconds / steps, flush=True)
        else:
            actions = np.load(asked)
            for kind, case in KINDS.items():
                found[task, kind] = cases()[case](tasks()[task], actions, False)
            print(0.0, flush=True)


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

    def ask(self, *words: str) -> float:
        """What a line is answered."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(words), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"a build ended while it was asked for {words}.")
        return float(answer)


def measure(task: str, builds: dict[str, Build], rounds: int) -> dict[str, Any]:
    """Control steps per CPU-second of each build: {"raw": ..., "single": ...}."""
    from entitybench.envs.api import task_of
    from entitybench.envs.speed.runs import busy_actions

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "actions.npy"
        np.save(file, busy_actions(task_of(task), EPISODES))
        for build in builds.values():
            build.ask(task, str(file))
    times: dict[tuple[str, str], list[float]] = {(b, k): [] for b in builds for k in KINDS}
    for turn in range(-1, rounds):  # the first warms up
        for kind in KINDS:
            for name, build in builds.items():
                took = build.ask(task, kind)
                if turn >= 0:
                    times[name, kind].append(took)
    return {
        "task": task,
        **{name: {kind: _rate(times[name, kind]) for kind in KINDS} for name in builds},
    }


def _rate(times: list[float]) -> int:
    """Control steps a second, of the shortest turn of each episode; they come one after another."""
    return round(1 / mean(min(times[first::EPISODES]) for first in range(EPISODES)))


def least(task: str = "push-3blocks", steps: int = 3000) -> str:
    """What the least step of the same physics takes, which only copies arrays into a dict."""
    import mujoco

    from entitybench.envs.api import make_worlds

    worlds = make_worlds(task, 1)
    worlds.reset([0])
    model, data, substeps = worlds.model, worlds.datas[0], worlds.world.substeps
    observed = np.zeros((3, worlds.world.entities, worlds.world.features), np.float32)
    action = np.zeros(worlds.world.action_dim, np.float32)

    def step(action: Any) -> tuple[Any, ...]:
        data.ctrl[:] = action
        mujoco.mj_step(model, data, substeps)
        one, two, three = observed.copy()
        info = {"is_success": False, "success_fraction": 0.0, "unstable": False}
        obs = {"observation": one, "achieved_goal": two, "desired_goal": three}
        return obs, -1.0, False, False, info

    def raw(action: Any) -> None:
        data.ctrl[:] = action
        mujoco.mj_step(model, data, substeps)

    found = []
    for work in (raw, step):
        times = []
        for _ in range(steps):
            begun = time.perf_counter_ns()
            work(action)
            times.append(time.perf_counter_ns() - begun)
        found.append(np.quantile(times, 0.05) / 1000)
    return (
        f"{task}, at rest: physics {found[0]:.1f} us, the least step {found[1] - found[0]:.1f} more"
    )


def named(checkout: Path) -> str:
    """What a build is called: its commit and the day of that, or its folder."""
    command = ["git", "-C", str(checkout), "log", "-1", "--format=%h of %cs"]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.strip() or checkout.resolve().name


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", default=TASKS)
    parser.add_argument("--beside", type=Path, help="the checkout of another build")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--out", type=Path, help="a JSON file")
    parser.add_argument("--least", action="store_true", help="the least that a view can do")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        return work()
    if asked.least:
        return print(least())
    if asked.rounds < EPISODES:
        parser.error(f"each of {EPISODES} episodes needs a turn: at least as many rounds.")
    from entitybench.envs.speed.single import markdown
    from entitybench.files import write_atomic

    load = round(os.getloadavg()[0], 1)
    builds = {"ours": Build(HERE)}
    if asked.beside is not None:
        builds["before"] = Build(asked.beside)
    rows = []
    for task in asked.tasks:
        print(task, file=sys.stderr, flush=True)
        rows.append(measure(task, builds, asked.rounds))
    found = {
        "date": time.strftime("%Y-%m-%d"),
        "rounds": asked.rounds,
        "episodes": EPISODES,
        "cores": os.cpu_count(),
        "load": load,
        "beside": None if asked.beside is None else named(asked.beside),
        "rows": rows,
    }
    print(markdown(found))
    if asked.out is not None:
        write_atomic(asked.out, json.dumps(found, indent=1) + "\n")
    return None


if __name__ == "__main__":
    main()
