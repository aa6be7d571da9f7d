"""The stress ladder of SVN: `python benchmarks/svn_ladder.py [--rungs 0 4 …] [--arms svn …]`.

Trains the raw mixer, the simple remedy, SVN and the sum on every rung
(`entitybench.agents.svn.settings`), with training seeds that no claim uses, side by side, and
prints how far values went, how they spread beside the returns, and scores on validation starts;
then on how many of its runs the raw mixer runs away at each rung, by which the claims' is chosen.
What was measured stands in OUT/ladder.jsonl and is passed over.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

from tune_offline import validated

from entitybench.agents.svn.settings import DATASETS, RUNGS, TRAINING, rung
from entitybench.errors import Diverged

ARMS = ("mixer-raw", "mixer-simple", "svn", "vdn-brac")
SEEDS = (1000, 1001, 1002)
_SHOWN = ("beyond", "amplification", "gain", "ood_gap", "bc_error", "spread", "td_error")


def run(arm: str, dataset: str, k: int, updates: int, out: Path) -> dict[str, Any]:
    """Train one arm on one rung with all seeds, and score it."""
    row: dict[str, Any] = {"arm": arm, "dataset": dataset, "rung": k, "updates": updates}
    settings = {**TRAINING, **rung(k), "phases.0.updates": updates}
    folder = out / f"{arm}-{dataset.partition('/')[0]}-{k}"
    try:
        scores, logs = validated(arm, dataset, settings, SEEDS, folder)
    except Diverged as error:
        return {**row, "score": None, "why": str(error)}
    return {
        **row,
        **scores,
        "diverged": sum(any(x.get("beyond", 0.0) > 1.0 for x in own) for own in logs),
        **{
            name: [round(own[-1][name], 4) for own in logs]
            for name in _SHOWN
            if all(name in own[-1] for own in logs)
        },
    }


def run_away(row: dict[str, Any]) -> int:
    """How many runs diverged, or ended with values that spread more than threefold."""
    if row["score"] is None:
        return len(SEEDS)
    return max(row["diverged"], sum(x > 3.0 for x in row["amplification"]))


def choice(rows: list[dict[str, Any]]) -> str:
    """A line for each rung that the raw mixer was trained on."""
    lines = []
    for k in sorted({row["rung"] for row in rows}):
        own = [row for row in rows if row["rung"] == k and row["arm"] == ARMS[0]]
        spread = [x for row in own for x in row.get("amplification", ())]
        if spread:
            middle = math.exp(sum(map(math.log, spread)) / len(spread))
            away, runs = sum(map(run_away, own)), len(SEEDS) * len(own)
            lines.append(f"R{k} {ARMS[0]} runs away in {away} of {runs}, spread {middle:.2f}\n")
    return "".join(lines)


def main() -> int:
    """Measure what is missing, print what there is."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rungs", nargs="*", type=int, default=list(RUNGS), choices=RUNGS)
    parser.add_argument("--datasets", nargs="*", default=DATASETS)
    parser.add_argument("--arms", nargs="*", default=ARMS, choices=ARMS)
    parser.add_argument("--updates", type=int, default=TRAINING["phases.0.updates"])
    parser.add_argument("--out", type=Path, default=Path("runs/ladder"))
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    file = asked.out / "ladder.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []
    known = {(x["arm"], x["dataset"], x["rung"], x["updates"]) for x in rows}
    for k in asked.rungs:
        for dataset in asked.datasets:
            for arm in asked.arms:
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
    sys.stdout.write(choice(rows))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
