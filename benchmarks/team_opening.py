"""How long it takes to open a team's dataset of 1 M steps: `python benchmarks/team_opening.py`.

Random numbers in the shapes of team-pushbox: 6 entities of 11 features, 3 agents that see 19
numbers and do 2; 5000 episodes of 200 steps. Timed, in fresh processes and by turns, is from
`load_dataset` to the first 256 transitions as `macflow` draws them, and to all columns in memory;
with the files in the system's cache and without. Prints medians in seconds: by the clock, and of
processor time, which other work on the machine disturbs less.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from loading import EPISODES, ROWS, STEPS, forget, remember

ROUNDS = 5
SHAPES = {"observations": (3, 19), "entities": (6, 11), "actions": (3, 2), "rewards": (3,)}


def make(folder: Path) -> None:
    """The dataset."""
    from entitybench.datasets.store.schema import Column, episode_row
    from entitybench.datasets.store.writer import StoreWriter, new_store

    rng = np.random.default_rng(0)
    last = np.arange(ROWS) % (STEPS + 1) == STEPS
    arrays = {name: rng.random((ROWS, *shape), np.float32) for name, shape in SHAPES.items()}
    for name in ("actions", "rewards"):
        arrays[name][last] = 0
    arrays |= {"terminals": last, "masks": ~last}
    with new_store(folder) as place:
        columns = {name: Column.of(array) for name, array in arrays.items()}
        writer = StoreWriter(place, [STEPS] * EPISODES, columns)
        writer.append(arrays)
        rows = [episode_row(i, "train", STEPS, seed=i) for i in range(EPISODES)]
        about = {"dataset": "benchmark", "task": None, "task_version": None, "seed": 0}
        writer.finish(rows, {**about, "reference_scores": None, "custom": True})


def opened(folder: str, whole: bool) -> tuple[float, float]:
    """Seconds to the first batch, and with `whole` to all columns; of the clock, of a processor."""
    from entitybench.datasets.api import load_dataset
    from entitybench.datasets.sampling.transitions import TransitionSampler
    from entitybench.registry import datasets, tasks

    datasets(), tasks()
    start, spent = time.perf_counter(), time.process_time()
    store = load_dataset(folder)
    sampler = TransitionSampler(store, ("observations", "actions", "rewards", "masks"))
    sampler.sample(256, np.random.default_rng(0))
    if whole:
        kept = [np.array(column) for column in store.columns.values()]
        assert len(kept[0]) == ROWS
    return time.perf_counter() - start, time.process_time() - spent


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["--worker"]:
        print(json.dumps(opened(sys.argv[3], sys.argv[2] == "all")))
        return
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        make(root / "store")
        taken: dict[str, list[list[float]]] = {}
        for _ in range(ROUNDS):
            for state, prepare in (("cold", forget), ("warm", remember)):
                for what in ("first batch", "all"):
                    prepare(root)
                    command = [sys.executable, __file__, "--worker", what, str(root / "store")]
                    seconds = json.loads(subprocess.check_output(command, text=True))
                    taken.setdefault(f"{what}, {state}", []).append(seconds)
    found = {
        what: [round(statistics.median(kind), 3) for kind in zip(*each, strict=True)]
        for what, each in taken.items()
    }
    print(json.dumps({**found, "load_average": round(os.getloadavg()[0], 1)}, indent=1))


if __name__ == "__main__":
    main()
