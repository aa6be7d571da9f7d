"""Where the filter of HInt pays: `python benchmarks/tune_hint.py [TASK ...]`.

Each of the settings in `entitybench.agents.hint.settings.SWEEP` is given to `her` and to `hint`
alike, which learn with the same training seeds, that no claim uses, and are evaluated on validation
starts every 5,000 steps. Beside them stand the curves of hockey-goal that come with the package, as
far as the others were trained. What was measured stands in OUT/scores.jsonl and is passed over, and
unfinished training is gone on with: run it again after a stop. In the end it prints all as a table.

`--baselines` trains the others in hockey-goal instead, beside those curves.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tune_offline import key_of, measured

import entitybench as eb
from entitybench.agents.hint.settings import (
    BASELINE_SEEDS,
    BASELINE_STEPS,
    BASELINES,
    SEEDS,
    STEPS,
    SWEEP,
)
from entitybench.claims import Area, StepsTo, Training
from entitybench.errors import UnknownId
from entitybench.leaderboard.claims.quantities import Results, find
from entitybench.leaderboard.evaluation.weights import reference_weights
from entitybench.leaderboard.tables.curves import read_rows
from entitybench.leaderboard.training.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Mapping

ARMS = ("her", "hint")
KEPT, KEPT_SEEDS = "hockey-goal", tuple(range(5))  # curves that come with the package
EVERY = 5_000
SWEPT = {
    "area": ("success", Area()),
    "area_any": ("success_any", Area()),
    "steps_30": ("success_any", StepsTo(0.3, smooth=5)),
    "steps_50": ("success_any", StepsTo(0.5, smooth=5)),
    "rewarded": ("rewarded", Area()),
    "trivial": ("trivial", Area()),
    "chosen": ("chosen", Area()),
}  # of the training curve of each seed
COMPARED = {name: SWEPT[name] for name in ("area", "rewarded", "trivial")}
COMPARED["steps_10"] = ("success", StepsTo(0.1, smooth=5))


class Try(NamedTuple):
    """An arm in a task with some settings."""

    arm: str
    task: str
    settings: dict[str, Any]
    seeds: tuple[int, ...]
    steps: int

    @property
    def key(self) -> str:
        """What names it."""
        return key_of(self.arm, self.task, self.settings)

    def run(self, folder: Path, taken: Mapping[str, Any]) -> dict[str, Any]:
        """Train all seeds in `folder`, which goes, and take what the table shows."""
        begun = time.process_time()
        found = eb.train(
            self.arm, self.task, seeds=list(self.seeds), out=folder, resume=True, device="cpu",
            evaluate_every=EVERY, threads=1, set={**self.settings, "steps": self.steps},
        )  # fmt: skip
        row = self.row({seed: path / METRICS for seed, path in found.items()}, taken)
        shutil.rmtree(folder)
        return row | {"cpu_s": round(time.process_time() - begun, 1)}

    def shipped(self, folder: Path, taken: Mapping[str, Any]) -> dict[str, Any]:
        """The same of the curves that come with the package, of their beginning."""
        files = {}
        for seed in self.seeds:
            rows = read_rows(reference_weights(self.arm, self.task)[seed] / METRICS)
            files[seed] = folder / f"{self.arm}{seed}.jsonl"
            lines = [json.dumps(row) for row in rows if row["step"] <= self.steps]
            files[seed].write_text("\n".join([*lines, ""]))
        return self.row(files, taken)

    def row(self, files: dict[int, Path], taken: Mapping[str, Any]) -> dict[str, Any]:
        """What is taken of training curves, by seed."""
        row = {"key": self.key, "arm": self.arm, "dataset": self.task, "settings": self.settings}
        results = Results({}, {self.arm: files})
        for name, (column, take) in taken.items():
            try:
                values = find(Training(self.arm, column, take), results).values
            except UnknownId:  # curves that come with the package have what claims read
                continue
            row[name] = [round(float(x), 4) for x in values]
        return row | {"steps": self.steps}


def words(row: dict[str, Any], name: str) -> str:
    """The mean in per cent, or of steps each seed's in thousands, – where it never came there."""
    values = row.get(name)
    if values is None:
        return ""
    if name.startswith("steps"):
        return ", ".join(f"{x / 1000:.0f}" if x < row["steps"] else "–" for x in values)
    return f"{100 * sum(values) / len(values):.1f}"


def swept(tasks: list[str]) -> list[Try]:
    """Both arms of each of the settings."""
    kept = [Try(arm, KEPT, {}, KEPT_SEEDS, STEPS) for arm in ARMS]
    return kept + [
        Try(arm, task, dict(settings), SEEDS, settings.get("steps", STEPS))
        for task, settings in SWEEP
        if task in tasks or not tasks
        for arm in ARMS
    ]


def main() -> int:
    """Measure what is missing, print what there is."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tasks", nargs="*", help="default: all")
    parser.add_argument("--baselines", action="store_true")
    parser.add_argument("--arms", nargs="*", help="train these alone; default: all")
    parser.add_argument("--out", type=Path, default=Path("runs/tuning-hint"))
    asked = parser.parse_args()
    known = list(dict.fromkeys(task for task, _ in SWEEP))
    if wrong := [task for task in asked.tasks if task not in known]:
        parser.error(f"no task {wrong[0]!r}: there are {', '.join(known)}.")
    asked.out.mkdir(parents=True, exist_ok=True)
    file = asked.out / ("baselines.jsonl" if asked.baselines else "scores.jsonl")
    found, taken, tries = measured(file), SWEPT, swept(asked.tasks)
    if asked.baselines:
        taken = COMPARED
        tries = [Try(arm, KEPT, {}, BASELINE_SEEDS, BASELINE_STEPS) for arm in (*ARMS, *BASELINES)]
    for each in tries:
        if each.key in found:
            continue
        if each.arm in ARMS and (each.task, each.settings) == (KEPT, {}):
            found[each.key] = each.shipped(asked.out, taken)
            continue
        if each.arm not in (asked.arms or (each.arm,)):
            continue
        folder = asked.out / sha256(each.key.encode()).hexdigest()[:12]
        found[each.key] = each.run(folder, taken)
        with file.open("a") as stream:
            stream.write(json.dumps(found[each.key]) + "\n")
    sys.stdout.write(f"| task | settings | arm | {' | '.join(taken)} |\n")
    sys.stdout.write("|---" * (3 + len(taken)) + "|\n")
    for each in (each for each in tries if each.key in found):
        cells = [each.task, json.dumps(each.settings), each.arm]
        cells += [words(found[each.key], name) for name in taken]
        sys.stdout.write(f"| {' | '.join(cells)} |\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
