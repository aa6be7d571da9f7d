"""What an operator does beside the running server: check the log, and move submissions."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from entitybench.errors import BadValue
from entitybench.leaderboard.server import audit, queue
from entitybench.leaderboard.server.database import opened
from entitybench.leaderboard.server.states import ACCEPTED, QUARANTINED, RECEIVED, STATES
from entitybench.leaderboard.server.tables import Event, Submission

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

    from entitybench.leaderboard.server.database import Database
    from entitybench.leaderboard.server.settings import Settings

_LEAST = 8  # hex digits that name a submission


@contextmanager
def board(settings: Settings) -> Iterator[Database]:
    """The database of a store that is there. Raises BadValue."""
    if settings.database is None and not (settings.store / "board.sqlite").is_file():
        raise BadValue(f"no board at {settings.store}: name the --store of `bench serve`.")
    database = opened(settings.url)
    try:
        yield database
    finally:
        database.close()


def audited(settings: Settings) -> tuple[int, list[str]]:
    """Entries of the log, and what is wrong with it."""
    with board(settings) as database, database.reading() as session:
        return session.scalar(select(func.count()).select_from(Event)) or 0, audit.faults(session)


def quarantine(settings: Settings, sha256: str, reason: str) -> tuple[str, str]:
    """Show a submission with a reason and without a rank. Returns its SHA-256 and state.

    Raises BadValue where there is none, or it cannot be.
    """
    with board(settings) as database, database.writing() as session:
        found = _one(session, sha256)
        _check(found, QUARANTINED)
        queue.cancel(session, found.id)
        queue.move(session, found, QUARANTINED, reason)
        return found.sha256, found.state


def release(settings: Settings, sha256: str, reason: str) -> tuple[str, str]:
    """Take a submission out of quarantine: on the board again, or verified if it never was."""
    with board(settings) as database, database.writing() as session:
        found = _one(session, sha256)
        if found.state != QUARANTINED:
            raise BadValue(f"{found.sha256[:16]} is {found.state}, and not in quarantine.")
        state = RECEIVED if found.level is None else ACCEPTED
        queue.move(session, found, state, reason)
        if state == RECEIVED:
            queue.ask(session, found.id, queue.VERIFY)
        return found.sha256, found.state


def _check(found: Submission, state: str) -> None:
    if state not in STATES[found.state].then:
        raise BadValue(f"{found.sha256[:16]} is {found.state}, which stays.")


def _one(session: Session, sha256: str) -> Submission:
    hexadecimal = set(sha256) <= set("0123456789abcdef")
    if not hexadecimal or not _LEAST <= len(sha256) <= 64:
        raise BadValue(
            f"{_LEAST} to 64 hex digits of its SHA-256 name a submission: got {sha256!r:.80}."
        )
    wanted = select(Submission).where(Submission.sha256.startswith(sha256)).limit(2)
    found = session.scalars(wanted).all()
    if len(found) != 1:
        what = "no submission begins" if not found else "several submissions begin"
        raise BadValue(f"{what} with {sha256!r}: give more of its SHA-256.")
    return found[0]
