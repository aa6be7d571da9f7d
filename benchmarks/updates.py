"""Updates a second of our gciql beside OGBench's own GCIQL (JAX), at equal sizes in one run.

Both are pinned to one core and take turns in short blocks; the best block of each counts. On a busy
machine look at the CPU seconds: the clock on the wall measures the neighbours too. Sizes are equal:
batch, hidden layers, inputs of the networks (22 numbers of state and goal, 2 of action), V, twin Q,
π, targets, Adam. The peer is optional:

    git clone https://github.com/seohongpark/ogbench /tmp/ogbench
    python3.11 -m venv /tmp/ogb
    /tmp/ogb/bin/pip install "jax[cpu]==0.10.2" flax==0.12.8 distrax==0.1.9 optax==0.2.8 \
        ml_collections==1.1.0 numpy==2.4.6
    python benchmarks/updates.py --ogbench /tmp/ogbench --python /tmp/ogb/bin/python

What still differs: OGBench's policy objective looks at both critics and ours at the first one, its
goals are as large as its states, and it logs more; ours clips gradients by their norm.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peer import Peer

from entitybench.agents.baselines.goal.gciql import GCIQL
from entitybench.registry import agent, tasks

SIZES = (  # batch, hidden layers: our preset small, and OGBench's default
    (128, (256, 256, 256)),
    (1024, (512, 512, 512)),
)
EPISODES, LENGTH = 1000, 150
TASK = tasks()["push-3blocks"]


class RandomStore:
    """Noise in the shape of the push-3blocks data."""

    id, content_hash = "noise", "none"

    def __init__(self, entities: int, features: int) -> None:
        rng, rows = np.random.default_rng(0), EPISODES * (LENGTH + 1)
        self.observations = rng.standard_normal((rows, entities, features), dtype=np.float32)
        self.actions = rng.uniform(-1, 1, (rows, 2)).astype(np.float32)
        self.offsets = np.arange(EPISODES + 1) * (LENGTH + 1)
        self.lengths = np.full(EPISODES, LENGTH)


class Ours:
    """Our agent, compiled, as `bench train` runs it."""

    def __init__(self, batch: int, hidden: tuple[int, ...], precision: Any, store: Any) -> None:
        config = dataclasses.replace(
            GCIQL.configure(agent("gciql"), "small", TASK),
            batch_size=batch,
            hidden=hidden[0],
            blocks=len(hidden),
            actor_layer_norm=False,
            precision=precision,
        )
        self.agent, self.store = GCIQL.create(config, TASK, seed=0, data=store), store
        self.drawn = [self.agent.batch(store) for _ in range(8)]
        for one in self.drawn:
            self.agent.update(one)

    def seconds(self, updates: int, sampled: bool) -> tuple[float, float]:
        start, cpu = time.perf_counter(), time.process_time()
        for k in range(updates):
            one = self.agent.batch(self.store) if sampled else self.drawn[k % len(self.drawn)]
            self.agent.update(one)
        return time.perf_counter() - start, time.process_time() - cpu


class OGBench(Peer):
    """OGBench's agent."""

    def __init__(self, python: Path, size: dict[str, Any]) -> None:
        flags = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        environ = {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
        super().__init__("OGBench's GCIQL", python, "ogbench_gciql.py", size, **environ)

    def seconds(self, updates: int, sampled: bool) -> tuple[float, float]:
        return self.ask(updates, int(sampled))


def measure(
    batch: int, hidden: tuple[int, ...], args: argparse.Namespace, store: RandomStore
) -> list[dict[str, Any]]:
    """Rows of one size: updates a second of every arm, with the batch drawn in advance and not."""
    arms: dict[str, Any] = {
        f"ours, {precision}": Ours(batch, hidden, precision, store)
        for precision in ("float32", "bfloat16")
    }
    if args.ogbench is not None:
        size = {"checkout": str(args.ogbench), "batch": batch, "hidden": hidden, "actions": 2}
        size |= {"inputs": 22, "episodes": EPISODES, "length": LENGTH}
        arms["OGBench, float32"] = OGBench(args.python, size)
    times: dict[tuple[str, bool], list[tuple[float, float]]] = {}
    for _ in range(args.repeats):
        for name, arm in arms.items():
            for sampled in (False, True):
                times.setdefault((name, sampled), []).append(arm.seconds(args.updates, sampled))
    for arm in arms.values():
        if isinstance(arm, Peer):
            arm.close()
    return [
        {
            "batch": batch,
            "hidden": list(hidden),
            "arm": name,
            "draws_its_batch": sampled,
            "updates_per_s": args.updates / min(wall for wall, _ in found),
            "updates_per_cpu_s": args.updates / min(cpu for _, cpu in found),
            "updates_per_cpu_s_median": args.updates / statistics.median(cpu for _, cpu in found),
        }
        for (name, sampled), found in times.items()
    ]


def main() -> None:
    """Measure and print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ogbench", type=Path, help="checkout of seohongpark/ogbench")
    parser.add_argument("--python", type=Path, help="interpreter that has jax and flax")
    parser.add_argument("--updates", type=int, default=50, help="in a block")
    parser.add_argument("--repeats", type=int, default=10, help="blocks of each arm")
    parser.add_argument("--core", type=int, help="default: the last one")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if args.ogbench is not None and not (args.ogbench / "impls/agents/gciql.py").is_file():
        parser.error(f"{args.ogbench} holds no impls/agents/gciql.py: give a checkout of OGBench.")
    if (args.ogbench is None) != (args.python is None):
        parser.error("--ogbench and --python belong together.")
    if args.ogbench is None:
        print("OGBench is skipped: no --ogbench CHECKOUT --python INTERPRETER.", file=sys.stderr)
    if hasattr(os, "sched_setaffinity"):
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {allowed[-1] if args.core is None else args.core})
    torch.set_num_threads(1)
    layout = GCIQL(GCIQL.configure(agent("gciql"), "tiny", TASK), TASK, seed=0).layout
    store = RandomStore(layout.entities, layout.features)
    rows = [row for size in SIZES for row in measure(*size, args, store)]
    if args.json:
        print(json.dumps(rows, indent=1))
        return
    print("batch  hidden  arm                batch drawn  updates/s  a CPU second  median")
    for row in rows:
        hidden = f"{row['hidden'][0]}x{len(row['hidden'])}"
        drawn = "each time" if row["draws_its_batch"] else "in advance"
        print(
            f"{row['batch']:>5} {hidden:>7}  {row['arm']:<18} {drawn:<11} "
            f"{row['updates_per_s']:>10.1f} {row['updates_per_cpu_s']:>13.1f} "
            f"{row['updates_per_cpu_s_median']:>7.1f}"
        )


if __name__ == "__main__":
    main()
