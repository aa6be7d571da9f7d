"""A small board: the hosts' rows of two tasks, and bundles that somebody sent."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from entitybench.leaderboard.board.build import board_of, rows_of
from entitybench.leaderboard.board.model import Board
from entitybench.leaderboard.board.standings import Evidence
from entitybench.leaderboard.board.submissions import id_of
from entitybench.leaderboard.evaluation.stored import stored_records
from entitybench.leaderboard.submission.archive import zipped
from entitybench.leaderboard.submission.check import verify
from entitybench.leaderboard.submission.models import sha256
from entitybench.leaderboard.submission.pack import pack
from entitybench.leaderboard.submission.wanted import Wanted
from entitybench.records import Record
from entitybench.types import SuiteSpec

TASKS = ("push-1block", "dag-4")
SUITE = SuiteSpec(
    id="one",
    metric="success",
    data=("push-1block/play-v1",),
    training_seeds=(0, 1, 2, 3, 4),
    updates=20_000,
    summary="one block",
)
EVIL = '<script>alert("x")</script>&\'<img src=x onerror=alert(1)>'


@dataclass(frozen=True)
class Made:
    """A board and what it was made of."""

    board: Board
    evidence: list[Evidence]
    folder: Path  # of submissions
    told: list[str]

    def of(self, name: str) -> str:
        """The id of the row of a bundle."""
        return id_of(sha256((self.folder / f"{name}.zip").read_bytes()))


def tiny_record(**changes: object) -> Record:
    """The first two episodes of the stored record of random on one block."""
    record = stored_records("push-1block", ["random"])[0]
    columns = type(record.columns).of(record.columns.rows()[:2])
    return record.model_copy(update={"columns": columns, **changes})


def submissions(folder: Path) -> None:
    """Bundles: one good, one withdrawn, one whose agent has a name of HTML, one that is no zip."""
    folder.mkdir()
    good = pack(tiny_record(), threads=1)
    (folder / "good.zip").write_bytes(good)
    report = verify(good, Wanted(threads=1), name="good.zip")
    (folder / "good.json").write_text(json.dumps(report.json()))
    other = pack(tiny_record(created="2026-11-01T00:00:00+00:00"), threads=1)
    (folder / "other.zip").write_bytes(other)
    agent = tiny_record().agent.model_copy(update={"id": EVIL})
    evil = zipped({"record.json": tiny_record(agent=agent).to_json().encode()})
    (folder / "evil.zip").write_bytes(evil)
    (folder / "none.zip").write_bytes(b"no zip")
    event = {
        "submission": id_of(sha256(other)),
        "at": "2026-11-02T12:00:00+00:00",
        "state": "withdrawn",
        "reason": EVIL,
    }
    (folder / "log.jsonl").write_text(json.dumps(event) + "\n")


def made(folder: Path) -> Made:
    """The board of TASKS and of submissions in folder/submissions."""
    submissions(folder / "submissions")
    told: list[str] = []
    evidence, events = rows_of(folder / "submissions", told=told.append, tasks=TASKS)
    board = board_of(evidence, suites=[SUITE], events=events)
    return Made(board, evidence, folder / "submissions", told)
