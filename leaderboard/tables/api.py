"""`eb.table` and `eb.compare`: what `bench table` and `bench compare` do, for Python."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from entitybench.errors import RecordError
from entitybench.leaderboard.tables.compare import compare as difference
from entitybench.leaderboard.tables.gather import a_name, files_in, gathered
from entitybench.records import Record

if TYPE_CHECKING:
    from entitybench.leaderboard.tables.compare import Comparison
    from entitybench.leaderboard.tables.table import Table

Named = Record | str | Path


def table(
    records: Named | Iterable[Named],
    *,
    sort: str | None = None,
    columns: Iterable[str] | None = None,
) -> Table:
    """One table of records: a row for each agent and task, a column for each metric.

    It prints as `bench table` does and is a table in a notebook; `.to_json()`, `.markdown()`,
    `.latex()`, `.csv()` and `.html()` give it otherwise.

    Of a folder the newest of equal records count, best first: yours, marked with their preset and
    training seeds, and below a line the shipped ones of the same tasks.

    Args:
        records: records, files, or folders of files (or of such folders, as results/ is); one or
            several.
        sort: a metric by its name in a record, e.g. "return": best first, task by task.
        columns: what to show, by name: metrics, "violations", "jerk", "contacts", "coordination",
            costs such as "decision_p99_ms"; "deployability" for all but the metrics, "all". None:
            the metrics.

    Raises:
        RecordError: none given, or some that cannot share a row or a table.
        UnknownId: no such metric.
    """
    given = [records] if isinstance(records, Record | str | Path) else records
    if not isinstance(given, Iterable):
        raise RecordError(f"a table is of records, their files or folders: got {given!r}.")
    made = gathered(list(given))
    made = made if columns is None else made.showing(columns)
    return made if sort is None else made.ranked(sort)


def compare(a: Named, b: Named) -> Comparison:
    """Two records, item by item on the same seeds: differences with intervals.

    Args:
        a: a record or its file, whose gain is asked for.
        b: the one to compare with.

    Raises:
        RecordError: of other tasks, or with nothing in common.
    """
    return difference(_one(a), _one(b))


def _one(named: Any) -> Record:
    """The record that is named, or that is alone in a folder. Raises RecordError, BadValue."""
    if isinstance(named, Record):
        return named
    path = a_name(named)
    files = files_in(path) if path.is_dir() else [path]
    if len(files) > 1:
        raise RecordError("two records are compared: name a file each, not folders of several.")
    return Record.read(files[0])
