"""Keeps what `bench reproduce METHOD --out FOLDER` made in the package.

`python benchmarks/store_reproduction.py FOLDER METHOD --weights AGENT ...` copies the verdicts, the
records of the arms, and of the agents named the checkpoints, with what the claims read of their
training curves. Then `python -P -m entitybench.datasets.catalogue.pins` pins the weights, and
`make results` writes the pages.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from entitybench.checkpoints import META, WEIGHTS
from entitybench.claims import Training
from entitybench.leaderboard.claims.arms import record_file
from entitybench.leaderboard.claims.plan import needs
from entitybench.leaderboard.claims.registered import claims
from entitybench.leaderboard.evaluation.weights import REFERENCE
from entitybench.leaderboard.tables.curves import read_rows
from entitybench.leaderboard.training.metrics import METRICS


def main() -> None:
    """Copy them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="the --out of `bench reproduce`")
    parser.add_argument("method")
    parser.add_argument("--preset", default="small")
    parser.add_argument(
        "--weights", nargs="*", default=[], help="agents whose checkpoints are kept"
    )
    asked = parser.parse_args()
    made, name = asked.folder / asked.preset, f"{asked.method}-{asked.preset}.json"
    shutil.copyfile(asked.folder / name, REFERENCE / "verdicts" / name)
    judged = {each["claim"] for each in json.loads((asked.folder / name).read_text())["verdicts"]}
    for claim in claims(asked.method):
        if claim.name not in judged:
            continue
        read = [x for x in claim.quantities() if isinstance(x, Training)]
        for arm in claim.arms:
            record = REFERENCE / "records" / record_file(arm)
            record.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(made / "records" / record_file(arm), record)
            if arm.agent not in asked.weights:
                continue
            for need in needs(arm, range(claim.training_seeds)):
                ours, kept = made / "weights" / str(need), REFERENCE / "weights" / str(need)
                kept.mkdir(parents=True, exist_ok=True)
                for file in (META, WEIGHTS):
                    shutil.copyfile(ours / file, kept / file)
                columns = {x.column for x in read if x.arm == arm.name}
                _keep_curve(ours / METRICS, kept / METRICS, columns)


def _keep_curve(ours: Path, kept: Path, columns: set[str]) -> None:
    """The rows of a curve that hold these columns, and those kept before."""
    before = {row["step"]: row for row in read_rows(kept)} if kept.is_file() else {}
    for row in read_rows(ours) if columns else ():
        found = {key: row[key] for key in columns & row.keys()}
        if found:
            before[row["step"]] = {"step": row["step"], **before.get(row["step"], {}), **found}
    if before:
        rows = [json.dumps(before[step]) for step in sorted(before)]
        kept.write_text("\n".join([*rows, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
