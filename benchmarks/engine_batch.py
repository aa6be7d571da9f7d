"""The engine's own batch beside a plain loop: how much faster than a loop of `mj_step` can one be?

python benchmarks/engine_batch.py [TASK ...] [--python PYTHON]: `mujoco.batch`, which MuJoCo has
since 3.17, and a Python loop over 64 `MjData` step the same scenes under the same random controls,
in turns, on one core, with sleep and without; their last states must have the same bits. Models are
written as XML by the MuJoCo that is pinned here and timed by PYTHON's; without one a temporary
environment gets mujoco 3.17.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from statistics import median
from typing import Any

TASKS = ("push-3blocks", "push-10blocks", "pick-3cubes", "pick-10cubes")
ENGINE = "mujoco==3.17.0"
BATCH, STEPS, ROUNDS = 64, 60, 7


def write(task: str, sleep: bool, folder: Path) -> None:
    """A task's scene, starts and controls, for `measure`."""
    import numpy as np

    from entitybench.envs.api import make_worlds

    worlds = make_worlds(task, BATCH, sleep=sleep)
    worlds.reset(range(BATCH))
    world, datas = worlds.world, worlds.physics.datas  # type: ignore[attr-defined]
    low, high = world.model.actuator_ctrlrange.T
    rng = np.random.default_rng(0)
    controls = rng.uniform(low, high, (STEPS, BATCH, world.model.nu))
    spec = world.spec()
    spec.compile()
    (folder / "scene.xml").write_text(spec.to_xml(), encoding="utf-8")
    starts = {name: [getattr(data, name) for data in datas] for name in ("qpos", "qvel")}
    np.savez(folder / "starts.npz", controls=controls, substeps=world.substeps, **starts)


def measure(folder: Path) -> dict[str, Any]:
    """CPU-seconds of a loop and of the engine's batch, medians over rounds in turns."""
    import mujoco
    import numpy as np
    from mujoco.batch import Batch

    model = mujoco.MjModel.from_xml_path(str(folder / "scene.xml"))
    with np.load(folder / "starts.npz") as given:
        starts = {name: given[name] for name in ("qpos", "qvel")}
        controls, substeps = given["controls"], int(given["substeps"])
    datas = [mujoco.MjData(model) for _ in range(BATCH)]
    batch = Batch(model, nsim=BATCH, nthread=1, persistent=True)

    def loop() -> Any:
        for row, data in enumerate(datas):
            mujoco.mj_resetData(model, data)
            data.qpos[:], data.qvel[:] = starts["qpos"][row], starts["qvel"][row]
        begin = time.process_time()
        for each in controls:
            for data, control in zip(datas, each, strict=True):
                data.ctrl[:] = control
                mujoco.mj_step(model, data, substeps)
        return time.process_time() - begin, np.array([data.qpos for data in datas])

    def engine() -> Any:
        batch.reset(stage=mujoco.mjtStage.mjSTAGE_NONE.value)
        for name, values in starts.items():
            batch.bind(name)[:] = values
        ctrl = batch.bind("ctrl")
        begin = time.process_time()
        for each in controls:
            ctrl[:] = each
            batch.step(nstep=substeps)
        return time.process_time() - begin, batch.bind("qpos").copy()

    rounds = [(loop(), engine()) for _ in range(ROUNDS)]
    seconds = [median(pair[k][0] for pair in rounds) for k in range(2)]
    equal = all(np.array_equal(one, other) for (_, one), (_, other) in rounds)
    return {"mujoco": mujoco.__version__, "loop": seconds[0], "batch": seconds[1], "equal": equal}


def main() -> None:
    """Measure each task, or, inside the other Python, the one of a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", default=TASKS)
    parser.add_argument("--python", help=f"one that has {ENGINE} or newer")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.folder:
        print(json.dumps(measure(asked.folder)))
        return
    with tempfile.TemporaryDirectory() as name:
        python = asked.python
        if python is None:
            venv.create(Path(name, "engine"), with_pip=True)
            python = str(Path(name, "engine", "bin", "python"))
            subprocess.run([python, "-m", "pip", "install", "-q", ENGINE], check=True)
        for task in asked.tasks:
            for sleep in (False, True):
                write(task, sleep, Path(name))
                command = [python, "-P", __file__, "--folder", name]
                found = json.loads(subprocess.run(command, check=True, stdout=-1).stdout)
                print(
                    f"{task}{' (sleep)' if sleep else ''}: mujoco.batch of {found['mujoco']} has "
                    f"{found['loop'] / found['batch']:.0%} of the speed of a loop of mj_step "
                    f"({BATCH * STEPS / found['loop']:,.0f} control steps a CPU-second), "
                    f"{'the same' if found['equal'] else 'OTHER'} bits",
                    flush=True,
                )


if __name__ == "__main__":
    sys.exit(main())
