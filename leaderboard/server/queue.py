"""Jobs: who holds which, and until when. A job whose worker is gone is anybody's in seconds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

from sqlalchemy import CursorResult, and_, func, or_, select, update

from entitybench.leaderboard.server import audit
from entitybench.leaderboard.server.states import (
    ACCEPTED,
    QUARANTINED,
    RECEIVED,
    STATES,
    VERIFYING,
)
from entitybench.leaderboard.server.tables import Job, Line, Submission

if TYPE_CHECKING:
    from typing import Any

    from sqlalchemy.orm import Session

VERIFY, RESCORE, DRAW = "verify", "rescore", "draw"
QUEUED, RUNNING, DONE, FAILED, CANCELLED = "queued", "running", "done", "failed", "cancelled"
LEASE = 5.0  # s; a worker renews it every second
CRASHES = 3  # that a job may cause before somebody must look at its bundle


def move(session: Session, submission: Submission, state: str, reason: str, **detail: Any) -> None:
    """Bring a submission into another state, and say so in the log."""
    assert state in STATES[submission.state].then, (submission.state, state)
    submission.state, submission.reason = state, reason
    audit.append(session, state, submission.sha256, {"state": state, "reason": reason, **detail})
    tell(session, submission.id, f"{state}: {reason}" if reason else state)


def tell(session: Session, submission: int, text: str) -> None:
    """A line for whoever sent it."""
    session.add(Line(submission_id=submission, at=time.time(), text=text[:500]))


def ask(session: Session, submission: int, kind: str) -> Job:
    """A new job, at the end of the queue."""
    job = Job(
        submission_id=submission,
        kind=kind,
        state=QUEUED,
        crashes=0,
        phase="waits",
        done=0,
        total=0,
        created=time.time(),
    )
    session.add(job)
    session.flush()
    return job


def claim(session: Session, owner: str, now: float, *, draws: bool = True) -> Job | None:
    """The next job, held by `owner` for LEASE seconds; None: there is none.

    One whose lease has run out counts as crashed once more, and after CRASHES its bundle is put
    into quarantine.

    Args:
        session: that writes.
        owner: who claims.
        now: s since 1970.
        draws: whether making 3-D views is meant too.
    """
    free = or_(Job.state == QUEUED, and_(Job.state == RUNNING, Job.lease_until < now))
    free = free if draws else and_(free, Job.kind != DRAW)
    # Nobody waits for a picture as for a verdict. What killed two workers may be over: the last try
    # comes when nothing else waits.
    order = Job.kind == DRAW, _is_last_try(), Job.id
    found = select(Job).where(free).order_by(*order).limit(1).with_for_update(skip_locked=True)
    while job := session.scalars(found).first():
        submission = session.get_one(Submission, job.submission_id)
        if job.state == RUNNING:
            _crashed(session, job, submission, "its worker was gone")
            session.flush()
            continue  # it may have to wait now, or is failed
        job.state, job.owner, job.lease_until = RUNNING, owner, now + LEASE
        job.started, job.phase, job.done, job.total = now, "begins", 0, 0
        if job.kind == VERIFY and submission.state == RECEIVED:
            move(session, submission, VERIFYING, "")
        return job
    return None


def renew(session: Session, job: int, owner: str, phase: str, done: int, total: int) -> bool:
    """Hold on to a job. False: it is no longer the owner's, or was cancelled."""
    held = _held(job, owner)
    values = {"lease_until": time.time() + LEASE, "phase": phase, "done": done, "total": total}
    result = session.execute(update(Job).where(held).values(values))
    return cast("CursorResult[Any]", result).rowcount == 1


def owned(session: Session, job: int, owner: str) -> Job | None:
    """The job, if it is still the owner's."""
    return session.scalars(select(Job).where(_held(job, owner)).with_for_update()).first()


def drawn(session: Session, job: int, owner: str) -> None:
    """The 3-D view is there."""
    found = owned(session, job, owner)
    if found is not None:
        found.state, found.ended, found.phase, found.lease_until = DONE, time.time(), "", None
        tell(session, found.submission_id, "its episodes can be watched in 3-D")


def crashed(session: Session, job: int, owner: str, why: str) -> None:
    """What held the job has died: back into the queue it goes."""
    found = owned(session, job, owner)
    if found is not None:
        _crashed(session, found, session.get_one(Submission, found.submission_id), why)


def give_back(session: Session, job: int, owner: str) -> None:
    """The worker is told to end: the job waits for another one, and nothing counts."""
    found = owned(session, job, owner)
    if found is None:
        return
    submission = session.get_one(Submission, found.submission_id)
    found.state, found.owner, found.lease_until, found.phase = QUEUED, None, None, "waits"
    if submission.state == VERIFYING:
        move(session, submission, RECEIVED, "the worker was stopped")


def cancel(session: Session, submission: int) -> None:
    """No job of a submission goes on."""
    waits = and_(Job.submission_id == submission, Job.state.in_((QUEUED, RUNNING)))
    values = {"state": CANCELLED, "ended": time.time(), "owner": None, "phase": ""}
    session.execute(update(Job).where(waits).values(values))


def ahead(session: Session, job: Job) -> int:
    """Jobs that come before this one."""
    waits = Job.state.in_((QUEUED, RUNNING))
    last = job.crashes >= CRASHES - 1
    sooner = or_(~_is_last_try(), Job.id < job.id) if last else ~_is_last_try() & (Job.id < job.id)
    before = and_(sooner, Job.id != job.id, waits, Job.kind != DRAW)
    return session.scalar(select(func.count()).select_from(Job).where(before)) or 0


def _is_last_try() -> Any:
    return Job.crashes >= CRASHES - 1


def _held(job: int, owner: str) -> Any:
    return and_(Job.id == job, Job.owner == owner, Job.state == RUNNING)


def _crashed(session: Session, job: Job, submission: Submission, why: str) -> None:
    job.crashes += 1
    job.owner, job.lease_until, job.phase, job.done = None, None, "waits", 0
    if job.crashes < CRASHES:
        job.state = QUEUED
        if submission.state == VERIFYING:
            move(session, submission, RECEIVED, f"{why}; it waits again, and this is no try")
        return
    job.state, job.ended = FAILED, time.time()
    if job.kind == DRAW:
        tell(session, submission.id, f"its episodes cannot be shown in 3-D: {why}")
        return
    if submission.state in (VERIFYING, RECEIVED, ACCEPTED):
        said = f"{why}, {job.crashes} times: somebody has to look; this is no try"
        move(session, submission, QUARANTINED, said)
