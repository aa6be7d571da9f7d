"""`bench eval --suite ID`: a line for each task, then the table of the suite."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from entitybench import registry
from entitybench.errors import BadValue
from entitybench.leaderboard.cli.args import writable_folder
from entitybench.leaderboard.cli.output import note, print_json, print_table


def evaluate(
    agent: str, suite: str, *, refused: Mapping[str, Any], json: bool, out: Path, **how: Any
) -> None:
    """Evaluate an agent on a suite, and print the table or its JSON.

    Args:
        agent: its id.
        suite: an id.
        refused: options that mean nothing here, by name; None where they are not given.
        json: print JSON.
        out: the folder of records.
        how: further arguments of `evaluate_suite`.
    """
    spec = registry.suites()[suite]
    for name, value in refused.items():
        if value is not None:
            raise BadValue(f"--{name} is of one task, and --suite of several: leave one out.")
    writable_folder(out)
    from entitybench.leaderboard.suites.run import evaluate_suite

    table = evaluate_suite(agent, spec, out=out, told=note, **how)
    note(f"records: {out}")
    if json:
        print_json(table.to_json())
        return
    print_table(table, f"bench table {out} --suite {suite}")
