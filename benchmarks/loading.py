"""Opening, sampling, memory and frames beside Minari and OGBench, on the same data, in one run.

    git clone https://github.com/seohongpark/ogbench /tmp/ogbench
    python3.11 -m venv /tmp/ogb
    /tmp/ogb/bin/pip install "jax[cpu]==0.10.2" flax==0.12.8 numpy==2.4.6
    bench generate push-1block/play-v1 --episodes 130 --pixels 64 --out /tmp/film
    python benchmarks/loading.py --ogbench /tmp/ogbench --python /tmp/ogb/bin/python \
        --frames /tmp/film --out leaderboard/reference/loading.json

The data: 1 M transitions, 5000 episodes of 200 steps, 60 float32 observed and 2 acted, random
numbers. The three take turns over several rounds, in fresh processes where they open; medians
count. What is timed:

open     from the import to the first 256 transitions that are in memory. Minari: `load_dataset`,
         `iterate_episodes`, and joining them to arrays, since it has no other way to transitions.
read     the same, and every column is in memory.
sample   batches with value goals, rewards for them and policy goals, per second of processor time:
         from `store.in_memory()`, as OGBench has its data, and from mapped files.
memory   growth of a process that has touched every row of observations and actions.
frames   random frames of 64 pixels from the decoded cache, in batches of 256.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

EPISODES, STEPS, TASK, NAME = 5000, 200, "push-2blocks", "loading/noise-v0"
ROWS = EPISODES * (STEPS + 1)
BATCHES = (256, 1024)
TOUCHES = 20_000  # batches of 1024, in which a row is missed with a chance of one in a billion
OURS = {
    "value": {"next": 0.2, "geometric": 0.5, "random": 0.3, "mean_steps": 100},
    "policy": {"uniform": 1.0},
}
OGBENCH = {  # the same shares, with their current state in place of the next
    "discount": 0.99,
    "value_p_curgoal": 0.2,
    "value_p_trajgoal": 0.5,
    "value_p_randomgoal": 0.3,
    "value_geom_sample": True,
    "actor_p_curgoal": 0.0,
    "actor_p_trajgoal": 1.0,
    "actor_p_randomgoal": 0.0,
    "actor_geom_sample": False,
}


def make(root: Path) -> None:
    """The same numbers as a store, a Minari dataset (HDF5) and an OGBench file."""
    from entitybench.datasets.minari.export import export
    from entitybench.datasets.store.schema import Column, episode_row
    from entitybench.datasets.store.store import EpisodeStore
    from entitybench.datasets.store.writer import StoreWriter, new_store

    rng = np.random.default_rng(0)
    terminals = np.arange(ROWS) % (STEPS + 1) == STEPS
    arrays = {
        "observations": rng.random((ROWS, 3, 20), np.float32),
        "actions": rng.random((ROWS, 2), np.float32) * ~terminals[:, None],
        "rewards": np.zeros(ROWS, np.float32),
        "terminals": terminals,
        "masks": ~terminals,
    }
    with new_store(root / "store") as folder:
        writer = StoreWriter(
            folder, [STEPS] * EPISODES, {n: Column.of(a) for n, a in arrays.items()}
        )
        writer.append(arrays)
        rows = [episode_row(i, "train", STEPS, seed=i) for i in range(EPISODES)]
        about = {"dataset": "benchmark", "task": None, "task_version": None, "seed": 0}
        writer.finish(rows, {**about, "reference_scores": None, "custom": True})
    export(EpisodeStore.open(root / "store"), NAME)
    np.savez(
        root / "ogbench.npz",
        observations=arrays["observations"].reshape(ROWS, -1),
        actions=arrays["actions"],
        terminals=terminals.astype(np.float32),
    )


def open_ours(folder: str, whole: bool) -> float:
    """Seconds to the first batch, and with `whole` to all columns."""
    from entitybench.datasets.api import load_dataset
    from entitybench.datasets.sampling import transitions  # noqa: F401 - imports are not timed
    from entitybench.registry import datasets, tasks

    datasets(), tasks()
    start = time.perf_counter()
    store = load_dataset(folder)
    store.transition_sampler().sample(256, np.random.default_rng(0))
    if whole:
        kept = [np.array(column) for column in store.columns.values()]
        assert len(kept[0]) == ROWS
    return time.perf_counter() - start


def open_minari() -> float:
    """Seconds to flat arrays and a first batch."""
    import h5py  # noqa: F401
    import minari

    start = time.perf_counter()
    parts = [
        (e.observations, e.actions, e.rewards, e.terminations, e.truncations)
        for e in minari.load_dataset(NAME).iterate_episodes()
    ]
    arrays = [np.concatenate(leaves) for leaves in zip(*parts, strict=True)]
    rows = np.random.default_rng(0).integers(EPISODES * STEPS, size=256)
    assert len(arrays[1][rows]) == 256
    return time.perf_counter() - start


def our_sampler(folder: str, in_memory: bool) -> Any:
    """What draws a goal-relabelled batch of a given size from the store."""
    import entitybench as eb
    from entitybench.datasets.sampling.goals import GoalMix
    from entitybench.envs.api import goal_world_of

    world, rng = goal_world_of(TASK), np.random.default_rng(0)
    mixes: Any = {name: GoalMix(**mix) for name, mix in OURS.items()}

    def begin() -> Any:
        store = eb.load_dataset(folder)
        sampler = (store.in_memory() if in_memory else store).goal_sampler(world)
        return lambda batch: sampler.sample(batch, rng, **mixes)

    return begin


def worker(what: str, folder: str) -> None:
    """A process of this benchmark: measures one thing, or serves batches."""
    if what in ("open", "read"):
        print(json.dumps(open_ours(folder, what == "read")))
    elif what == "minari":
        print(json.dumps(open_minari()))
    else:
        from ogbench_loading import resident, serve

        begin = our_sampler(folder, what == "serve")
        before = resident()
        draw = begin()
        for _ in range(TOUCHES if what == "memory" else 1):
            draw(1024)
        print(json.dumps([0.0, resident() - before]), flush=True)
        serve(draw)


class Server:
    """A process that draws batches on demand."""

    def __init__(self, command: list[str]) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        self.opened, self.growth = self._read()

    def _read(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"a sampler did not start (exit code {self.process.wait()}).")
        return json.loads(line)

    def cpu_seconds(self, batch: int, count: int) -> float:
        assert self.process.stdin is not None
        print(batch, count, file=self.process.stdin, flush=True)
        return float(self._read()[1])

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def ours(what: str, root: Path) -> list[str]:
    """The command of a process of ours."""
    return [sys.executable, __file__, "--worker", what, str(root / "store")]


def peer(args: argparse.Namespace, root: Path, touch: int = 0) -> list[str]:
    """The command of OGBench's process."""
    size = {"checkout": str(args.ogbench), "file": str(root / "ogbench.npz"), "config": OGBENCH}
    script = Path(__file__).with_name("ogbench_loading.py")
    return [str(args.python), str(script), json.dumps({**size, "touch": touch})]


