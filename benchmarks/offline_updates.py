"""Updates a second of our offline learners beside single files, and of seeds side by side.

All parts learn from the same dataset, hopper/medium-expert-v1, which is made if it is missing.

1. One training seed as the preset paper has it (2 x 256 units, batch 256), compiled and not, beside
   CORL's at these sizes, float32, all on one core and with every batch drawn anew; the arms take
   turns in short blocks, and the best block of each counts.
2. Five training seeds in one process, as `bench train --seeds 0 1 2 3 4` learns them, and in five
   processes of one seed at the same time, on the same cores. Sizes are those of the preset small.
3. O-DICE, SQL and ReBRAC beside loops written as CORL's single files are (`single_files.py`), at
   the sizes of the presets paper and small; arms take turns as in part 1.

On a busy machine look at the CPU seconds: the clock on the wall measures the neighbours too. The
peer is optional (its file asks for no more than torch and numpy, here those of this environment):

    git clone https://github.com/corl-team/CORL /tmp/corl
    python benchmarks/offline_updates.py --corl /tmp/corl

What still differs: CORL keeps three optimisers where ours is one, evaluates no metrics but the
losses, and divides no states by their deviation while it learns (its `train` does so before).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import multiprocessing
import os
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from peer import Peer
from single_files import TRAINERS, Plain

import entitybench as eb
from entitybench.agents.common.side_by_side import SideBySide
from entitybench.registry import agent, resolve_agent, tasks

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = "hopper/medium-expert-v1"
SEEDS = 5
Times = tuple[float, float]  # seconds on the wall and of the processors


def opened(dataset: str) -> Any:
    """The training episodes of the dataset."""
    return eb.load_dataset(dataset, generate=True).split("train")


def learner(method: str, data: Any, seed: int = 0, *, preset: str = "small", **changes: Any) -> Any:
    """An agent as `bench train` makes it."""
    target, task = resolve_agent(agent(method)), tasks()[data.task]
    config = target.configure(agent(method), preset, task)
    config = dataclasses.replace(config, **changes)
    return target.create(config, task, seed=seed, data=data, parts={}, device="cpu")


class Ours:
    """One or more seeds of an agent in this process."""

    def __init__(self, learners: list[Any], data: Any, warm: int = 20) -> None:
        self.data = data
        self.learner = learners[0] if len(learners) == 1 else SideBySide(learners)
        for _ in range(warm):
            self.learner.advance(data)

    def seconds(self, updates: int) -> Times:
        start, cpu = time.perf_counter(), time.process_time()
        for _ in range(updates):
            self.learner.advance(self.data)
        return time.perf_counter() - start, time.process_time() - cpu


class CORL(Peer):
    """CORL's trainer."""

    def __init__(self, method: str, checkout: Path, file: Path) -> None:
        size = {"method": method, "checkout": str(checkout), "data": str(file), "batch": 256}
        super().__init__("CORL's trainer", Path(sys.executable), "corl_offline.py", size)
        self.seconds(20)

    def seconds(self, updates: int) -> Times:
        return self.ask(updates)


def exported(data: Any) -> dict[str, Any]:
    """The dataset as CORL's buffer takes it, states standardised as its `train` does."""
    arrays = np.asarray(data.observations)
    ends = np.asarray(data.offsets[1:]) - 1  # rows that no action follows
    steps = np.setdiff1d(np.arange(len(arrays)), ends)
    flat = arrays.reshape(len(arrays), -1)
    flat = (flat - flat.mean(0)) / (flat.std(0) + 1e-3)
    sampled = {name: np.asarray(data.columns[name])[steps] for name in ("actions", "rewards")}
    masks = np.asarray(data.columns["masks"])[steps]
    return {
        "observations": flat[steps],
        "next_observations": flat[steps + 1],
        "terminals": 1.0 - masks,
        **sampled,
    }


def beside_corl(asked: argparse.Namespace, data: Any) -> list[dict[str, Any]]:
    """Rows of the first part."""
    rows = []
    with tempfile.TemporaryDirectory() as folder, core(asked.core):
        file = Path(folder) / "data.npz"
        np.savez(file, **exported(data))
        for method in ("iql", "td3bc"):
            arms: dict[str, Any] = {
                name: Ours([learner(method, data, preset="paper", compile=compiled)], data)
                for name, compiled in (("ours, compiled", True), ("ours", False))
            }
            arms["CORL"] = CORL(method, asked.corl, file)
            rows += in_turns(method, arms, asked)
            arms["CORL"].close()
    return rows


