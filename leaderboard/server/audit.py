"""The audit log: each entry holds the hash of the one before, so nothing can be changed unseen."""

from __future__ import annotations

import hashlib
import json
import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, text

from entitybench.leaderboard.server.states import KINDS
from entitybench.leaderboard.server.tables import Event, Submission

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

FIRST = "0" * 64  # what the first entry has for the hash of the one before
_LOCK = 0x61756469  # PostgreSQL's advisory lock of whoever appends


def append(session: Session, kind: str, submission: str, detail: Mapping[str, Any]) -> Event:
    """Add an entry, in the transaction of what it tells of.

    Args:
        session: that writes.
        kind: of `states.KINDS`.
        submission: sha256 of the bundle.
        detail: what JSON can hold.
    """
    assert kind in KINDS
    if session.get_bind().dialect.name != "sqlite":  # there only one writes at a time anyway
        session.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    last = session.scalars(select(Event).order_by(Event.seq.desc()).limit(1)).first()
    entry = Event(
        seq=last.seq + 1 if last else 1,
        at=round(time.time(), 3),
        kind=kind,
        submission=submission,
        detail=json.dumps(detail, sort_keys=True),
        previous=last.hash if last else FIRST,
    )
    entry.hash = hash_of(entry)
    session.add(entry)
    session.flush()
    return entry


def hash_of(entry: Event) -> str:
    """SHA-256 of everything in an entry but this hash itself."""
    fields = [entry.seq, entry.at, entry.kind, entry.submission, entry.detail, entry.previous]
    return hashlib.sha256(json.dumps(fields).encode()).hexdigest()


def faults(session: Session) -> list[str]:
    """What is wrong with the log, and with states that differ from it; empty where it holds."""
    found, previous, seq = [], FIRST, 0
    states: dict[str, str] = {}
    for entry in session.scalars(select(Event).order_by(Event.seq)).yield_per(1000):
        seq += 1
        if entry.seq != seq:
            found.append(f"entry {seq} is missing: entry {entry.seq} stands there")
            seq = entry.seq
        if entry.previous != previous:
            found.append(f"entry {entry.seq} does not follow the one before it")
        if entry.hash != hash_of(entry):
            found.append(f"entry {entry.seq} was changed: its hash is another")
        previous = entry.hash
        if "state" in (detail := json.loads(entry.detail)):
            states[entry.submission] = detail["state"]
    for sha256, state in session.execute(select(Submission.sha256, Submission.state)):
        if states.get(sha256) != state:
            logged = states.get(sha256, "nothing")
            found.append(f"submission {sha256[:16]} is {state}, and the log says {logged}")
    return found
