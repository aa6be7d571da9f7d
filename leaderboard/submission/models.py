"""The manifest of a bundle: what was evaluated, with what, and the files that prove it.

A bundle is one zip archive:

    manifest.json               this
    record.json                 the record as `bench eval` wrote it
    signature.json              optional: an Ed25519 signature of the manifest
    episodes/seed0/actions.npy  (steps, *action_shape) of training seed 0, episode after episode
    episodes/seed0/states.npy   (checkpoints, S) float64, after 0, 20, 40, … steps and at the end
    episodes/seed0/goals.npy    (episodes, N, D) float32
    episodes/seed0/predictions.npy  instead of these, of graphs: (steps, N, N + 1) scores
    episodes/seed0/answers.npy  instead of these, of problems: (numbers,) int32, see answers.py
    weights/seed0/…             optional: the checkpoint, agent.json and weights.safetensors
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from entitybench.checkpoints import META, WEIGHTS
from entitybench.kinds import GRAPHS, PROBLEMS
from entitybench.record_infos import AgentInfo, DataInfo
from entitybench.record_rows import RecordModel
from entitybench.registry import kinds

if TYPE_CHECKING:
    from entitybench.records import Record

SCHEMA_VERSION: Literal[1] = 1
EVERY: Literal[20] = 20  # control steps between two checkpoints
MANIFEST, RECORD, SIGNATURE = "manifest.json", "record.json", "signature.json"
COLUMNS = ("actions", "states", "goals")
# Of kinds whose agents state something, and act on nothing.
PREDICTIONS, ANSWERS = ("predictions",), ("answers",)
_COLUMNS = {GRAPHS: PREDICTIONS, PROBLEMS: ANSWERS}

_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Count = Annotated[int, Field(ge=0, le=2**63 - 1)]
_Steps = Annotated[int, Field(ge=1, le=10_000_000)]


class FileInfo(RecordModel):
    """One file of the bundle."""

    size: _Count = Field(description="bytes, not compressed")
    sha256: _Sha256


class TaskReference(RecordModel):
    """The task, as the build had it that packed."""

    id: str
    version: int
    kind: str = Field(description="of the evaluation")
    bank: str
    sha256: str = Field(description="of what in the task changes an episode")
    model: str | None = Field(description="sha256 of the scene")


class AgentReference(AgentInfo):
    """Who acted."""

    label: str = Field(description="as tables name it")
    weights: dict[str, str] = Field(description="sha256 by training seed")


class EpisodesInfo(RecordModel):
    """The episodes of one training seed, in the order of the arrays."""

    training_seed: _Count
    items: list[_Count] = Field(min_length=1, description="seeds of the starts")
    steps: list[_Steps] = Field(description="control steps of each episode")


class Manifest(RecordModel):
    """What a bundle is of, and its files."""

    schema_version: Literal[1] = SCHEMA_VERSION
    package: str = Field(description="version of entitybench that packed")
    task: TaskReference
    agent: AgentReference
    data: list[DataInfo] = Field(description="what was learned from, by training seed")
    training_seeds: list[_Count]
    episodes: list[EpisodesInfo] = Field(min_length=1)
    checkpoint_every: Literal[20] = Field(EVERY, description="control steps")
    machine: dict[str, str] = Field(description="versions and processor where it was packed")
    record_sha256: _Sha256
    files: dict[str, FileInfo] = Field(description="all but the manifest and its signature")

    def to_json(self) -> str:
        """The text of manifest.json."""
        return json.dumps(self.model_dump(mode="json"), indent=1) + "\n"


class Signature(RecordModel):
    """Who vouches for a manifest."""

    algorithm: Literal["ed25519"] = "ed25519"
    public_key: _Sha256 = Field(description="32 bytes, hex")
    signature: Annotated[str, Field(pattern=r"^[0-9a-f]{128}$")] = Field(
        description="of the SHA-256 (32 bytes) of manifest.json, hex"
    )


def columns_of(kind: str) -> tuple[str, ...]:
    """The arrays of a training seed, by the kind of the evaluation."""
    return _COLUMNS.get(kinds()[kind].evaluator, COLUMNS) if kind in kinds() else COLUMNS


def file_of(training_seed: int, column: str) -> str:
    """Where the bundle has an array."""
    return f"episodes/seed{training_seed}/{column}.npy"


def weights_of(training_seed: int) -> dict[str, str]:
    """Where the bundle has the weights of a training seed, by the names of a checkpoint's files."""
    return {name: f"weights/seed{training_seed}/{name}" for name in (META, WEIGHTS)}


def sha256(data: bytes) -> str:
    """In hex."""
    return hashlib.sha256(data).hexdigest()


def said(record: Record) -> dict[str, Any]:
    """What a manifest repeats of its record, by field."""
    return {
        "task": TaskReference(
            id=record.task.id,
            version=record.task.version,
            kind=record.kind,
            bank=record.task.bank,
            sha256=record.hashes.task,
            model=record.hashes.model,
        ),
        "agent": AgentReference(
            **record.agent.model_dump(), label=record.label, weights=record.hashes.weights
        ),
        "data": record.data,
        "training_seeds": record.training_seeds,
    }


def manifest_schema() -> dict[str, Any]:
    """The JSON schema of manifest.json."""
    return Manifest.model_json_schema()
