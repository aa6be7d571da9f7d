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
from typing import Any

from entitybench.checkpoints import META, WEIGHTS
from entitybench.claims import Training
from entitybench.leaderboard.claims.arms import kept_record, record_file
from entitybench.leaderboard.claims.plan import kept, needs
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
    of = [claim for claim in claims(asked.method) if claim.name in judged]
    read = {
        (x.arm, x.column) for claim in of for x in claim.quantities() if isinstance(x, Training)
    }
    for arm, seeds in ((arm, claim.seeds()) for claim in of for arm in claim.arms):
        record = kept_record(arm)
        record.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(made / "records" / record_file(arm), record)
        columns = {column for name, column in read if name == arm.name}
        for need in needs(arm, seeds) if arm.agent in asked.weights else ():
            ours, there = made / "weights" / str(need), kept(need)
            if not ours.is_dir():
                continue  # it came with the package
            there.mkdir(parents=True, exist_ok=True)
            for file in (META, WEIGHTS):
                shutil.copyfile(ours / file, there / file)
            if columns:
                rows = (_of(row, columns) for row in read_rows(ours / METRICS))
                lines = [json.dumps(row) for row in rows if len(row) > 1]
                (there / METRICS).write_text("\n".join([*lines, ""]), encoding="utf-8")


def _of(row: dict[str, Any], columns: set[str]) -> dict[str, Any]:
    """A row of a curve with some of its columns, of evaluations too."""
    found = {key: value for key, value in row.items() if key in columns or key == "step"}
    seen = {key: row["evaluation"][key] for key in columns & row.get("evaluation", {}).keys()}
    return {**found, "evaluation": seen} if seen else found


if __name__ == "__main__":
    main()
