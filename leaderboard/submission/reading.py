"""Reads what a bundle says in JSON and in arrays; what is wrong with it goes into the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np
from pydantic import BaseModel, ValidationError

from entitybench.errors import RecordError
from entitybench.leaderboard.submission.archive import Unsafe
from entitybench.leaderboard.submission.arrays import unpacked
from entitybench.leaderboard.submission.models import (
    MANIFEST,
    RECORD,
    SCHEMA_VERSION,
    EpisodesInfo,
    Manifest,
    file_of,
    sha256,
)
from entitybench.leaderboard.submission.recorder import checkpoints
from entitybench.records import MOST, Record
from entitybench.texts import parsed
from entitybench.words import reason

if TYPE_CHECKING:
    from entitybench.leaderboard.submission.archive import Archive
    from entitybench.leaderboard.submission.models import FileInfo
    from entitybench.leaderboard.submission.rules import Report
    from entitybench.types import Array

M = TypeVar("M", bound=BaseModel)


def read(archive: Archive, name: str, report: Report) -> bytes | None:
    """A file of the archive. None: it is missing or broken."""
    if name not in archive.sizes:
        report.find("files", "it is missing", file=name)
        return None
    try:
        return archive.read(name)
    except Unsafe as unsafe:
        report.find("files", str(unsafe), file=unsafe.file)
        return None


def manifest_of(data: bytes, report: Report) -> Manifest | None:
    """The manifest. None: it is none, or a newer one."""
    version = None
    try:
        found = parsed(data, finite=True, keepable=True)
        version = found.get("schema_version") if isinstance(found, dict) else None
    except (ValueError, RecursionError):
        pass  # said below
    if type(version) is int and version > SCHEMA_VERSION:
        what = f"it is of schema {version}, made by a newer entitybench; this one reads schema "
        what += f"{SCHEMA_VERSION}: pip install -U entitybench"
        report.find("schema", what, file=MANIFEST, where="schema_version")
        return None
    return model_of(data, MANIFEST, Manifest, "schema", report)


def model_of(data: bytes, name: str, model: type[M], rule: str, report: Report) -> M | None:
    """What a JSON file says. None: it follows no schema."""
    try:
        return model.model_validate(parsed(data, finite=True, keepable=True), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        report.find(rule, f"{where or 'it'}: {first['msg']}", file=name, where=where)
    except (ValueError, RecursionError) as error:
        report.find(rule, f"it is no JSON: {reason(error)}", file=name)
    return None


def record_of(data: bytes, report: Report) -> Record | None:
    """The record. None: it is none, or a newer one."""
    try:
        parsed(data, finite=True, keepable=True)
        return Record.of_text(data.decode(), RECORD)
    except (RecordError, ValueError, RecursionError) as error:
        report.find("schema", reason(error), file=RECORD)
        return None


def check_hash(name: str, data: bytes, info: FileInfo, report: Report) -> None:
    """A file is what the manifest says."""
    if len(data) != info.size:
        report.find("files", f"it has {len(data)} bytes; the manifest: {info.size}", file=name)
    elif (found := sha256(data)) != info.sha256:
        what = f"its SHA-256 is {found[:16]}…; in the manifest: {info.sha256[:16]}…"
        report.find("files", what, file=name)


def check_form(name: str, data: bytes, tensors: bool, report: Report) -> None:
    """A file of a checkpoint is JSON or, of `tensors`, safetensors, and so nothing that could run.

    Safetensors begin with 8 bytes, the length of the JSON object that follows, little-endian.
    """
    size = int.from_bytes(data[:8], "little")
    text = data[8 : 8 + size] if tensors else data
    try:
        if tensors and size > len(data) - 8:
            raise ValueError(f"a header of {size} bytes in {len(data)}")
        if not isinstance(parsed(text), dict):
            raise ValueError("no object")
    except (ValueError, RecursionError) as error:
        form = "safetensors" if tensors else "JSON object"
        report.find("files", f"it is no {form}: {reason(error)}", file=name)


def column(
    data: bytes,
    name: str,
    shape: tuple[int, ...],
    report: Report,
    dtypes: tuple[str, ...] | None = None,
) -> Array | None:
    """An array of a shape, of numbers of these types or those of its name. None: it is none."""
    short = name.endswith(("actions.npy", "goals.npy", "predictions.npy"))
    try:
        array = unpacked(data, dtypes or (("<f4", "<f8") if short else ("<f8",)))
    except ValueError as error:
        report.find("arrays", reason(error), file=name)
        return None
    if array.shape != shape:
        report.find("arrays", f"its shape is {array.shape}; expected {shape}", file=name)
        return None
    return array


def check_numbers(name: str, array: Array, ends: Array, info: EpisodesInfo, report: Report) -> None:
    """Numbers are finite, and measurements.

    Args:
        name: of the file.
        array: (entries of all episodes, ...).
        ends: where each episode's entries end.
        info: the episodes.
    """
    flat = array.reshape(len(array), -1)
    wrong = ~(np.abs(flat).astype(np.float64) <= MOST)  # NaN too
    if not wrong.any():
        return
    row, place = np.argwhere(wrong)[0].tolist()
    episode = int(np.searchsorted(ends, row, side="right"))
    begin = 0 if episode == 0 else int(ends[episode - 1])
    where = f"training seed {info.training_seed}, episode {info.items[episode]}"
    what = f"number {place} of entry {row - begin} of the episode is {flat[row, place]:g}"
    report.find("arrays", what, file=name, where=where)


def shapes(
    info: EpisodesInfo, action: tuple[int, ...], state: int, goal: tuple[int, ...]
) -> dict[str, tuple[int, ...]]:
    """What the arrays of a training seed must have, by file.

    Args:
        info: its episodes.
        action: shape of an action.
        state: numbers of an integration state.
        goal: shape of a goal.
    """
    states = sum(checkpoints(steps) for steps in info.steps)
    return {
        file_of(info.training_seed, "actions"): (sum(info.steps), *action),
        file_of(info.training_seed, "states"): (states, state),
        file_of(info.training_seed, "goals"): (len(info.items), *goal),
    }
