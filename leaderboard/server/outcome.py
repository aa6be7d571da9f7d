"""What becomes of a submission when the checker has looked at it."""

from __future__ import annotations

import json
import math
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, or_, select

import entitybench
from entitybench.leaderboard.board.entries import entry_of
from entitybench.leaderboard.board.model import Verification
from entitybench.leaderboard.board.submissions import id_of
from entitybench.leaderboard.server import audit
from entitybench.leaderboard.server.live import as_json
from entitybench.leaderboard.server.queue import DONE, DRAW, RESCORE, ask, move, tell
from entitybench.leaderboard.server.states import (
    ACCEPTED,
    CORRECTED,
    QUARANTINED,
    REFUSED,
    RESCORED,
    VERIFYING,
)
from entitybench.leaderboard.server.tables import Episode, Evidence, Job, Result, Submission
from entitybench.leaderboard.suites.fitting import fits
from entitybench.leaderboard.suites.protocol import entries as entries_of
from entitybench.leaderboard.tables.table import table
from entitybench.records import Columns, MetricInfo, Record
from entitybench.registry import kinds, suites

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

REPLAYED = "replayed"  # the rule that a board adds to those of the checker
_ADVICE = "evaluate your own agent, and send what it did"


def conclude(session: Session, job: Job, result: Mapping[str, Any]) -> None:
    """End a job with the checker's result: report, rows, state and log, in one transaction."""
    submission = session.get_one(Submission, job.submission_id)
    report, facts = dict(result["report"]), result["facts"]
    job.state, job.ended, job.phase, job.lease_until = DONE, time.time(), "", None
    text = result["record"]
    record = None if text is None else Record.of_text(text, "record.json")
    changed = 0
    if record is not None and job.kind == RESCORE and not report["errors"]:
        record, changed = scored_anew(record, result["scored"])
        text = record.to_json()
    for name in ("record_sha256", "actions_sha256", "identity_sha256"):
        setattr(submission, name, facts.get(name))
    if record is not None:
        submission.task, submission.version = record.task.id, record.task.version
        submission.kind, submission.agent = record.kind, record.agent.id
        submission.label = record.label
    session.flush()
    if not report["errors"] and (finding := _copied(session, submission)):
        report["findings"] = [*report["findings"], finding]
        report["errors"] += 1
    keep(session, submission, report, record, text)
    if job.kind == RESCORE:
        _rescored(session, submission, report, changed)
    elif submission.state == VERIFYING:
        _decide(session, submission, report)


def _decide(session: Session, submission: Submission, report: Mapping[str, Any]) -> None:
    level = report["level"]
    if report["errors"] or level is None:
        move(session, submission, REFUSED, _first(report))
        return
    submission.level = level
    move(session, submission, ACCEPTED, f"level {level}", level=level)
    ask(session, submission.id, DRAW)
    if submission.corrects is not None:
        _correct(session, submission)


def _rescored(
    session: Session, submission: Submission, report: Mapping[str, Any], changed: int
) -> None:
    """Evidence that this build no longer believes is quarantined, never dropped unseen."""
    before, level = submission.level, report["level"]
    if report["errors"] or level is None:
        why = f"scored again by entitybench {entitybench.__version__}: {_first(report)}"
        if submission.state == ACCEPTED:
            move(session, submission, QUARANTINED, why)
        return
    submission.level = level
    by = entitybench.__version__
    detail = {"before": before, "level": level, "by": by, "changed": changed}
    audit.append(session, RESCORED, submission.sha256, detail)
    tell(session, submission.id, f"scored again by entitybench {by}: {changed} episodes changed")


def scored_anew(record: Record, scored: list[list[Any]]) -> tuple[Record, int]:
    """A record with the numbers and metrics of this build, and how many episodes changed.

    What only the submitter could measure, such as the time of a decision, stays as it was. A metric
    that neither has is left out.

    Args:
        record: as it was sent.
        scored: of each episode its training seed, item, numbers and error.
    """
    new = {(seed, item): (numbers, error) for seed, item, numbers, error in scored}
    rows, changed = [], 0
    for row in record.rows:
        numbers, error = new[row.training_seed, row.item]
        values = row.values | numbers
        changed += values != row.values or error != row.error
        rows.append(replace(row, values=values, error=error))
    known = kinds()[record.kind].metrics
    metrics = [MetricInfo.of(each) for each in known if each.name in rows[0].values]
    update = {"columns": Columns.of(rows), "metrics": metrics}
    return record.model_copy(update=update), changed


