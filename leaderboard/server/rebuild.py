"""Makes a board out of a static site: its bundles, records, reports and what became of them.

States are those that the site says, and the log begins anew with them; `bench rescore` simulates
all of it again.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from entitybench.errors import BadValue
from entitybench.leaderboard.board.model import Board
from entitybench.leaderboard.server import audit, intake, outcome, queue
from entitybench.leaderboard.server.blobs import Blobs
from entitybench.leaderboard.server.database import opened
from entitybench.leaderboard.server.live import WORDS
from entitybench.leaderboard.server.peek import peek
from entitybench.leaderboard.server.states import ACCEPTED, REFUSED
from entitybench.leaderboard.server.tables import Submission
from entitybench.places import sha256_of
from entitybench.records import Record

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.orm import Session

    from entitybench.leaderboard.board.model import Entry
    from entitybench.leaderboard.evaluation.pool import Progress
    from entitybench.leaderboard.server.settings import Settings

_STATES = {word: state for state, word in WORDS.items() if state == REFUSED}


def rebuilt(settings: Settings, site: Path, progress: Progress | None = None) -> int:
    """Fill an empty board from the folder of `bench site`. Returns how many submissions it has.

    Args:
        settings: of the new board.
        site: the folder.
        progress: called with (submissions done, all of them).

    Raises:
        BadValue: the folder is no site, a bundle in it is another one than it says, or the board is
            not empty.
        RecordError: its data/board.json, or a record, cannot be read.
    """
    file = site / "data" / "board.json"
    if not file.is_file():
        raise BadValue(f"{site} is no site of `bench site`: it has no data/board.json.")
    board = Board.from_json(file.read_bytes(), str(file))
    entries = [each for each in board.entries if each.origin == "submitted"]
    blobs = Blobs(settings.store)
    database = opened(settings.url)
    try:
        with database.writing() as session:
            if session.scalar(select(func.count()).select_from(Submission)):
                raise BadValue("there are submissions on the board already: name an empty one.")
            for number, entry in enumerate(entries):
                _one(session, blobs, site, board, entry)
                if progress is not None:
                    progress(number + 1, len(entries))
    finally:
        database.close()
    return len(entries)


def _one(session: Session, blobs: Blobs, site: Path, board: Board, entry: Entry) -> None:
    sha256 = entry.hashes.get("bundle", "")
    source = site / "data" / "bundles" / f"{entry.id}.zip"
    if not source.is_file() or sha256_of(source) != sha256:
        raise BadValue(f"{source} is not there, or another bundle than the site says.")
    shutil.copyfile(source, blobs.part(sha256))
    door, signed = peek(blobs.part(sha256))
    path = blobs.keep(sha256, sha256)
    text = (site / "data" / "records" / f"{entry.id}.json").read_text(encoding="utf-8")
    record = Record.of_text(text, entry.id)
    state = _STATES.get(entry.state, entry.state)
    events = [each for each in board.events if each.submission == entry.id]
    began = events[0].at if events else entry.created
    found = Submission(
        sha256=sha256,
        size=path.stat().st_size,
        received=_seconds(began),
        address="",
        signed_by=door.signed_by or None,
        state=state,
        level=entry.level if state == ACCEPTED or entry.ranked else None,
        reason=entry.reason,
        task=entry.task,
        version=entry.version,
        kind=entry.kind,
        agent=entry.agent,
        label=entry.label,
        record_sha256=entry.hashes.get("record"),
    )
    session.add(found)
    intake.remember(session, sha256, signed)
    session.flush()
    before = [asdict(each) for each in events]
    detail = {"state": state, "reason": entry.reason, "before": before}
    audit.append(session, state, sha256, detail)
    queue.tell(session, found.id, "taken over from a static site; bench rescore simulates it again")
    outcome.keep(session, found, _report(entry), record, text)


def _report(entry: Entry) -> dict[str, Any]:
    """What the checker said, as far as a site keeps it."""
    looked = entry.verification
    if looked is None:
        return {"level": None, "checks": {}, "findings": [], "measured": {}, "signed_by": None,
                "errors": 0}  # fmt: skip
    said = asdict(looked)
    said["signed_by"] = looked.signed_by or None
    said["errors"] = sum(each.severity == "error" for each in looked.findings)
    return said


def _seconds(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0
