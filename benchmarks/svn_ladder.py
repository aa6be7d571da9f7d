"""The stress ladder of SVN: `python benchmarks/svn_ladder.py [--rungs 0 4 …]`.

Trains the raw mixer, the simple remedy, SVN and the sum on every rung
(`entitybench.agents.svn.settings`), with training seeds that no claim uses, side by side, and
prints how far values went, how they spread beside the returns, and scores on validation starts.
What was measured stands in OUT/ladder.jsonl and is passed over.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import entitybench as eb
from entitybench.agents.svn.settings import DATASETS, RUNGS, rung
from entitybench.errors import Diverged
from entitybench.leaderboard.evaluation.evaluate import evaluate
from entitybench.leaderboard.training.loop import VALIDATION_SEED
from entitybench.registry import agent, resolve_agent, tasks

ARMS = ("mixer-raw", "mixer-simple", "svn", "vdn-brac")
SEEDS = (1000, 1001, 1002)
EPISODES = 50
_SHOWN = ("beyond", "amplification", "gain", "ood_gap", "bc_error", "spread", "td_error")


def run(arm: str, dataset: str, k: int, updates: int, out: Path) -> dict[str, Any]:
    """Train one arm on one rung with all seeds, and score it."""
    task, begun = tasks()[dataset.partition("/")[0]], time.process_time()
    folder = out / f"{arm}-{task.id}-{k}"
    settings = {**rung(k), "phases.0.updates": updates}
    row: dict[str, Any] = {"arm": arm, "dataset": dataset, "rung": k, "updates": updates}
    try:
        folders = eb.train(
            arm, task.id, dataset=dataset, seeds=list(SEEDS), out=folder, resume=True,
            evaluate_every=0, threads=1, set=settings, device="cpu",
        )  # fmt: skip
    except Diverged as error:
        return {**row, "score": None, "why": str(error)}
    trained = time.process_time()
    target = resolve_agent(agent(arm))
    agents = {seed: target.load(path, task=task) for seed, path in folders.items()}
    record = evaluate(agents, task, episodes=EPISODES, episode_seed=VALIDATION_SEED, threads=1)
    values = [value or 0.0 for value in record.columns.values["normalised_return"]]
    logs = {
        seed: [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
        for seed, path in folders.items()
    }
    shutil.rmtree(folder)
    most = {seed: max(x["beyond"] for x in own if "beyond" in x) for seed, own in logs.items()}
    return {
        **row,
        "score": sum(values) / len(values),
        "diverged": sum(x > 1.0 for x in most.values()),
        "cpu_s": round(trained - begun, 1),
        **{
            name: [round(own[-1][name], 4) for own in logs.values()]
            for name in _SHOWN
            if all(name in own[-1] for own in logs.values())
        },
    }


def main() -> int:
    """Measure what is missing, print what there is."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rungs", nargs="*", type=int, default=list(RUNGS), choices=RUNGS)
    parser.add_argument("--datasets", nargs="*", default=DATASETS)
    parser.add_argument("--updates", type=int, default=20_000)
    parser.add_argument("--out", type=Path, default=Path("runs/ladder"))
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    file = asked.out / "ladder.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []
    known = {(x["arm"], x["dataset"], x["rung"], x["updates"]) for x in rows}
    for k in asked.rungs:
        for dataset in asked.datasets:
            for arm in ARMS:
                if (arm, dataset, k, asked.updates) in known:
                    continue
                rows.append(run(arm, dataset, k, asked.updates, asked.out))
                with file.open("a") as stream:
                    stream.write(json.dumps(rows[-1]) + "\n")
    for row in sorted(rows, key=lambda row: (row["dataset"], row["rung"])):
        score = "–" if row["score"] is None else f"{row['score']:6.1f}"
        spread = row.get("amplification", "–")
        line = (
            f"{row['dataset']:<36} R{row['rung']} {row['arm']:<13} {score} "
            f"diverged {row.get('diverged', '–')} of {len(SEEDS)}, amplification {spread}"
        )
        sys.stdout.write(line + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