def in_turns(method: str, arms: dict[str, Any], asked: argparse.Namespace) -> list[dict[str, Any]]:
    """A row for each arm; blocks of one follow those of the others."""
    times: dict[str, list[Times]] = {name: [] for name in arms}
    for _ in range(asked.repeats):
        for name, arm in arms.items():
            times[name].append(arm.seconds(asked.updates))
    return [row(method, name, asked.updates, found) for name, found in times.items()]


def beside_single_files(asked: argparse.Namespace, data: Any) -> list[dict[str, Any]]:
    """Rows of the third part."""
    rows, arrays = [], exported(data)
    with core(asked.core):
        for method in asked.methods:
            for preset in ("paper", "small"):
                own = learner(method, data, preset=preset, compile=False)
                sizes = own.config.hidden, own.config.batch_size
                arms: dict[str, Any] = {f"ours, {preset}": Ours([own], data)}
                if method == "sql" and preset == "paper":
                    compiled = learner(method, data, preset=preset)
                    arms["ours, compiled"] = Ours([compiled], data)
                arms[f"single file, {preset}"] = Plain(method, arrays, *sizes)
                rows += in_turns(method, arms, asked)
    return rows


@contextmanager
def core(number: int | None) -> Iterator[None]:
    """Within, this process and those it starts have one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before) if number is None else number})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def row(method: str, arm: str, updates: int, times: list[Times]) -> dict[str, Any]:
    """One line: the best block."""
    wall, cpu = (min(column) for column in zip(*times, strict=True))
    return {
        "agent": method,
        "arm": arm,
        "updates_per_s": updates / wall,
        "updates_per_cpu_s": updates / cpu,
    }


def alone(method: str, seed: int, dataset: str, updates: int, gate: Any, out: Any) -> None:
    """A process of the second part: one seed; the clock begins when all are ready."""
    torch.set_num_threads(1)
    ours = Ours([learner(method, data := opened(dataset), seed)], data)
    gate.wait()
    out.put(ours.seconds(updates))


def side_by_side(asked: argparse.Namespace, data: Any) -> list[dict[str, Any]]:
    """Rows of the second part: updates of all seeds together."""
    rows, spawn = [], multiprocessing.get_context("spawn")
    for method in ("bc", "iql"):
        times: dict[str, list[Times]] = {"one process": [], "five processes": []}
        together = Ours([learner(method, data, seed) for seed in range(SEEDS)], data)
        for _ in range(asked.rounds):
            torch.set_num_threads(len(os.sched_getaffinity(0)))
            times["one process"].append(together.seconds(asked.updates))
            gate, out = spawn.Barrier(SEEDS), spawn.Queue()
            parts = [
                spawn.Process(
                    target=alone, args=(method, seed, asked.data, asked.updates, gate, out)
                )
                for seed in range(SEEDS)
            ]
            for part in parts:
                part.start()
            found = [out.get() for _ in parts]
            for part in parts:
                part.join()
            walls, cpus = zip(*found, strict=True)
            times["five processes"].append((max(walls), sum(cpus)))
        rows += [row(method, arm, SEEDS * asked.updates, each) for arm, each in times.items()]
    return rows


def main() -> None:
    """Measure and print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--corl", type=Path, help="checkout of corl-team/CORL")
    parser.add_argument("--data", default=DATA, help="id of a dataset with rewards")
    parser.add_argument("--updates", type=int, default=200, help="in a block")
    parser.add_argument("--repeats", type=int, default=10, help="blocks of each, parts 1 and 3")
    parser.add_argument("--rounds", type=int, default=3, help="of part 2; 0: none")
    parser.add_argument("--methods", nargs="*", default=list(TRAINERS), help="of part 3")
    parser.add_argument("--core", type=int, help="of parts 1 and 3; default: the last one")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if asked.corl and not (asked.corl / "algorithms/offline/iql.py").is_file():
        parser.error(f"{asked.corl} holds no algorithms/offline/iql.py: give a checkout of CORL.")
    torch.set_num_threads(1)
    data, rows = opened(asked.data), []
    if asked.corl:
        rows += beside_corl(asked, data)
    else:
        print("CORL is skipped: no --corl CHECKOUT.", file=sys.stderr)
    rows += side_by_side(asked, data) if asked.rounds else []
    rows += beside_single_files(asked, data)
    if asked.json:
        print(json.dumps(rows, indent=1))
        return
    print("agent  arm                  updates/s  a CPU second")
    for each in rows:
        print(
            f"{each['agent']:<6} {each['arm']:<19} {each['updates_per_s']:>10.1f}"
            f"{each['updates_per_cpu_s']:>14.1f}"
        )


if __name__ == "__main__":
    main()
