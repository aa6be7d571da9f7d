"""Scores all stored evidence again, when a scorer has changed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from entitybench.leaderboard.server import queue
from entitybench.leaderboard.server.admin import board
from entitybench.leaderboard.server.blobs import Blobs
from entitybench.leaderboard.server.states import ACCEPTED
from entitybench.leaderboard.server.tables import Job, Submission
from entitybench.leaderboard.server.worker import Worker

if TYPE_CHECKING:
    from entitybench.leaderboard.evaluation.pool import Progress
    from entitybench.leaderboard.server.settings import Settings

_POLL = 0.2  # s between two looks at jobs that another worker has


def rescored(settings: Settings, progress: Progress | None = None) -> list[dict[str, Any]]:
    """Every accepted submission, looked at again by this build; beside a running server too.

    Returns of each its SHA-256, and state and level before and after.

    Args:
        settings: of the store.
        progress: called with (submissions done, all of them).
    """
    with board(settings) as database:
        with database.writing() as session:
            chosen = session.scalars(
                select(Submission).where(Submission.state == ACCEPTED).order_by(Submission.id)
            ).all()
            before = {each.id: _said(each) for each in chosen}
            jobs = [queue.ask(session, each.id, queue.RESCORE).id for each in chosen]
        worker = Worker(database, Blobs(settings.store), settings.rerun)
        waits = select(func.count()).where(
            Job.id.in_(jobs), Job.state.in_((queue.QUEUED, queue.RUNNING))
        )
        try:
            while True:
                with database.reading() as session:
                    left = session.scalar(waits) or 0
                if progress is not None and jobs:
                    progress(len(jobs) - left, len(jobs))
                if not left:
                    break
                if not worker.step():
                    time.sleep(_POLL)
        finally:
            worker.checker.end()
        with database.reading() as session:
            return [
                {
                    "sha256": (found := session.get_one(Submission, number)).sha256,
                    "before": said,
                    "after": _said(found),
                }
                for number, said in before.items()
            ]


def _said(of: Submission) -> str:
    return f"{of.state}, level {of.level}"
