"""First baselines on every dataset: `python benchmarks/baselines.py [DATASET ...]`.

For each dataset in state: makes it if it is missing, trains the baselines of its task's kind with
three seeds side by side, evaluates them on the public starts and writes a record beside the other
reference records. What has a record of the same data and settings is passed over, and unfinished
training is gone on with: run it again after a stop. One dataset of each family and behaviour comes
first, then the others.
"""

from __future__ import annotations

import argparse
import fnmatch
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import entitybench as eb
from entitybench.errors import BenchError, RecordError
from entitybench.leaderboard.evaluation import provenance
from entitybench.leaderboard.evaluation.stored import record_path
from entitybench.leaderboard.evaluation.weights import reference_weights
from entitybench.records import Record
from entitybench.registry import agent as agent_spec
from entitybench.registry import datasets, kinds, resolve, tasks

if TYPE_CHECKING:
    from entitybench.types import AgentSpec, DatasetSpec

BASELINES = {
    "goal-control": ("gcbc",),
    "reward-control": ("bc", "iql", "bc-10pct", "td3bc"),
    "team-control": ("ma-bc",),
    "graph": ("graph-static", "graph-distance", "graph-surprise"),
}
PRESETS = {"gcbc": "sweep"}  # of others: small
SEEDS = (0, 1, 2)
EPISODES, FEW = 100, 20  # starts a training seed; FEW where another simulator is slow


def planned() -> list[DatasetSpec]:
    """Datasets of tasks in state, one of each family and behaviour first, slow simulators last."""
    seen: set[tuple[str, str]] = set()
    first, rest = [], []
    for data in datasets():
        task = tasks()[data.task]
        key = (task.target.split(".")[2], data.id.partition("/")[2])
        (rest if key in seen else first).append(data)
        seen.add(key)
    slow = {data.id for data in datasets() if tasks()[data.task].extra}
    return [*sorted(first, key=lambda d: d.id in slow), *sorted(rest, key=lambda d: d.id in slow)]


def baselines_on(data: DatasetSpec) -> list[str]:
    """Those of the task's kind, and of the kinds that the data make it one of too."""
    task = tasks()[data.task]
    others = [kinds()[id] for id in sorted(task.also)]
    also = [kind.id for kind in others if getattr(data, kind.offered_by)]
    return [name for kind in (task.kind, *also) for name in BASELINES[kind]]


def done(path: Path, agent: AgentSpec, preset: str, data: DatasetSpec, episodes: int) -> bool:
    """Whether a record holds these seeds and episodes of this task, dataset and configuration."""
    try:
        record = Record.read(path)
    except RecordError:
        return False
    task = tasks()[data.task]
    config = resolve(agent.target).configure(agent, preset, task)
    now = {name: getattr(config, name) for name in record.agent.config if hasattr(config, name)}
    now = {name: value for name, value in now.items() if value != "auto"}  # stored as settled
    stored = record.agent.config
    same = (
        record.hashes.task == provenance.task_hash(task),
        record.training_seeds == list(SEEDS),
        len(record.items) == episodes,
        {each.dataset for each in record.data} == {data.id},
        record.agent.preset == preset,
        all(str(stored[k]) == str(v) for k, v in now.items() if isinstance(v, int | str)),
    )
    return all(same)


def run(agent: AgentSpec, data: DatasetSpec, asked: argparse.Namespace) -> None:
    """Train, evaluate, write."""
    task = tasks()[data.task]
    preset = PRESETS.get(agent.id, "small")
    episodes = FEW if task.extra else EPISODES
    path = record_path(agent.id, data.task, dataset=data.id, root=asked.records)
    if reference_weights(agent.id, task.id, data.id):
        return  # its record is of those
    if path.is_file() and done(path, agent, preset, data, episodes):
        return
    begin = time.perf_counter()
    out = asked.out / agent.id / data.id
    eb.train(
        agent.id, task.id, dataset=data.id, preset=preset, seeds=list(SEEDS), out=out,
        resume=True, evaluate_every=0, threads=1, generate=True,
    )  # fmt: skip
    trained = time.perf_counter()
    record = eb.evaluate(
        agent.id, task.id, training_seeds=SEEDS, weights=out, episodes=episodes,
        threads=asked.threads,
    )  # fmt: skip
    record.write(path)
    if not asked.keep:
        shutil.rmtree(out)
    metric = record.metrics[0]
    means = [v or 0 for v in record.columns.values[metric.name]]
    ended = time.perf_counter()
    print(
        f"{data.id} {agent.id}: {metric.name} {sum(means) / len(means):.3f}, training "
        f"{trained - begin:.0f} s, evaluation {ended - trained:.0f} s",
        flush=True,
    )


def main() -> int:
    """Run what is missing. Returns the exit code: 1 where something failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("datasets", nargs="*", default=["*"], help="ids, with * and ?")
    parser.add_argument("--agents", nargs="*", help="default: those of the kind")
    parser.add_argument("--out", type=Path, default=Path("runs/baselines"), help="checkpoints")
    parser.add_argument("--records", type=Path, help="default: the package's own")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=1e9, help="begin nothing after these")
    parser.add_argument("--keep", action="store_true", help="keep the weights")
    asked = parser.parse_args()
    revision = provenance.revision()
    if revision is None or revision.dirty:
        sys.exit("records are made from a clean revision: commit first.")
    end, failed = time.monotonic() + 60 * asked.minutes, False
    for data in planned():
        if not any(fnmatch.fnmatch(data.id, pattern) for pattern in asked.datasets):
            continue
        for name in baselines_on(data):
            if asked.agents and name not in asked.agents:
                continue
            if time.monotonic() > end:
                return int(failed)
            try:
                run(agent_spec(name), data, asked)
            except BenchError as error:
                failed = True
                print(f"{data.id} {name}: {error}", flush=True)
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
