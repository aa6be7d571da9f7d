"""A process that makes what takes long: the hosts' rows, and the standings of suites.

`python -m entitybench.leaderboard.server.builder STORE REFERENCE`, the database's URL as a worker
has it. It writes the board into a file that the server reads, whenever something has changed.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from entitybench.files import write_atomic
from entitybench.leaderboard.server import sandbox
from entitybench.leaderboard.server.database import Database
from entitybench.leaderboard.server.states import ACCEPTED
from entitybench.leaderboard.server.tables import Event, Evidence, Submission
from entitybench.leaderboard.server.worker import URL

if TYPE_CHECKING:
    from entitybench.leaderboard.board.standings import Evidence as Row

_POLL = 2.0  # s between two looks at the log
_REST = 3.0  # times as long as building took is waited before it is done again


def file_of(store: Path) -> Path:
    """Where the board is written."""
    return store / "cache" / "board.json"


def hosts(reference: Path) -> list[Row]:
    """The hosts' rows. Raises RecordError."""
    from entitybench.leaderboard.board.build import reference_rows

    return reference_rows(reference)


def build(store: Path, database: Database, rows: list[Row], reference: Path) -> int:
    """Write the board of the hosts' rows and of what was submitted. Returns the log's length."""
    from entitybench.leaderboard.board.build import board_of

    seq, submitted = _submitted(database)
    board = board_of([*rows, *submitted], root=reference)
    write_atomic(file_of(store), board.to_json())
    return seq


def _submitted(database: Database) -> tuple[int, list[Row]]:
    """Accepted submissions that count in a suite."""
    from entitybench.leaderboard.board.standings import Evidence as Row
    from entitybench.leaderboard.server.live import row
    from entitybench.records import Record

    with database.reading() as session:
        seq = session.scalar(select(func.max(Event.seq))) or 0
        wanted = (
            select(Submission, Evidence)
            .join(Evidence, Evidence.submission_id == Submission.id)
            .where(Submission.state == ACCEPTED, Evidence.suited)
            .order_by(Submission.id)
        )
        return seq, [
            Row(row(each, kept.entry), Record.of_text(kept.record, "record.json"))
            for each, kept in session.execute(wanted)
            if kept.entry is not None and kept.record is not None
        ]


def main(arguments: list[str]) -> None:
    """Build until told to stop."""
    sandbox.die_with_parent()
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(5)  # whoever waits for a page comes first
    store, reference = map(Path, arguments)
    database = Database(os.environ[URL])
    rows, last = hosts(reference), -1
    while not stopped.is_set():
        began = time.monotonic()
        try:
            with database.reading() as session:
                now = session.scalar(select(func.max(Event.seq))) or 0
            if now != last:
                last = build(store, database, rows, reference)
        except OperationalError as error:  # the database is gone for a while
            sys.stderr.write(f"bench: builder: {error.orig}\n")
        stopped.wait(max(_POLL, _REST * (time.monotonic() - began)))


if __name__ == "__main__":
    main(sys.argv[1:])
