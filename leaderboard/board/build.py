"""The board of files: the hosts' records that come with the package, and a folder of bundles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entitybench import __version__, registry
from entitybench.leaderboard.board import catalogue
from entitybench.leaderboard.board.entries import entry_of, host_id
from entitybench.leaderboard.board.model import Board
from entitybench.leaderboard.board.prepared import prepared
from entitybench.leaderboard.board.standings import Evidence, suite_of
from entitybench.leaderboard.board.submissions import log_of, submitted
from entitybench.leaderboard.evaluation.weights import REFERENCE
from entitybench.leaderboard.submission.models import sha256
from entitybench.records import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from entitybench.leaderboard.board.model import Entry, Event
    from entitybench.leaderboard.evaluation.pool import Progress
    from entitybench.types import SuiteSpec


def reference_rows(
    root: Path = REFERENCE, *, tasks: Iterable[str] | None = None, progress: Progress | None = None
) -> list[Evidence]:
    """The hosts' rows: every record in root/records/TASK/, in the order of their names.

    Args:
        root: the folder that holds records/.
        tasks: of these alone; None: all.
        progress: called with (done, all).

    Raises RecordError for a record that cannot be read.
    """
    chosen = None if tasks is None else set(tasks)
    paths = [path for path in record_files(root) if chosen is None or path.parent.name in chosen]
    known, found = prepared(root), []
    for k, path in enumerate(paths):
        found.append(host_row(path, known))
        if progress is not None:
            progress(k + 1, len(paths))
    return found


def record_files(root: Path = REFERENCE) -> list[Path]:
    """The files of the hosts' records, in the order of their names."""
    return sorted((root / "records").glob("*/*.json"))


def host_row(path: Path, known: Mapping[str, Entry] | None = None) -> Evidence:
    """The row of a committed record, TASK/NAME.json, a known one or made. Raises RecordError."""
    record, text, id = Record.read(path), path.read_bytes(), host_id(path)
    entry = None if known is None else known.get(id)
    if entry is None:
        entry = entry_of(record, id, origin="host", hashes={"record": sha256(text)})
    return Evidence(entry, record, text)


def board_of(
    evidence: Sequence[Evidence],
    *,
    suites: Iterable[SuiteSpec] | None = None,
    events: Iterable[Event] = (),
    root: Path = REFERENCE,
    progress: Progress | None = None,
) -> Board:
    """The board of some rows, with all that the package knows.

    Args:
        evidence: rows and their records.
        suites: that are shown; None: all registered ones.
        events: the log.
        root: the folder that holds verdicts/.
        progress: called with (suites done, all).
    """
    asked = list(registry.suites() if suites is None else suites)
    made = []
    for k, suite in enumerate(asked):
        made.append(suite_of(suite, evidence))
        if progress is not None:
            progress(k + 1, len(asked))
    return Board(
        package=__version__,
        entries=tuple(each.entry for each in evidence),
        tasks=catalogue.tasks(),
        agents=catalogue.agents(),
        datasets=catalogue.datasets(),
        suites=tuple(made),
        claims=catalogue.claims(root / "verdicts"),
        events=tuple(events),
    )


def rows_of(
    submissions: Path | None,
    *,
    told: Callable[[str], None],
    root: Path = REFERENCE,
    tasks: Iterable[str] | None = None,
    progress: Progress | None = None,
) -> tuple[list[Evidence], tuple[Event, ...]]:
    """The hosts' rows and those of a folder of bundles, and that folder's log.

    Raises:
        BadValue: there is no such folder.
        RecordError: a record, report or log that cannot be read.
    """
    events = () if submissions is None else log_of(submissions)
    mine = [] if submissions is None else submitted(submissions, events, told)
    return [*reference_rows(root, tasks=tasks, progress=progress), *mine], events
