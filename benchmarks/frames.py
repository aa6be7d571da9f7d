"""Frames a second of what the worlds draw, at 64 and 128 pixels, on EGL and on OSMesa.

python benchmarks/frames.py [TASK ...] [--out leaderboard/reference/frames.json]: JSON, which `make
results` turns into the table of docs/speed.md. Frames per CPU-second of one renderer, and per
second of wall time of a batch of 16 (`PixelWorlds`), with one renderer a thread.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

TASKS = ("push-3blocks", "pick-3cubes", "hockey-strike", "kitchen-gripper-goal")
RENDERERS = ("egl", "osmesa")
SECONDS = 1.0


def measure(task: str, size: int) -> dict[str, Any]:
    """Frames per CPU-second, and per second with one thread and with two."""
    from entitybench.envs.api import make_worlds
    from entitybench.envs.drawing.pixels import PixelWorlds

    rates = []
    for threads in (1, 2):
        worlds = make_worlds(task, 16, threads, pixels=size)
        assert isinstance(worlds, PixelWorlds)
        worlds.reset(range(16))

        def draw(renderer: Any, row: int, worlds: PixelWorlds = worlds) -> Any:
            return renderer.row(worlds, row)

        worlds._each(draw)
        begin, cpu, frames = time.perf_counter(), time.process_time(), 0
        while time.perf_counter() - begin < SECONDS:
            worlds._each(draw)
            frames += 16
        if threads == 1:
            rates.append(frames / (time.process_time() - cpu))
        rates.append(frames / (time.perf_counter() - begin))
        worlds.close()
    names = ("cpu_second", "second", "second_two_threads")
    found = {name: round(rate) for name, rate in zip(names, rates, strict=True)}
    return {"task": task, "pixels": size, "renderer": os.environ["MUJOCO_GL"], **found}


def main() -> None:
    """A process for each renderer: MuJoCo binds to one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", default=TASKS)
    parser.add_argument("--out", type=Path, help="a JSON file")
    parser.add_argument("--here", action="store_true", help="with the renderer of MUJOCO_GL")
    asked = parser.parse_args()
    if asked.here:
        rows = [measure(task, size) for task in asked.tasks for size in (64, 128)]
        print(json.dumps(rows))
        return
    result: dict[str, Any] = {"rows": [], "missing": {}}
    for renderer in RENDERERS:
        environment = {**os.environ, "MUJOCO_GL": renderer}
        command = [sys.executable, "-P", __file__, "--here", *asked.tasks]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode:
            result["missing"][renderer] = done.stderr.strip().splitlines()[-1]
        else:
            result["rows"] += json.loads(done.stdout)
    text = json.dumps(result, indent=1) + "\n"
    print(text, end="")
    if asked.out is not None:
        asked.out.write_text(text)


if __name__ == "__main__":
    main()
