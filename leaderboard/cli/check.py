"""`bench check`: whether a task is what this suite and its users rely on."""

from __future__ import annotations

from entitybench.leaderboard.cli.args import TaskId
from entitybench.leaderboard.cli.output import print_json, put

FOUND = 2  # exit code where a check failed


def check(task: TaskId, /, *, strict: bool = False, json: bool = False) -> int:
    """Check a task of one's own, or any: determinism, restarts, bounds, oracle, pictures.

    Every check says that it is done, skipped and why, or failed. Exit code 2 where one failed. A
    skipped one is no failure, except with --strict.

    Args:
        task: An id of `bench list tasks`, or the TaskSpec at module:NAME or path/to/file.py:NAME.
        strict: Exit code 2 also where a check was skipped.
        json: Print the report as JSON.
    """
    from entitybench.envs.conformance.api import CHECKS, Report, checked
    from entitybench.registry import task as task_named

    spec = task_named(task)
    width = max(len(check.looks_for) for check in CHECKS.values())
    found: dict[str, str] = {}
    for name, said in checked(spec):
        found[name] = said
        if not json:  # line by line: the whole takes seconds, or minutes
            put(f"{name:<12}{CHECKS[name].looks_for:<{width}}  {said}")
    report = Report(spec.id, found)
    if json:
        print_json(report.json())
    else:
        counts = ", ".join(f"{count} {word}" for word, count in report.counts.items())
        put(f"\n{spec.id}: {counts}")
    failed = report.counts["failed"] or (strict and report.counts["skipped"])
    return FOUND if failed else 0
