"""Frames a second of what the worlds draw, at 64 and 128 pixels, on EGL and on OSMesa.

python benchmarks/frames.py [TASK ...]: a Markdown table. Frames per CPU-second of one renderer, and
per second of wall time with one renderer a thread (`PixelWorlds`), of states in mid-episode.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any

TASKS = ("push-3blocks", "pick-3cubes", "hockey-strike", "kitchen-gripper-goal")
RENDERERS = ("egl", "osmesa")
SECONDS = 1.0


def measure(task: str, size: int) -> tuple[float, float, float]:
    """Frames per CPU-second, and per second with one thread and with two."""
    from entitybench.envs.core.api import make_worlds
    from entitybench.envs.core.pixels import PixelWorlds

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
    return rates[0], rates[1], rates[2]


def main() -> None:
    """A process for each renderer: MuJoCo binds to one."""
    if "--here" in sys.argv:
        for task in sys.argv[2:]:
            for size in (64, 128):
                cpu, one, two = measure(task, size)
                print(
                    f"| {task} | {size} | {os.environ['MUJOCO_GL']} | {cpu:,.0f} | {one:,.0f} "
                    f"| {two:,.0f} |",
                    flush=True,
                )
        return
    print("| task | pixels | renderer | frames a CPU-second | a second | a second, two threads |")
    print("|---|---:|---|---:|---:|---:|", flush=True)
    for renderer in RENDERERS:
        environment = {**os.environ, "MUJOCO_GL": renderer}
        command = [sys.executable, "-P", __file__, "--here", *(sys.argv[1:] or TASKS)]
        done = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            print(f"| | | {renderer} | not measured: {done.stderr.strip().splitlines()[-1]} | | |")


if __name__ == "__main__":
    main()
