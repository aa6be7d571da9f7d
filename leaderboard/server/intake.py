"""Takes a bundle that has arrived: looks at it at the door, and makes it last before saying so."""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError

from entitybench.leaderboard.server import audit, queue
from entitybench.leaderboard.server.peek import peek
from entitybench.leaderboard.server.states import ACCEPTED, RECEIVED, REFUSED
from entitybench.leaderboard.server.tables import Fact, Job, Submission
from entitybench.leaderboard.submission.keys import correction, is_of
from entitybench.leaderboard.submission.models import Signature

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from entitybench.leaderboard.server.blobs import Blobs
    from entitybench.leaderboard.server.database import Database
    from entitybench.leaderboard.server.settings import Settings

DAY = 86_400.0  # s
_MANIFEST = "manifest:"  # before what a key signed, in the name of a fact
_AT_ONCE = 2  # bundles that are looked at side by side: each may need tens of MB


@dataclass(slots=True)
class Refused(Exception):
    """It is not taken; says why, with what status of HTTP."""

    status: int
    why: str
    findings: list[dict[str, Any]] = field(default_factory=list)
    after: int | None = None  # s after which to try again


@dataclass(frozen=True, slots=True)
class Sender:
    """Where an upload comes from, and what it is to replace."""

    address: str
    corrects: str | None = None
    proof: str | None = None  # that the key of the bundle wants it so


class Intake:
    """The door of a store."""

    def __init__(self, settings: Settings, database: Database, blobs: Blobs) -> None:
        self.settings, self.database, self.blobs = settings, database, blobs
        self._looking = threading.BoundedSemaphore(_AT_ONCE)
        self._salt = _salt(database)

    def known(self, sha256: str) -> Submission | None:
        """What was received before."""
        with self.database.reading() as session:
            return session.scalars(select(Submission).where(Submission.sha256 == sha256)).first()

    def take(self, name: str, sha256: str, size: int, sender: Sender) -> tuple[Submission, bool]:
        """Keep what has arrived under `name`, for good; a job will verify it.

        Returns the submission, and whether it is new. Raises Refused; then nothing is kept.
        """
        if (there := self.known(sha256)) is not None:
            self.blobs.drop(name)
            return there, False
        try:
            signed_by, signed = self._looked_at(name)
            with self.database.reading() as session:
                self._allowed(session, signed_by, sender)
                _new(session, signed)
                _corrects(session, sha256, signed_by, sender)
        except Refused:
            self.blobs.drop(name)
            raise
        self.blobs.keep(name, sha256)
        try:
            return self._noted(sha256, size, signed_by, signed, sender), True
        except IntegrityError:  # the same bundle came at the same moment
            found = self.known(sha256)
            if found is None:
                raise Refused(409, "its manifest came at the same moment", after=1) from None
            return found, False

    def _noted(
        self, sha256: str, size: int, signed_by: str | None, signed: str, sender: Sender
    ) -> Submission:
        with self.database.writing() as session:
            found = Submission(
                sha256=sha256,
                size=size,
                received=time.time(),
                address=self._hashed(sender.address),
                signed_by=signed_by,
                state=RECEIVED,
                reason="",
                task="",
                kind="",
                agent="",
                label="",
                corrects=sender.corrects,
            )
            session.add(found)
            remember(session, sha256, signed)
            session.flush()
            detail = {"state": RECEIVED, "size": size, "signed_by": signed_by}
            audit.append(session, RECEIVED, sha256, detail)
            queue.ask(session, found.id, queue.VERIFY)
            queue.tell(session, found.id, f"received, {size} bytes, on the disk")
            return found

    def _looked_at(self, name: str) -> tuple[str | None, str]:
        """Who signed what. Raises Refused where it cannot be read, or is signed by nobody."""
        with self._looking:
            report, signed = peek(self.blobs.part(name))
        if report.errors:
            findings = report.json()["findings"]
            raise Refused(422, f"{findings[0]['rule']}: {findings[0]['what']}", findings)
        if not report.signed_by and self.settings.signed_only:
            raise Refused(
                422, "this board takes signed bundles only: bench submit RECORD --to URL --key KEY"
            )
        return report.signed_by or None, signed

    def _allowed(self, session: Session, signed_by: str | None, sender: Sender) -> None:
        """Raise Refused beyond the tries of a day."""
        who = (
            Submission.signed_by == signed_by
            if signed_by is not None
            else (Submission.address == self._hashed(sender.address))
            & Submission.signed_by.is_(None)
        )
        counts = or_(Job.state == queue.DONE, Job.state.in_((queue.QUEUED, queue.RUNNING)))
        tries = (
            select(func.count())
            .select_from(Submission)
            .join(Job, Job.submission_id == Submission.id)
            .where(who, counts, Job.kind == queue.VERIFY, Submission.received > time.time() - DAY)
        )
        if (session.scalar(tries) or 0) >= self.settings.tries:
            raise Refused(
                429,
                f"{self.settings.tries} submissions a day: those that fail, or are withdrawn "
                "before they are verified, do not count; try again tomorrow",
                after=3600,
            )

    def _hashed(self, address: str) -> str:
        return hashlib.sha256(f"{self._salt}{address}".encode()).hexdigest()[:32]


def remember(session: Session, sha256: str, signed: str) -> None:
    """Keep in which bundle a signed manifest came; unsigned ones are `signed` nothing."""
    if signed:
        session.merge(Fact(name=_MANIFEST + signed, value=sha256))


def _new(session: Session, signed: str) -> None:
    """Raise Refused where a signed manifest came before: anybody can zip its files anew.

    In a bundle that was refused it may have come with other files, and not from its key.
    """
    before = session.get(Fact, _MANIFEST + signed) if signed else None
    if before is None:
        return
    found = select(Submission.state).where(Submission.sha256 == before.value)
    if session.scalar(found) not in (None, REFUSED):
        raise Refused(422, f"what its key signed came before, in {before.value[:16]}")


def _corrects(session: Session, sha256: str, signed_by: str | None, sender: Sender) -> None:
    """Raise Refused where it corrects what it may not, or its key does not say so itself."""
    if sender.corrects is None:
        return
    if signed_by is None:
        raise Refused(422, "only a signed submission can correct another of the same key")
    old = session.scalars(select(Submission).where(Submission.sha256 == sender.corrects)).first()
    if old is None or old.signed_by != signed_by or old.state != ACCEPTED:
        raise Refused(
            422, f"there is no accepted submission {sender.corrects[:16]} of this key to correct"
        )
    proof = Signature(public_key=signed_by, signature=sender.proof or "0" * 128)
    if not is_of(proof, correction(sender.corrects, sha256)):
        raise Refused(422, "its proof is not the signature of `correct OLD by NEW` by its key")


def _salt(database: Database) -> str:
    """What addresses are hashed with; the server's own, made once."""
    import secrets

    with database.writing() as session:
        fact = session.get(Fact, "salt")
        if fact is None:
            fact = Fact(name="salt", value=secrets.token_hex(16))
            session.add(fact)
        return fact.value
