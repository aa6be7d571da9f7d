"""Reads the database for answers and pages."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from entitybench.leaderboard.server import answers, queue
from entitybench.leaderboard.server.tables import Episode, Event, Job, Line, Result, Submission

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

LINES = 200  # of a submission's log that are told, the newest


def moment(at: float) -> str:
    """ISO 8601, UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def one(session: Session, sha256: str) -> Submission | None:
    """A submission."""
    return session.scalars(select(Submission).where(Submission.sha256 == sha256)).first()


def entry(of: Submission) -> answers.Entry:
    """In short."""
    return answers.Entry(**_fields(of))


def _fields(of: Submission) -> dict[str, Any]:
    names = [name for name in answers.Entry.model_fields if name != "received"]
    return {**{name: getattr(of, name) for name in names}, "received": moment(of.received)}


def full(session: Session, of: Submission) -> answers.Full:
    """With its job, log and results."""
    lines = select(Line).where(Line.submission_id == of.id).order_by(Line.id.desc()).limit(LINES)
    log = [answers.LineOfLog(at=moment(x.at), text=x.text) for x in session.scalars(lines)]
    numbers = select(Result).where(Result.submission_id == of.id).order_by(Result.place)
    results = [
        answers.Number(metric=x.metric, mean=x.mean, low=x.low, high=x.high)
        for x in session.scalars(numbers)
    ]
    progress = progress_of(session, of)
    return answers.Full(**_fields(of), progress=progress, results=results, log=log[::-1])


def progress_of(session: Session, of: Submission) -> answers.Progress | None:
    """Of its job that is not done yet."""
    waits = Job.state.in_((queue.QUEUED, queue.RUNNING)) & (Job.kind != queue.DRAW)
    job = session.scalars(select(Job).where(Job.submission_id == of.id, waits)).first()
    if job is None:
        return None
    ahead = queue.ahead(session, job)
    return answers.Progress(ahead=ahead, phase=job.phase, done=job.done, total=job.total)


def entries(
    session: Session,
    *,
    state: str | None = None,
    task: str | None = None,
    agent: str | None = None,
    key: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> answers.Entries:
    """Some, newest first."""
    wanted = select(Submission).order_by(Submission.id.desc()).limit(limit + 1)
    pairs = (
        (Submission.state, state),
        (Submission.task, task),
        (Submission.agent, agent),
        (Submission.signed_by, key),
    )
    for column, value in pairs:
        wanted = wanted if value is None else wanted.where(column == value)
    if before is not None:
        wanted = wanted.where(Submission.id < before)
    found = session.scalars(wanted).all()
    more = found[limit - 1].id if len(found) > limit else None
    return answers.Entries(entries=[entry(each) for each in found[:limit]], next=more)


def rows(session: Session, of: Submission, skip: int, limit: int) -> answers.Rows:
    """Some of its episodes, in order."""
    wanted = (
        select(Episode)
        .where(Episode.submission_id == of.id)
        .order_by(Episode.training_seed, Episode.item)
        .offset(skip)
        .limit(limit + 1)
    )
    found = session.scalars(wanted).all()
    given = [
        answers.Row(
            training_seed=each.training_seed,
            item=each.item,
            values=json.loads(each.numbers),
            error=each.error,
        )
        for each in found[:limit]
    ]
    return answers.Rows(rows=given, next=skip + limit if len(found) > limit else None)


def log(session: Session, after: int, limit: int) -> answers.Log:
    """Some of the audit log."""
    wanted = select(Event).where(Event.seq > after).order_by(Event.seq).limit(limit + 1)
    found = session.scalars(wanted).all()
    names = list(answers.Logged.model_fields)
    given = [
        answers.Logged(**{name: getattr(each, name) for name in names}) for each in found[:limit]
    ]
    return answers.Log(entries=given, next=given[-1].seq if len(found) > limit else None)
