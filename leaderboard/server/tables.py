"""The tables of the server, as SQLAlchemy maps them; `migrations/` makes them."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# SQLite counts up only what it calls an INTEGER.
_Big = BigInteger().with_variant(Integer(), "sqlite")


class Base(DeclarativeBase):
    """What all tables share. Times are seconds since 1970, UTC."""


class Submission(Base):
    """A bundle that was received."""

    __tablename__ = "submissions"

    id: Mapped[int] = mapped_column(_Big, primary_key=True, autoincrement=True)
    sha256: Mapped[str] = mapped_column(Text, unique=True)  # of the bundle
    size: Mapped[int] = mapped_column(_Big)
    received: Mapped[float]
    address: Mapped[str] = mapped_column(Text)  # salted hash of where it came from
    signed_by: Mapped[str | None] = mapped_column(Text)  # public key, hex
    state: Mapped[str] = mapped_column(Text, index=True)
    level: Mapped[int | None]
    reason: Mapped[str] = mapped_column(Text, default="")  # of the state, in one line
    task: Mapped[str] = mapped_column(Text, default="")
    version: Mapped[int | None]  # of the task
    kind: Mapped[str] = mapped_column(Text, default="")
    agent: Mapped[str] = mapped_column(Text, default="")
    label: Mapped[str] = mapped_column(Text, default="")
    record_sha256: Mapped[str | None] = mapped_column(Text, index=True)
    actions_sha256: Mapped[str | None] = mapped_column(Text, index=True)
    identity_sha256: Mapped[str | None] = mapped_column(Text)  # of agent, settings and weights
    corrects: Mapped[str | None] = mapped_column(Text)  # sha256 of an earlier submission
    corrected_by: Mapped[str | None] = mapped_column(Text)
    scored_by: Mapped[str | None] = mapped_column(Text)  # version of entitybench
    __table_args__ = (Index("submissions_by_task", "task", "state"),)


class Evidence(Base):
    """What the checker said of a submission, the record in it, and the row that follows."""

    __tablename__ = "evidence"

    submission_id: Mapped[int] = mapped_column(
        _Big, ForeignKey("submissions.id"), primary_key=True, autoincrement=False
    )
    report: Mapped[str] = mapped_column(Text)  # JSON
    record: Mapped[str | None] = mapped_column(Text)  # JSON
    entry: Mapped[str | None] = mapped_column(Text)  # JSON of the board's Entry
    suited: Mapped[bool] = mapped_column(default=False)  # whether it counts in a suite


class Job(Base):
    """Work on a submission; a worker holds it by a lease that it renews."""

    __tablename__ = "jobs"

    id: Mapped[int] = mapped_column(_Big, primary_key=True, autoincrement=True)
    submission_id: Mapped[int] = mapped_column(_Big, ForeignKey("submissions.id"), index=True)
    kind: Mapped[str] = mapped_column(Text)  # verify, rescore or draw
    state: Mapped[str] = mapped_column(Text, index=True)  # queued, running, done, failed, cancelled
    owner: Mapped[str | None] = mapped_column(Text)
    lease_until: Mapped[float | None]
    crashes: Mapped[int] = mapped_column(default=0)
    phase: Mapped[str] = mapped_column(Text, default="")
    done: Mapped[int] = mapped_column(_Big, default=0)
    total: Mapped[int] = mapped_column(_Big, default=0)
    created: Mapped[float]
    started: Mapped[float | None]
    ended: Mapped[float | None]


class Line(Base):
    """A line of the log that the submitter sees."""

    __tablename__ = "lines"

    id: Mapped[int] = mapped_column(_Big, primary_key=True, autoincrement=True)
    submission_id: Mapped[int] = mapped_column(_Big, ForeignKey("submissions.id"), index=True)
    at: Mapped[float]
    text: Mapped[str] = mapped_column(Text)


class Event(Base):
    """An entry of the audit log, which is never changed: triggers see to it."""

    __tablename__ = "events"

    seq: Mapped[int] = mapped_column(_Big, primary_key=True, autoincrement=False)
    at: Mapped[float]
    kind: Mapped[str] = mapped_column(Text)
    submission: Mapped[str] = mapped_column(Text, index=True)  # sha256 of the bundle
    detail: Mapped[str] = mapped_column(Text)  # JSON
    previous: Mapped[str] = mapped_column(Text)  # hash of the entry before
    hash: Mapped[str] = mapped_column(Text)


class Result(Base):
    """A metric of an accepted submission, with its interval over training seeds."""

    __tablename__ = "results"

    submission_id: Mapped[int] = mapped_column(
        _Big, ForeignKey("submissions.id"), primary_key=True, autoincrement=False
    )
    metric: Mapped[str] = mapped_column(Text, primary_key=True)
    place: Mapped[int]  # 0: the primary one
    mean: Mapped[float | None]
    low: Mapped[float | None]
    high: Mapped[float | None]


class Episode(Base):
    """A row of the record of a submission."""

    __tablename__ = "episodes"

    submission_id: Mapped[int] = mapped_column(
        _Big, ForeignKey("submissions.id"), primary_key=True, autoincrement=False
    )
    training_seed: Mapped[int] = mapped_column(_Big, primary_key=True, autoincrement=False)
    item: Mapped[int] = mapped_column(_Big, primary_key=True, autoincrement=False)
    numbers: Mapped[str] = mapped_column(Text)  # JSON, by metric
    error: Mapped[str | None] = mapped_column(Text)


class Fact(Base):
    """What the server remembers of itself, such as the salt of addresses."""

    __tablename__ = "facts"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[str] = mapped_column(Text)
