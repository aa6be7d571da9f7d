"""What pages need beside the board: records, comparisons, the reverse of addresses."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from entitybench.errors import RecordError, unknown
from entitybench.leaderboard.board.entries import host_id
from entitybench.leaderboard.board.model import Event, Paired
from entitybench.leaderboard.board.pairs import against, profiles_of
from entitybench.leaderboard.board.standings import Evidence as Row
from entitybench.leaderboard.board.submissions import id_of
from entitybench.leaderboard.server import tables
from entitybench.leaderboard.server.live import WORDS, row
from entitybench.leaderboard.server.reads import moment
from entitybench.leaderboard.server.tables import Evidence, Submission
from entitybench.leaderboard.site import links
from entitybench.records import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from sqlalchemy.orm import Session

    from entitybench.leaderboard.board.model import Board, Curve, Entry

COMPARED = 20  # rows of a task that one is compared with: the best
CURVES = 8  # profiles of a task's page
KEPT = 3 * COMPARED  # records in memory: some 300 kB for 1000 episodes
_SUB = "sub-"


def named(ids: Iterable[str], part: str, what: str) -> str:
    """The id whose address is this part of a path. Raises UnknownId."""
    every = set(ids)
    if part in every and links.named(part) == part:
        return part
    known = {links.named(id): id for id in every}
    if part not in known:
        raise unknown(what, part, known)
    return known[part]


def submission_of(session: Session, id: str) -> Submission | None:
    """The submission of a row's id."""
    digits = id.removeprefix(_SUB)
    if not id.startswith(_SUB) or len(digits) != 16 or not set(digits) <= set("0123456789abcdef"):
        return None
    return session.scalars(select(Submission).where(Submission.sha256.startswith(digits))).first()


def record_text(session: Session, reference: Path, entry: Entry) -> bytes:
    """The record of a row, as it was sent. Raises RecordError where it is gone."""
    if entry.origin == "host":
        for path in (reference / "records" / entry.task).glob("*.json"):
            if host_id(path) == entry.id:
                return path.read_bytes()
    found = submission_of(session, entry.id)
    kept = None if found is None else session.get(Evidence, found.id)
    if kept is None or kept.record is None:
        raise RecordError(f"there is no record of {entry.id}.")
    return kept.record.encode()


class Records:
    """Records of rows. Those read last are kept: pages of one task ask for its best again."""

    def __init__(self, reference: Path) -> None:
        self._reference = reference
        self._lock = threading.Lock()
        self._read: OrderedDict[object, Record] = OrderedDict()

    def of(self, session: Session, entry: Entry) -> Record:
        """The record of a row. Raises RecordError where it is gone."""
        key = (entry.id, entry.hashes.get("record"), entry.scores)  # what `bench rescore` changes
        with self._lock:
            if key in self._read:
                self._read.move_to_end(key)
                return self._read[key]
        record = Record.of_text(record_text(session, self._reference, entry).decode(), entry.id)
        with self._lock:
            self._read[key] = record
            while len(self._read) > KEPT:
                self._read.popitem(last=False)
        return record


def entry_in_any_state(session: Session, of: Submission) -> Entry | None:
    """The row of a submission, also where no list shows it; None: nothing could be read."""
    kept = session.get(Evidence, of.id)
    return None if kept is None or kept.entry is None else row(of, kept.entry)


def events_of(session: Session, of: Submission) -> tuple[Event, ...]:
    """Its part of the log."""
    wanted = select(tables.Event).where(tables.Event.submission == of.sha256)
    found = session.scalars(wanted.order_by(tables.Event.seq))
    id = id_of(of.sha256)
    return tuple(
        Event(submission=id, at=moment(x.at), state=_word(x.kind), reason=_reason(x.detail))
        for x in found
    )


def _word(kind: str) -> Any:
    return WORDS.get(kind, kind)


def _reason(detail: str) -> str:
    said = json.loads(detail)
    return str(said.get("reason", ""))


def rows_like(board: Board, entry: Entry, most: int) -> list[Entry]:
    """The best ranked rows of the same task, kind and metric; the row itself among them."""
    same = [
        each
        for each in board.by_task.get(entry.task, ())
        if each.ranked and (each.kind, each.main) == (entry.kind, entry.main)
    ]
    best = same[:most]
    return best if entry in best else [*best, entry]


def compared(
    entries: Sequence[Entry], entry: Entry, record: Callable[[Entry], Record]
) -> tuple[list[Paired], list[Curve]]:
    """One row against others, and the profiles of all of them."""
    rows = {each.id: Row(each, record(each)) for each in entries}
    own = rows[entry.id]
    found = [against(own, other) for id, other in rows.items() if id != entry.id]
    return [each for each in found if each is not None], profiles_of(list(rows.values()))
