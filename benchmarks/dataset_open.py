"""How long a store of 1 M transitions takes to open: `python benchmarks/dataset_open.py`.

Measured in fresh processes, from calling `load_dataset` to the first batch of 256 transitions. The
first opening after the data were copied hashes every file once; later ones read headers only.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from entitybench.datasets.store.schema import Column, episode_row
from entitybench.datasets.store.writer import StoreWriter, new_store

EPISODES, STEPS = 5000, 200
TASK = "push-3blocks"

OPEN = """
import json, sys, time
import numpy as np
from entitybench.datasets.store.api import load_dataset
from entitybench.datasets.sampling.goals import GoalMix, GoalSampler
from entitybench.envs.core.api import world_of
world = world_of(sys.argv[2])
start = time.perf_counter()
store = load_dataset(sys.argv[1])
opened = time.perf_counter()
rows = store.episodes
listed = time.perf_counter()
sampler = GoalSampler(store.split("train"), world)
sampler.sample(256, np.random.default_rng(0), value=GoalMix(uniform=1))
sampled = time.perf_counter()
print(json.dumps([opened - start, listed - opened, sampled - listed]))
"""


def make(folder: Path) -> None:
    """A store like that of push-3blocks, with random numbers in it."""
    rng = np.random.default_rng(0)
    rows = EPISODES * (STEPS + 1)
    terminals = np.arange(rows) % (STEPS + 1) == STEPS
    arrays = {
        "observations": rng.random((rows, 4, 20), np.float32),
        "actions": rng.random((rows, 2), np.float32),
        "terminals": terminals,
        "masks": ~terminals,
    }
    with new_store(folder) as temporary:
        columns = {name: Column.of(array) for name, array in arrays.items()}
        writer = StoreWriter(temporary, [STEPS] * EPISODES, columns)
        writer.append(arrays)
        episodes = [episode_row(i, "train", STEPS, seed=i) for i in range(EPISODES)]
        about = {"dataset": "benchmark", "task": TASK, "task_version": 1, "seed": 0}
        writer.finish(episodes, {**about, "custom": True})


def measure(folder: Path, data: Path) -> list[float]:
    """Seconds to open, to read the episode rows, and to the first batch, in a new process."""
    done = subprocess.run(
        [sys.executable, "-c", OPEN, str(folder), TASK],
        env={**os.environ, "ENTITYBENCH_DATA": str(data)},
        check=True,
        capture_output=True,
        text=True,
    )
    seconds: list[float] = json.loads(done.stdout)
    return seconds


def main() -> None:
    """Make the store and print a table."""
    with tempfile.TemporaryDirectory() as root:
        data = Path(root) / "data"
        os.environ["ENTITYBENCH_DATA"] = str(data)
        folder = Path(root) / "store"
        make(folder)
        size = sum(p.stat().st_size for p in folder.iterdir()) / 1e6
        print(f"{EPISODES * STEPS:,} transitions, {EPISODES} episodes, {size:.0f} MB")
        print(f"{'':34}{'open':>9}{'+ rows':>9}{'+ batch':>9}   seconds")
        shutil.rmtree(data)
        for what in ("first opening, hashes every file", *["opening again"] * 5):
            print(f"{what:34}" + "".join(f"{s:9.4f}" for s in measure(folder, data)))


if __name__ == "__main__":
    main()
