"""A record: everything one evaluation was and gave. Tables and plots are made from records only.

A record file is JSON; `record_schema()` is its JSON schema. Each episode is one row, the training
seed that made the policy beside the episode seed that made the start.
"""

from __future__ import annotations

import itertools
import json
import os
import stat
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from entitybench.errors import BadValue, RecordError

if TYPE_CHECKING:
    from collections.abc import Sequence

SCHEMA_VERSION: Literal[1] = 1

# What an error in a row begins with. A policy that fails counts as a failure of its agent; physics,
# memory or disk that fail are counted apart and enter no mean.
POLICY = "policy"
INFRASTRUCTURE = "infrastructure"

# Numbers beyond are no measurement, and their squares overflow in the statistics.
_MOST = 1e100
_MOST_STEPS = 10**9


class _Model(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False
    )


class Episode(_Model):
    """One row: one episode of one training seed."""

    training_seed: int = Field(ge=0)
    seed: int = Field(ge=0, description="of the start state and goal")
    success: bool = Field(description="at the last step")
    success_any: bool = Field(description="at any step")
    success_fraction: float = Field(ge=0, le=1, description="entities at their goals, last step")
    steps_to_success: int | None = Field(
        ge=0, le=_MOST_STEPS, description="control steps until the first success"
    )
    return_: float = Field(
        ge=-_MOST,
        le=_MOST,
        validation_alias="return",
        serialization_alias="return",
        description="sum of rewards",
    )
    length: int = Field(ge=0, le=_MOST_STEPS, description="control steps")
    latency_ms: float = Field(
        ge=0, le=_MOST, description="mean time of one decision of a whole block"
    )
    state_digest: str = Field(description="of the last simulator state")
    error: str | None = None

    @property
    def counts(self) -> bool:
        """False where the infrastructure failed, so that the row says nothing about the agent."""
        return self.error is None or not self.error.startswith(INFRASTRUCTURE)


class AgentInfo(_Model):
    """Who acted."""

    id: str
    preset: str | None = None
    config: dict[str, Any] = {}
    updates: int | None = Field(None, description="training steps behind the weights")
    weights_from: str | None = Field(None, description="the task the weights were trained on")


class TaskInfo(_Model):
    """Where."""

    id: str
    version: int
    kind: str
    horizon: int = Field(ge=1, description="control steps")
    kwargs: dict[str, Any] = {}
    bank: str = Field("public", description="where the start states come from")


class Hashes(_Model):
    """sha256 of what the result depends on."""

    task: str
    model: str | None = None
    dataset: str | None = None
    weights: dict[str, str] = Field({}, description="by training seed")


class Revision(_Model):
    """State of the source checkout."""

    commit: str
    dirty: bool