def forget(root: Path) -> None:
    """Ask the system to drop the files from its cache."""
    for path in root.rglob("*"):
        if path.is_file():
            handle = os.open(path, os.O_RDONLY)
            os.fsync(handle)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)


def remember(root: Path) -> None:
    """Have all files in the system's cache."""
    for path in root.rglob("*"):
        if path.is_file():
            path.read_bytes()


def opening(args: argparse.Namespace, root: Path) -> dict[str, Any]:
    """Median seconds by what was opened and whether the files were in the system's cache."""
    found: dict[str, dict[str, list[float]]] = {"cold": {}, "warm": {}}
    for _ in range(args.rounds):
        for state, seconds in found.items():
            for what in ("open", "read", "minari", "ogbench"):
                forget(root) if state == "cold" else remember(root)
                if what == "ogbench":
                    server = Server(peer(args, root))
                    server.close()
                    taken = server.opened
                else:
                    taken = json.loads(subprocess.check_output(ours(what, root), text=True))
                seconds.setdefault(what, []).append(taken)
    return {
        state: {what: statistics.median(all) for what, all in seconds.items()}
        for state, seconds in found.items()
    }


def sampling(args: argparse.Namespace, root: Path) -> list[dict[str, Any]]:
    """Median transitions per second of processor time, ours and OGBench's, taking turns."""
    servers = {
        "ours": Server(ours("serve", root)),
        "mapped": Server(ours("serve-mapped", root)),
        "ogbench": Server(peer(args, root)),
    }
    rows = []
    for batch in BATCHES:
        count = 200_000 // batch
        rates: dict[str, list[float]] = {name: [] for name in servers}
        for turn in range(4 * args.rounds + 1):
            for name, server in servers.items():
                rate = batch * count / server.cpu_seconds(batch, count)
                if turn:  # the first turn warms the caches
                    rates[name].append(rate)
        rows.append({"batch": batch, **{name: statistics.median(r) for name, r in rates.items()}})
    for server in servers.values():
        server.close()
    return rows


def memory(args: argparse.Namespace, root: Path) -> dict[str, float]:
    """Bytes by which a process that touches all grows, and the bytes of the columns touched."""
    found = {"columns": float(ROWS * (60 + 2) * 4)}
    for name, command in (("ours", ours("memory", root)), ("ogbench", peer(args, root, TOUCHES))):
        server = Server(command)
        found[name] = server.growth
        server.close()
    return found


def frames(folder: Path, rounds: int) -> dict[str, Any]:
    """Seconds to decode all frames, and random frames a second after that."""
    import entitybench as eb

    store = eb.load_dataset(folder)
    start = time.perf_counter()
    film = store.frames()
    decoded, rng, rates = time.perf_counter() - start, np.random.default_rng(0), []
    for _ in range(4 * rounds):
        start = time.perf_counter()
        for _ in range(80):
            film.take(rng.integers(len(film), size=256), axis=0)
        rates.append(80 * 256 / (time.perf_counter() - start))
    shown = {"count": len(film), "shape": list(film.shape[1:]), "dataset": store.id}
    return {**shown, "decode_seconds": decoded, "per_second": statistics.median(rates)}


def main() -> None:
    """Measure everything; print JSON, and write it where asked."""
    if sys.argv[1:2] == ["--worker"]:
        worker(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--ogbench", type=Path, required=True, help="checkout of seohongpark/ogbench"
    )
    parser.add_argument("--python", type=Path, required=True, help="interpreter with jax and flax")
    parser.add_argument("--frames", type=Path, required=True, help="a store with frames")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="a JSON file")
    args = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):  # all on one core
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        os.environ |= {
            "ENTITYBENCH_DATA": str(root / "data"),
            "MINARI_DATASETS_PATH": str(root / "minari"),
            "JAX_PLATFORMS": "cpu",
        }
        make(root)
        result = {
            "transitions": EPISODES * STEPS,
            "rounds": args.rounds,
            "open": opening(args, root),
            "sample": sampling(args, root),
            "memory": memory(args, root),
            "frames": frames(args.frames, args.rounds),
            "load_average": round(os.getloadavg()[0], 1),
        }
    text = json.dumps(result, indent=1) + "\n"
    print(text, end="")
    if args.out is not None:
        args.out.write_text(text)


if __name__ == "__main__":
    main()
