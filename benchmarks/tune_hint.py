"""Where the filter of HInt pays: `python benchmarks/tune_hint.py [TASK ...]`.

Each of the settings in `entitybench.agents.hint.settings.SWEEP` is given to `her` and to `hint`
alike, which learn with the same training seeds, that no claim uses, and are evaluated on validation
starts every 5,000 steps. What was measured stands in OUT/scores.jsonl and is passed over, and
unfinished training is gone on with: run it again after a stop. In the end it prints all as a table.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

from tune_offline import key_of, measured

import entitybench as eb
from entitybench.agents.hint.settings import SEEDS, STEPS, SWEEP
from entitybench.claims import Area, StepsTo, Training
from entitybench.leaderboard.claims.quantities import Results, find
from entitybench.leaderboard.training.metrics import METRICS

ARMS = ("her", "hint")
EVERY = 5_000
TAKEN = {
    "area": ("success", Area()),
    "area_any": ("success_any", Area()),
    "steps_30": ("success_any", StepsTo(0.3, smooth=5)),
    "steps_50": ("success_any", StepsTo(0.5, smooth=5)),
    "rewarded": ("rewarded", Area()),
    "trivial": ("trivial", Area()),
    "chosen": ("chosen", Area()),
}  # of training curves, each seed's


def run(arm: str, task: str, settings: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Train all seeds of an arm in `folder`, which goes, and take what the table shows."""
    begun = time.process_time()
    found = eb.train(
        arm, task, seeds=list(SEEDS), out=folder, resume=True, evaluate_every=EVERY, threads=1,
        set={"steps": STEPS, **settings}, device="cpu",
    )  # fmt: skip
    results = Results({}, {arm: {seed: path / METRICS for seed, path in found.items()}})
    row: dict[str, Any] = {"arm": arm, "dataset": task, "settings": settings}
    for name, (column, take) in TAKEN.items():
        values = find(Training(arm, column, take), results).values
        row[name] = [round(float(x), 4) for x in values]
    shutil.rmtree(folder)
    return row | {"cpu_s": round(time.process_time() - begun, 1)}


def line(rows: list[dict[str, Any]]) -> str:
    """A row of the table: what both arms of some settings came to."""
    cells = [rows[0]["dataset"], json.dumps(rows[0]["settings"]) if rows[0]["settings"] else "–"]
    for name in TAKEN:
        cells.append(" / ".join(_words(row, name) for row in rows))
    return f"| {' | '.join(cells)} |"


def _words(row: dict[str, Any], name: str) -> str:
    values, last = row[name], row["settings"].get("steps", STEPS)
    if name.startswith("steps"):
        return ", ".join(f"{x / 1000:.0f}" if x < last else "–" for x in values)
    return f"{100 * sum(values) / len(values):.1f}"


def main() -> int:
    """Measure what is missing, print what there is."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tasks", nargs="*", help="default: all")
    parser.add_argument("--out", type=Path, default=Path("runs/tuning-hint"))
    asked = parser.parse_args()
    if wrong := [task for task in asked.tasks if task not in {task for task, _ in SWEEP}]:
        parser.error(f"no task {wrong[0]!r}: there are {', '.join({t for t, _ in SWEEP})}.")
    asked.out.mkdir(parents=True, exist_ok=True)
    file = asked.out / "scores.jsonl"
    found = measured(file)
    for task, settings in [each for each in SWEEP if each[0] in asked.tasks or not asked.tasks]:
        for arm in ARMS:
            key = key_of(arm, task, dict(settings))
            if key in found:
                continue
            folder = asked.out / sha256(key.encode()).hexdigest()[:12]
            found[key] = {"key": key, **run(arm, task, dict(settings), folder)}
            with file.open("a") as stream:
                stream.write(json.dumps(found[key]) + "\n")
    sys.stdout.write(f"| task | settings | {' | '.join(TAKEN)} |\n|{'---|' * (2 + len(TAKEN))}\n")
    for task, settings in SWEEP:
        keys = [key_of(arm, task, dict(settings)) for arm in ARMS]
        if all(key in found for key in keys):
            sys.stdout.write(line([found[key] for key in keys]) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
