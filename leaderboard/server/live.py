"""The board as the server shows it: the hosts' rows from a file, submitted ones as they are now."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from sqlalchemy import func, select

from entitybench import __version__
from entitybench.errors import RecordError
from entitybench.leaderboard.board import catalogue
from entitybench.leaderboard.board import model as board_model
from entitybench.leaderboard.board.model import Board, Entry
from entitybench.leaderboard.board.prepared import adapter
from entitybench.leaderboard.board.submissions import id_of
from entitybench.leaderboard.server.states import (
    ACCEPTED,
    CORRECTED,
    QUARANTINED,
    RECEIVED,
    REFUSED,
    VERIFYING,
)
from entitybench.leaderboard.server.tables import Event, Evidence, Submission

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from sqlalchemy.orm import Session

SHOWN = (ACCEPTED, QUARANTINED, CORRECTED)  # in lists; the others have pages of their own
WORDS = {RECEIVED: "queued", VERIFYING: "queued", REFUSED: "rejected"}  # where the board's differ


class Live:
    """The board, brought up to date when it is asked for."""

    def __init__(self, file: Path, hosts: Iterable[Entry] = ()) -> None:
        """`file` is of the board that the builder writes; until it is there `hosts` are shown."""
        self._file = file
        self._lock = threading.Lock()
        self._read: tuple[int, int] = (0, 0)  # of the file: time and size
        self._hosts = Board(
            package=__version__,
            entries=tuple(hosts),
            tasks=catalogue.tasks(),
            agents=catalogue.agents(),
            datasets=catalogue.datasets(),
        )
        self._seq = 0
        self._submitted: dict[str, Entry] = {}
        self._board = self._hosts

    def board(self, session: Session) -> tuple[Board, tuple[int, ...]]:
        """The board, and a stamp that is equal while it is."""
        seq = session.scalar(select(func.max(Event.seq))) or 0
        with self._lock:
            fresh = self._hosts_read()
            if seq != self._seq:
                self._update(session, seq)
                fresh = True
            if fresh:
                entries = (*self._hosts.entries, *self._submitted.values())
                self._board = self._hosts.with_entries(entries)
            return self._board, (*self._read, seq)

    def _hosts_read(self) -> bool:
        """Whether the file was made anew; read it if so."""
        try:
            status = self._file.stat()
            now = (status.st_mtime_ns, status.st_size)
            if now == self._read:
                return False
            found = Board.from_json(self._file.read_bytes(), str(self._file))
        except (OSError, RecordError):  # it is not there yet, or of an earlier version
            return False
        self._read = now
        hosts = tuple(entry for entry in found.entries if entry.origin == "host")
        self._hosts = found.with_entries(hosts)
        return True

    def _update(self, session: Session, seq: int) -> None:
        """Rows of submissions that anything has happened to since."""
        changed = select(Event.submission).where(Event.seq > self._seq).distinct()
        wanted = (
            select(Submission, Evidence.entry)
            .join(Evidence, Evidence.submission_id == Submission.id)
            .where(Submission.sha256.in_(changed))
        )
        for submission, text in session.execute(wanted):
            id = id_of(submission.sha256)
            if text is None or submission.state not in SHOWN:
                self._submitted.pop(id, None)
            else:
                self._submitted[id] = row(submission, text)
        self._seq = seq


def row(submission: Submission, text: str) -> Entry:
    """The row of a submission, in the state that it is in."""
    found = adapter().validate_json(text)
    state = cast("board_model.State", WORDS.get(submission.state, submission.state))
    reason = "" if submission.state == ACCEPTED else submission.reason
    level = found.level if submission.level is None else submission.level
    return replace(found, state=state, reason=reason, level=level)


def as_json(entry: Entry) -> str:
    """The text of a row."""
    return adapter().dump_json(entry).decode()
