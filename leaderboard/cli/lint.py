"""`bench lint`: look for defects in a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from entitybench.leaderboard.cli.args import MAX_EPISODES, DatasetId, whole
from entitybench.leaderboard.cli.output import columns, print_json, put

if TYPE_CHECKING:
    from entitybench.datasets.lint.api import Report

FOUND = 2  # exit code where there is an error


def lint(
    dataset: DatasetId,
    /,
    *,
    episodes: Annotated[int | None, Parameter(converter=whole(0, MAX_EPISODES))] = None,
    strict: bool = False,
    json: bool = False,
) -> int:
    """Look for defects in a dataset. Exit code 2 where there is an error.

    Every check says that it is done, skipped and why, or failed. A skipped one is no error, except
    with --strict.

    Args:
        dataset: An id, the folder of a store, a Minari name or folder, an OGBench or D4RL file.
        episodes: Episodes that are simulated again, evenly spread. By default 20, and all of a set
            of 20 000 transitions or less.
        strict: Exit code 2 also where a check was skipped.
        json: Print the report as JSON.
    """
    from entitybench.datasets.lint.api import lint as run

    report = run(dataset, episodes=episodes)
    print_json(report.json()) if json else put(_text(report))
    return FOUND if report.errors or (strict and report.counts["skipped"]) else 0


def _text(report: Report) -> str:
    from entitybench.datasets.lint.checks import CHECKS

    head = f"{report.dataset}: {report.episodes} episodes, {report.transitions} transitions"
    meant = {"files": "every file is what was written"}
    meant |= {name: words for name, (_, words) in CHECKS.items()}
    lines = [head, "", columns([(name, meant[name], how) for name, how in report.checks.items()])]
    if report.measured:
        numbers = [(name.replace("_", " "), f"{n:g}") for name, n in report.measured.items()]
        lines += ["", columns(numbers)]
    for finding in report.findings:
        lines += [
            "",
            f"{finding.severity} [{finding.check}] {finding.where}",
            f"  {finding.what}.",
            f"  To do: {finding.fix}",
        ]
    warnings = len(report.findings) - report.errors
    counts = ", ".join(f"{count} {word}" for word, count in report.counts.items())
    last = f"{report.errors} errors, {warnings} warnings; checks: {counts}"
    return "\n".join([*lines, "", last])
