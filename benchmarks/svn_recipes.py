"""Which part of a recipe matters: `python benchmarks/svn_recipes.py [--datasets …]`.

Trains every decomposition with every value learning and policy extraction of SVN's grid, on the
benign rung of its ladder, with training seeds that no claim uses; scores are on validation starts.
Prints the table, and how much of the variance of the scores each of the three factors explains.
The mixer is normalised on both sides as SVN has it, the others on the policies' alone; the mean of
the values is left out: it is their sum in other units. What was measured stands in
OUT/recipes.jsonl and is passed over.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from tune_offline import validated

from entitybench.agents.svn.settings import DATASETS, TRAINING, rung
from entitybench.errors import Diverged
from entitybench.leaderboard.statistics.variance import effects

FACTORS = {
    "decomposition": ("individual", "vdn", "mixer", "central"),
    "value": ("td", "sarsa", "iql"),
    "extraction": ("brac", "awr"),
}
SEEDS = (1000, 1001)


def run(dataset: str, recipe: tuple[str, ...], updates: int, out: Path) -> dict[str, Any]:
    """Train one recipe with all seeds, and score it; diverged training has no scores."""
    own = dict(zip(FACTORS, recipe, strict=True))
    settings: dict[str, Any] = {**TRAINING, **rung(0), **own, "phases.0.updates": updates}
    settings["svn_stat"] = "predictions" if own["decomposition"] == "mixer" else "none"
    row: dict[str, Any] = {"dataset": dataset, "recipe": list(recipe), "updates": updates}
    try:
        found, _ = validated("svn", dataset, settings, SEEDS, out / "-".join(recipe))
    except Diverged as error:
        return {**row, "scores": None, "why": str(error)}
    return {**row, "scores": found["scores"], "cpu_s": found["cpu_s"]}


def table(rows: list[dict[str, Any]], dataset: str) -> str:
    """Scores of the recipes on a dataset, and the analysis once the grid is whole."""
    found = {tuple(r["recipe"]): r["scores"] for r in rows if r["dataset"] == dataset}
    learned = list(itertools.product(FACTORS["value"], FACTORS["extraction"]))
    lines = [f"| {dataset} | " + " | ".join(" + ".join(x) for x in learned) + " |"]
    lines.append("|---|" + "---|" * len(learned))
    for name in FACTORS["decomposition"]:
        scores = [found.get((name, *x)) for x in learned]
        shown = ["–" if s is None else f"{np.mean(s):.1f}" for s in scores]
        lines.append(f"| {name} | " + " | ".join(shown) + " |")
    grid = [found.get(recipe) for recipe in itertools.product(*FACTORS.values())]
    if None in grid:
        return "\n".join([*lines, "", "no analysis: a recipe has no scores."])
    scores = np.array(grid).reshape(*(len(x) for x in FACTORS.values()), len(SEEDS))
    lines += ["", "| factor | share of the variance, η² | F | degrees |", "|---|---|---|---|"]
    for name, each in effects(scores, list(FACTORS)).items():
        f = "–" if np.isnan(each.f) else f"{each.f:.1f}"
        lines.append(f"| {name} | {100 * each.share:.0f} % | {f} | {each.freedom} |")
    return "\n".join(lines)


def main() -> int:
    """Measure what is missing, print what there is."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--datasets", nargs="*", default=DATASETS[:1], choices=DATASETS)
    parser.add_argument("--updates", type=int, default=TRAINING["phases.0.updates"])
    parser.add_argument("--out", type=Path, default=Path("runs/recipes"))
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    file = asked.out / "recipes.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []
    rows = [row for row in rows if row["updates"] == asked.updates]
    known = {(row["dataset"], *row["recipe"]) for row in rows}
    for dataset in asked.datasets:
        for recipe in itertools.product(*FACTORS.values()):
            if (dataset, *recipe) in known:
                continue
            rows.append(run(dataset, recipe, asked.updates, asked.out))
            with file.open("a") as stream:
                stream.write(json.dumps(rows[-1]) + "\n")
    sys.stdout.write("\n\n".join(table(rows, dataset) for dataset in asked.datasets) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
