"""Makes the records of what does not learn: `python benchmarks/records.py [TASK ...]`.

Oracle, random, zero and constant: the ends of every table. The same as
`bench eval --agent oracle --task TASK --out …` from a clean revision, for every task in state and
every one of reasoning whose record is missing or of another task, world or version (--anew: for
all).
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from typing import TYPE_CHECKING

from entitybench.envs.api import world_of
from entitybench.leaderboard.evaluation import provenance
from entitybench.leaderboard.evaluation.api import evaluate
from entitybench.leaderboard.evaluation.weights import REFERENCE
from entitybench.leaderboard.tables.data import cell, shown
from entitybench.records import Record
from entitybench.registry import tasks

if TYPE_CHECKING:
    from entitybench.types import TaskSpec

AGENTS = ("oracle", "random", "zero", "constant")
EPISODES = 100


def current(task: TaskSpec, agent: str) -> bool:
    """Whether the stored record is of the task as it is."""
    path = REFERENCE / "records" / task.id / f"{agent}.json"
    if not path.is_file():
        return False
    record = Record.read(path)
    if len(record.rows) != EPISODES or record.revision is None or record.revision.dirty:
        return False
    hashes = record.hashes
    now = (provenance.task_hash(task), provenance.model_hash(world_of(task)))
    return (hashes.task, hashes.model) == now


def main() -> int:
    """Write them. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", help="ids; default: all of these")
    parser.add_argument("--anew", action="store_true", help="also those that are there")
    parser.add_argument("--agents", nargs="*", default=AGENTS, help="default: all four")
    parser.add_argument("--threads", type=int, default=None)
    asked = parser.parse_args()
    revision = provenance.revision()
    if revision is None or revision.dirty:
        sys.exit("records are made from a clean revision: commit first.")
    for task in tasks():
        if not task.tags & {"state", "reason"} or (asked.tasks and task.id not in asked.tasks):
            continue
        if task.extra and importlib.util.find_spec(task.extra) is None:
            print(f"{task.id}: needs the extra [{task.extra}]")
            continue
        for agent in asked.agents:
            if agent == "oracle" and task.oracle is None:
                continue
            if task.kind == "reasoner" and agent in ("zero", "constant"):  # there is no zero answer
                continue
            if current(task, agent) and not asked.anew:
                continue
            begin = time.perf_counter()
            record = evaluate(agent, task.id, episodes=EPISODES, threads=asked.threads)
            path = REFERENCE / "records" / task.id / f"{agent}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            record.write(path)
            metric = record.metrics[0]
            text = shown(cell(record, metric.name), metric)
            seconds = time.perf_counter() - begin
            print(f"{task.id} {agent}: {metric.title} {text}, {seconds:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
