"""What the server answers in JSON, as pydantic models: the OpenAPI document is made of them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


class Problem(BaseModel):
    """Why something was not done."""

    error: str = Field(description="one line: what is wrong, and what to do")
    findings: list[dict[str, Any]] = Field([], description="of the checker, where it looked")


class Arrived(BaseModel):
    """How much of an upload is there."""

    offset: int = Field(description="bytes; go on there with Content-Range")
    received: bool = Field(description="whether all is there, and was taken")


class Progress(BaseModel):
    """Of the job that a submission waits for."""

    ahead: int = Field(description="jobs that come before it")
    phase: str
    done: int = Field(description="control steps simulated again")
    total: int


class LineOfLog(BaseModel):
    """What was said to the submitter."""

    at: str
    text: str


class Number(BaseModel):
    """A metric, with its 95 % interval over training seeds."""

    metric: str
    mean: float | None
    low: float | None
    high: float | None


class Entry(BaseModel):
    """A submission, in short."""

    sha256: str
    size: int
    received: str
    state: str
    reason: str
    level: int | None
    signed_by: str | None
    task: str
    version: int | None
    kind: str
    agent: str
    label: str
    corrects: str | None
    corrected_by: str | None
    scored_by: str | None = Field(description="version of entitybench")


class Full(Entry):
    """A submission, with what is known of it."""

    progress: Progress | None
    results: list[Number]
    log: list[LineOfLog]


class Entries(BaseModel):
    """Some submissions, newest first."""

    entries: list[Entry]
    next: int | None = Field(description="`before` of the next page")


class Row(BaseModel):
    """An episode."""

    training_seed: int
    item: int
    values: dict[str, float | None]
    error: str | None


class Rows(BaseModel):
    """Some episodes, in order."""

    rows: list[Row]
    next: int | None = Field(description="`skip` of the next page")


class Logged(BaseModel):
    """An entry of the audit log."""

    seq: int
    at: float
    kind: str
    submission: str
    detail: str = Field(description="JSON, as it was hashed")
    previous: str
    hash: str


class Log(BaseModel):
    """Some of the audit log, in order."""

    entries: list[Logged]
    next: int | None = Field(description="`after` of the next page")


class Season(BaseModel):
    """A season of hidden starts."""

    name: str
    commitment: str = Field(description="SHA-256 of the secret, as the log says")
    episodes: int = Field(description="hidden starts of each training seed")
    opened: float = Field(description="s since 1970")
    revealed: float | None = Field(description="s since 1970; null while it is open")
    secret: str | None = Field(description="hex; null while it is open")


class Signed(BaseModel):
    """A wish that the key of a submission has signed."""

    signature: str = Field(
        pattern="^[0-9a-f]{128}$",
        description="Ed25519, hex, of the SHA-256 of the text `withdraw SHA256` of the bundle",
    )


class RuleOf(BaseModel):
    """A rule of the checker."""

    rule: str
    level: int
    holds: str
    advice: str


class Health(BaseModel):
    """Whether the server can do its work."""

    status: str
    version: str
    worker: str = Field(description="seconds since a worker last held a job, or that none waits")
