"""What a control step costs beside its physics.

python benchmarks/single_view.py [TASK ...] [--beside FOLDER] [--out FILE]: per task, raw `mj_step`
on the controls of oracle episodes, and the Gymnasium or PettingZoo view of the same episodes, in
turns. `--beside` names the checkout of another build, whose physics and view are timed in turn with
these, so that what else the machine does disturbs all alike. Each turn does the same again, and of
each step the shortest of its turns counts: what else the machine does takes turns with a step or
shares its core, and then it takes up to twice as long. `--least` times the least that such a view
can do. What `--out leaderboard/reference/single.json` writes, `make results` turns into the table
of docs/speed.md.
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
from typing import Any

import numpy as np

EPISODES = 8
TASKS = (
    *("hockey-1v1", "hockey-2v2", "team-pushbox", "tetris-1piece", "push-3blocks", "pick-3cubes"),
    *("hockey-strike", "hockey-goal", "hopper", "halfcheetah", "point-maze-u"),
)
KINDS = ("raw", "single")
HERE = Path(__file__).resolve().parents[1]
NANO = 1e-9


class Episodes:
    """One task of the build that is imported, and its episodes."""

    def __init__(self, task: str, actions: Any) -> None:
        """`actions`: (steps, episodes, *action_shape)."""
        import entitybench as eb

        self.env: Any = eb.make(task)
        self.data = self.env.worlds.datas[0]
        team = hasattr(self.env, "possible_agents")
        self.actions = [
            [self.env.actions_of(action) if team else action for action in actions[:, seed]]
            for seed in range(actions.shape[1])
        ]
        self.controls = [self._single(seed)[1] for seed in range(len(self.actions))]

    def _single(self, seed: int) -> tuple[list[int], list[Any]]:
        """Nanoseconds of each step of the view, and the controls that it gave the physics."""
        env, clock = self.env, time.perf_counter_ns
        env.reset(seed=seed)
        times, controls = [], []
        for action in self.actions[seed]:
            begun = clock()
            ends = env.step(action)[2:4]
            times.append(clock() - begun)
            controls.append(self.data.ctrl.copy())
            if any(any(end.values()) if isinstance(end, dict) else end for end in ends):
                break
        return times, controls

    def _raw(self, seed: int) -> list[int]:
        """Nanoseconds of each control step of the physics alone."""
        import mujoco

        self.env.reset(seed=seed)
        worlds, ctrl, clock = self.env.worlds, self.data.ctrl, time.perf_counter_ns
        model, data, step = worlds.physics.models[0], self.data, mujoco.mj_step
        substeps = round(worlds.world.control_dt / model.opt.timestep)
        times = []
        for control in self.controls[seed]:
            begun = clock()
            ctrl[:] = control
            step(model, data, substeps)
            times.append(clock() - begun)
        return times

    def times(self, kind: str, seed: int) -> list[int]:
        """Of one of `KINDS`."""
        return self._raw(seed) if kind == "raw" else self._single(seed)[0]


def work() -> None:
    """Answer lines [task, file of its actions], and [task, kind, episode] with a list of times."""
    found: dict[str, Episodes] = {}
    for line in sys.stdin:
        task, asked, *seed = json.loads(line)
        if seed:
            print(json.dumps(found[task].times(asked, *seed)), flush=True)
        else:
            found[task] = Episodes(task, np.load(asked))
            print("[]", flush=True)


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

    def ask(self, *words: Any) -> list[int]:
        """What a line is answered."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(words), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"a build ended while it was asked for {words}.")
        times: list[int] = json.loads(answer)
        return times


def measure(task: str, builds: dict[str, Build], turns: int) -> dict[str, Any]:
    """Control steps per second of each build: {"raw": ..., "single": ...}."""
    from entitybench.envs.api import task_of
    from entitybench.envs.speed.runs import busy_actions

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "actions.npy"
        np.save(file, busy_actions(task_of(task), EPISODES))
        for build in builds.values():
            build.ask(task, str(file))
    least: dict[tuple[str, str, int], Any] = {}
    for seed in range(EPISODES):
        for _ in range(turns):
            for kind in KINDS:
                for name, build in builds.items():
                    times = np.array(build.ask(task, kind, seed))
                    key = name, kind, seed
                    least[key] = np.minimum(times, least.get(key, times))
    return {
        "task": task,
        **{name: {kind: _rate(least, name, kind) for kind in KINDS} for name in builds},
    }


def _rate(least: dict[tuple[str, str, int], Any], build: str, kind: str) -> int:
    """Control steps a second, of all episodes."""
    times = np.concatenate([least[build, kind, seed] for seed in range(EPISODES)])
    return round(1 / (NANO * float(times.mean())))


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
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--out", type=Path, help="a JSON file")
    parser.add_argument("--least", action="store_true", help="the least that a view can do")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        return work()
    if asked.least:
        return print(least())
    if asked.turns < 1:
        parser.error("each episode needs a turn.")
    from entitybench.envs.speed.single import markdown
    from entitybench.files import write_atomic

    load = round(os.getloadavg()[0], 1)
    builds = {"ours": Build(HERE)}
    if asked.beside is not None:
        builds["before"] = Build(asked.beside)
    rows = []
    for task in asked.tasks:
        print(task, file=sys.stderr, flush=True)
        rows.append(measure(task, builds, asked.turns))
    found = {
        "date": time.strftime("%Y-%m-%d"),
        "turns": asked.turns,
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