class Record(_Model):
    """One agent in one task: the rows, and what made them."""

    schema_version: Literal[1] = SCHEMA_VERSION
    agent: AgentInfo
    task: TaskInfo
    hashes: Hashes
    versions: dict[str, str]
    device: str
    revision: Revision | None = None
    arguments: dict[str, Any] = Field({}, description="resolved")
    block: int = Field(ge=1, description="episodes a policy acts on at once")
    threads: int = Field(ge=1)
    wall_time_s: float = Field(ge=0)
    created: str = Field(description="UTC, ISO 8601")
    episodes: list[Episode]
    diagnostics: dict[str, dict[str, float]] = Field({}, description="mean by training seed")

    @model_validator(mode="after")
    def _each_row_once(self) -> Self:
        keys = [(row.training_seed, row.seed) for row in self.episodes]
        if not keys:
            raise ValueError("a record needs at least one episode")
        if len(set(keys)) != len(keys):
            raise ValueError("an episode occurs twice")
        return self

    @property
    def training_seeds(self) -> list[int]:
        """Sorted."""
        return sorted({row.training_seed for row in self.episodes})

    @property
    def label(self) -> str:
        """The name of the row in tables."""
        source, bank = self.agent.weights_from, self.task.bank
        remarks = [f"trained on {source}"] if source else []
        remarks += [f"{bank} starts"] if bank != "public" else []
        return f"{self.agent.id} ({', '.join(remarks)})" if remarks else self.agent.id

    def failures(self) -> dict[str, int]:
        """Rows with an error, by whose fault it was."""
        errors = [row.error for row in self.episodes if row.error is not None]
        broken = sum(error.startswith(INFRASTRUCTURE) for error in errors)
        return {INFRASTRUCTURE: broken, POLICY: len(errors) - broken}

    def deterministic(self) -> dict[str, Any]:
        """What is equal for any number of threads, at any time, on the same kind of machine."""
        data = self.model_dump(mode="json", by_alias=True)
        for name in ("wall_time_s", "created", "threads", "arguments", "revision"):
            del data[name]
        for row in data["episodes"]:
            del row["latency_ms"]
        return data

    def to_json(self) -> str:
        """The text of the record file."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), indent=1) + "\n"

    def write(self, path: str | Path) -> Path:
        """Write the record file, whole or not at all."""
        return write_atomic(path, self.to_json())

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a record file. Raises RecordError with one line that says what is wrong."""
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text"
            raise RecordError(f"cannot read the record {path}: {reason}.") from error
        try:
            data = json.loads(text)
        except ValueError as error:
            raise RecordError(f"{path} is no record: not JSON ({error}).") from error
        except RecursionError as error:
            raise RecordError(f"{path} is no record: its brackets nest too deeply.") from error
        version = data.get("schema_version") if isinstance(data, dict) else None
        if version != SCHEMA_VERSION or version is True:  # which equals 1
            raise RecordError(
                f"{path} is no record of schema {SCHEMA_VERSION}: "
                f"schema_version is {version!r:.60}."
            )
        try:
            return cls.model_validate(data, strict=True)  # "yes" is no truth value
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the record"
            raise RecordError(f"{path} is no valid record: {where}: {first['msg']}.") from error


def read_records(paths: Sequence[str | Path]) -> list[Record]:
    """Records from files."""
    return [Record.read(path) for path in paths]


def record_schema() -> dict[str, Any]:
    """The JSON schema of a record file."""
    return Record.model_json_schema(by_alias=True)


def write_atomic(path: str | Path, content: str | bytes) -> Path:
    """Write a file under its final name only when it is whole: temporary name, fsync, replace.

    A link stays a link: the file it points to is written. What is no regular file (a device, a
    pipe) is written into, never replaced. Makes missing parent folders.

    Raises BadValue when it cannot be written; no part of a file is left behind.
    """
    path = Path(path)
    data = content.encode() if isinstance(content, str) else content
    try:
        if _special(path):
            _write_into(path, data)
        else:
            _replace(Path(os.path.realpath(path)), data)
    except OSError as error:
        raise BadValue(f"cannot write {path}: {error.strerror or error}.") from error
    return path


def write_new(folder: Path, stem: str, content: str, *, suffix: str = ".json") -> Path:
    """Write folder/STEM.json, or STEM-2.json, … where that is taken, also by another process.

    Returns the path. Raises BadValue when it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for again in itertools.count(1):
            path = folder / (f"{stem}-{again}{suffix}" if again > 1 else f"{stem}{suffix}")
            try:
                open(path, "xb").close()  # takes the name: only one process can
            except FileExistsError:
                continue
            break
    except OSError as error:
        raise BadValue(f"cannot write in {folder}: {error.strerror or error}.") from error
    try:
        return write_atomic(path, content)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


_STANDARD = {"/dev/stdout": 1, "/dev/stderr": 2}


def _special(path: Path) -> bool:
    """Whether there is something that is no regular file, a folder included."""
    if str(path) in _STANDARD:
        return True
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:
        return False


def _write_into(path: Path, data: bytes) -> None:
    # Standard output may be a file: opened anew it would be written from its beginning.
    number = _STANDARD.get(str(path))
    sys.stdout.flush()
    with open(path if number is None else os.dup(number), "wb") as file:
        file.write(data)


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