def _correct(session: Session, submission: Submission) -> None:
    """What it corrects is shown as that from now on; both are signed by one key."""
    found = select(Submission).where(Submission.sha256 == submission.corrects)
    old = session.scalars(found).first()
    if old is None or old.state != ACCEPTED or old.signed_by != submission.signed_by:
        tell(session, submission.id, "what it corrects is not there any more, or of another key")
        return
    old.corrected_by = submission.sha256
    move(session, old, CORRECTED, f"by {submission.sha256[:16]}", by=submission.sha256)


def _copied(session: Session, submission: Submission) -> dict[str, str] | None:
    """A finding where somebody else sent this evidence before.

    Equal actions of the same agent with the same weights are a reproduction, and welcome.
    """
    same = [Submission.record_sha256 == submission.record_sha256]
    other = Submission.identity_sha256 != submission.identity_sha256
    same.append((Submission.actions_sha256 == submission.actions_sha256) & other)
    before = (
        select(Submission)
        .where(Submission.id < submission.id, or_(*same), Submission.state != REFUSED)
        .order_by(Submission.id)
    )
    theirs = [
        each
        for each in session.scalars(before)
        if each.signed_by is None or each.signed_by != submission.signed_by
    ]
    if not theirs:
        return None
    first = theirs[0]
    what = "record" if first.record_sha256 == submission.record_sha256 else "actions"
    return {
        "severity": "error",
        "rule": REPLAYED,
        "file": "record.json" if what == "record" else "episodes",
        "where": "",
        "what": f"its {what} came before, in {first.sha256[:16]}, from somebody else",
        "advice": _ADVICE,
    }


def keep(
    session: Session,
    submission: Submission,
    report: Mapping[str, Any],
    record: Record | None,
    text: str | None,
) -> None:
    """Report, means and rows; what was there before of an earlier look is replaced."""
    for kept in (Evidence, Result, Episode):
        session.execute(delete(kept).where(kept.submission_id == submission.id))
    made, suited = (None, False) if record is None else _row(submission, report, record)
    session.add(
        Evidence(
            submission_id=submission.id,
            report=json.dumps(report),
            record=text,
            entry=made,
            suited=suited,
        )
    )
    submission.scored_by = entitybench.__version__
    if record is None or report["errors"]:
        return
    cells = table([record]).rows[0].cells
    for place, metric in enumerate(record.metrics):
        cell = cells[metric.name]
        session.add(
            Result(
                submission_id=submission.id,
                metric=metric.name,
                place=place,
                mean=_finite(cell.mean),
                low=_finite(cell.low),
                high=_finite(cell.high),
            )
        )
    rows = [
        {
            "submission_id": submission.id,
            "training_seed": row.training_seed,
            "item": row.item,
            "numbers": json.dumps(row.values),
            "error": row.error,
        }
        for row in record.rows
    ]
    session.execute(Episode.__table__.insert(), rows)  # type: ignore[attr-defined]


def _row(submission: Submission, report: Mapping[str, Any], record: Record) -> tuple[str, bool]:
    """The board's row, as JSON, and whether it counts in a suite."""
    hashes = {"bundle": submission.sha256, "record": submission.record_sha256 or ""}
    made = entry_of(
        record,
        id_of(submission.sha256),
        origin="submitted",
        hashes=hashes,
        verification=Verification.of(dict(report)),
    )
    suited = any(fits(record, each, suite) for suite in suites() for each in entries_of(suite))
    return as_json(made), suited


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _first(report: Mapping[str, Any]) -> str:
    """The first error, in a line; how many more there are."""
    errors = [each for each in report["findings"] if each["severity"] == "error"]
    if not errors:
        return "it is no bundle"
    first = errors[0]
    place = ": ".join(filter(None, (first["file"], first["where"])))
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{first['rule']}: {f'{place}: ' if place else ''}{first['what']}{more}"
