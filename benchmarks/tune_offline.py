"""Settings for the arms of a method's claims: `python benchmarks/tune_offline.py [ARM ...]`.

Every arm has its candidates (GRID in the settings of the method, as `agents/idrl/settings.py`),
each trained with the same training seeds, which no claim uses, and evaluated on the same validation
starts. What was measured stands in OUT/scores.jsonl and is passed over, and unfinished training is
gone on with: run it again after a stop. In the end it prints the candidates of each arm, the best
first.
"""

from __future__ import annotations

import argparse
import importlib
import json
import shutil
import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

import entitybench as eb
from entitybench.errors import Diverged
from entitybench.leaderboard.evaluation.evaluate import evaluate
from entitybench.leaderboard.tables.curves import read_rows
from entitybench.leaderboard.training.loop import VALIDATION_SEED
from entitybench.leaderboard.training.metrics import METRICS
from entitybench.registry import agent, resolve_agent, tasks

METHODS = {
    "idrl": "entitybench.agents.idrl.settings",
    "idrl-worlds": "entitybench.agents.idrl.worlds",
    "macflow": "entitybench.agents.macflow.settings",
}
EPISODES = 50
METRIC = "normalised_return"
_SHOWN = (
    "kept_1", "purity_1", "auroc_1", "auroc_action_1", "mass_1", "flow_1", "kept_2", "purity_2"
)  # fmt: skip


def measured(file: Path) -> dict[str, dict[str, Any]]:
    """Rows of the file by key."""
    if not file.is_file():
        return {}
    rows = [json.loads(line) for line in file.read_text().splitlines() if line.endswith("}")]
    return {row["key"]: row for row in rows}


def key_of(arm: str, dataset: str, settings: dict[str, Any]) -> str:
    """What names a candidate."""
    return json.dumps([arm, dataset, settings], sort_keys=True)


def validated(
    arm: str, dataset: str, settings: dict[str, Any], seeds: tuple[int, ...], folder: Path
) -> tuple[dict[str, Any], list[list[dict[str, Any]]]]:
    """Scores on validation starts after training in `folder`, which goes; rows logged, by seed.

    Raises Diverged.
    """
    task, begun = tasks()[dataset.partition("/")[0]], time.process_time()
    folders = eb.train(
        arm, task.id, dataset=dataset, seeds=list(seeds), out=folder, resume=True,
        evaluate_every=0, threads=1, set=settings, device="cpu",
    )  # fmt: skip
    trained = time.process_time()
    target = resolve_agent(agent(arm))
    agents = {seed: target.load(path, task=task) for seed, path in folders.items()}
    record = evaluate(agents, task, episodes=EPISODES, episode_seed=VALIDATION_SEED, threads=1)
    values = [value or 0.0 for value in record.columns.values[METRIC]]
    logs = [read_rows(path / METRICS) for path in folders.values()]
    shutil.rmtree(folder)
    of, scored = np.array(record.columns.training_seed), np.array(values)
    scores = {
        "score": sum(values) / len(values),
        "scores": [float(scored[of == seed].mean()) for seed in seeds],
        "success": sum(v or 0.0 for v in record.columns.values["success"]) / len(values),
        "cpu_s": [round(trained - begun, 1), round(time.process_time() - trained, 1)],
    }
    return scores, logs


def run(
    arm: str, dataset: str, settings: dict[str, Any], seeds: tuple[int, ...], out: Path
) -> dict[str, Any]:
    """Train one candidate with all seeds, and score it on validation starts."""
    folder = out / sha256(key_of(arm, dataset, settings).encode()).hexdigest()[:12]
    row: dict[str, Any] = {"arm": arm, "dataset": dataset, "settings": settings}
    try:
        scores, logs = validated(arm, dataset, settings, seeds, folder)
    except Diverged as error:
        return {**row, "score": None, "why": str(error)}
    last = logs[0][-1]
    return {**row, **scores, **{name: round(last[name], 4) for name in _SHOWN if name in last}}


def main() -> int:
    """Measure what is missing, print what there is."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("arms", nargs="*", help="of the method's claims; default: all")
    parser.add_argument("--method", choices=METHODS, default="idrl")
    parser.add_argument("--datasets", nargs="*", help="default: those of the method")
    parser.add_argument("--out", type=Path, default=Path("runs/tuning"))
    parser.add_argument("--updates", type=int, help="of a candidate's first phase, if not all")
    parser.add_argument("--minutes", type=float, default=1e9, help="begin nothing after these")
    asked = parser.parse_args()
    of = importlib.import_module(METHODS[asked.method])
    if wrong := [arm for arm in asked.arms if arm not in of.GRID]:
        parser.error(f"no arm {wrong[0]!r}: there are {', '.join(of.GRID)}.")
    asked.out.mkdir(parents=True, exist_ok=True)
    fewer = {} if asked.updates is None else {"phases.0.updates": asked.updates}
    file, end = asked.out / "scores.jsonl", time.monotonic() + 60 * asked.minutes
    found = measured(file)
    for k in range(max(map(len, of.GRID.values()))):  # after a stop every arm has had as many
        for dataset in asked.datasets or of.DATASETS:
            for arm in [arm for arm in asked.arms or of.GRID if k < len(of.GRID[arm])]:
                settings = {**of.shared(arm, dataset), **of.GRID[arm][k], **fewer}
                key = key_of(arm, dataset, settings)
                if key in found or time.monotonic() > end:
                    continue
                row = {"key": key, **run(arm, dataset, settings, of.SEEDS, asked.out)}
                found[key] = row
                with file.open("a") as stream:
                    stream.write(json.dumps(row) + "\n")
    rows = [row for row in found.values() if row["arm"] in of.GRID]
    rows = sorted(rows, key=lambda row: -(row["score"] or 0.0))
    for row in sorted(rows, key=lambda row: (row["dataset"], row["arm"])):
        score = "–" if row["score"] is None else f"{row['score']:6.1f}"
        own = {
            k: v
            for k, v in row["settings"].items()
            if k not in {**of.shared(row["arm"], row["dataset"]), **fewer}
        }
        sys.stdout.write(f"{row['dataset']:<32} {row['arm']:<10} {score} {json.dumps(own)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
