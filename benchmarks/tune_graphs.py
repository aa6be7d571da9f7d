"""Settings for the arms of NCII's claims: `python benchmarks/tune_graphs.py [ARM ...]`.

Every arm has two candidates (`entitybench.agents.ncii.settings.GRID`), each trained with the same
training seed, which no claim uses, and scored on the same validation starts by its balanced
misprediction. What was measured stands in OUT/scores.jsonl and is passed over. In the end it prints
the candidates of each arm, the best first. `--sweep` measures NCII at five thresholds of its null
test instead, of which two are its candidates.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from tune_offline import key_of, measured

import entitybench as eb
from entitybench.agents.ncii.settings import DATASETS, GRID, shared
from entitybench.leaderboard.evaluation.evaluate import evaluate
from entitybench.leaderboard.tables.data import by_seed
from entitybench.leaderboard.training.loop import VALIDATION_SEED
from entitybench.registry import agent, resolve_agent, tasks

SWEEP = tuple({} if e == 3.0 else {"epsilon": e} for e in (0.1, 0.3, 1.0, 3.0, 10.0))  # 3: preset
SEED = 1000
EPISODES = 50


def run(arm: str, task: str, settings: dict[str, Any], out: Path) -> dict[str, Any]:
    """Train one candidate, and score it on validation starts."""
    begun, folder = time.process_time(), out / "run"
    shutil.rmtree(folder, ignore_errors=True)
    folders = eb.train(
        arm, task, dataset=DATASETS[task], seeds=[SEED], out=folder, evaluate_every=0,
        threads=1, set={**shared(arm, task), **settings}, device="cpu", generate=True,
    )  # fmt: skip
    trained = time.process_time()
    one = resolve_agent(agent(arm)).load(folders[SEED], task=tasks()[task])
    record = evaluate({SEED: one}, task, episodes=EPISODES, episode_seed=VALIDATION_SEED, threads=1)
    scores = {m.name: round(float(by_seed(record, m.name)[0]), 4) for m in record.metrics}
    shutil.rmtree(folder)
    return {
        "arm": arm,
        "dataset": task,
        "settings": settings,
        **scores,
        "cpu_s": [round(trained - begun, 1), round(time.process_time() - trained, 1)],
    }


def main() -> int:
    """Measure what is missing, print what there is."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("arms", nargs="*", help=f"of {', '.join(GRID)}; default: all")
    parser.add_argument("--tasks", nargs="*", default=["dag-10"])
    parser.add_argument("--sweep", action="store_true", help="NCII's thresholds")
    parser.add_argument("--out", type=Path, default=Path("runs/tuning-graphs"))
    asked = parser.parse_args()
    if wrong := [arm for arm in asked.arms if arm not in GRID]:
        parser.error(f"no arm {wrong[0]!r}: there are {', '.join(GRID)}.")
    asked.out.mkdir(parents=True, exist_ok=True)
    file = asked.out / "scores.jsonl"
    found = measured(file)
    grid = {"ncii": SWEEP} if asked.sweep else {arm: GRID[arm] for arm in asked.arms or GRID}
    wanted = [(task, arm, dict(each)) for task in asked.tasks for arm in grid for each in grid[arm]]
    for task, arm, settings in wanted:
        key = key_of(arm, task, settings)
        if key in found:
            continue
        row = {"key": key, **run(arm, task, settings, asked.out)}
        found[key] = row
        with file.open("a") as stream:
            stream.write(json.dumps(row) + "\n")
    rows = sorted(
        found.values(), key=lambda row: (row["dataset"], row["arm"], row["misprediction"])
    )
    for row in rows:
        sys.stdout.write(
            f"{row['dataset']:<12} {row['arm']:<16} {100 * row['misprediction']:6.2f} % "
            f"{json.dumps(row['settings'])} {row['cpu_s'][0]} s\n"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
