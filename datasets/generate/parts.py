"""Work in parts: a file for each finished part, with its checksum, to go on from after a kill."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import sys
import zipfile
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from entitybench.errors import DataError
from entitybench.files import write_atomic, writing
from entitybench.texts import parsed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from entitybench.types import Array

_DIGEST = hashlib.sha256().digest_size
_ROWS = ".rows"
_ARGUMENTS = "arguments.json"
Part = tuple["dict[str, Array]", list[dict[str, Any]]]  # arrays by name, and rows of JSON


class Job(Protocol):
    """Work that any process can do a part of; a worker gets it as JSON."""

    def part(self, index: int) -> Part:
        """Do the part `index`. What it gives depends on nothing but the job and the index."""
        ...

    def counts(self) -> list[int]:
        """How many things each part makes, for those who wait."""
        ...

    def arguments(self) -> dict[str, Any]:
        """All that the parts depend on, as JSON; finished ones are used again where it is equal."""
        ...

    def json(self) -> dict[str, Any]:
        """What a worker process makes the same job from."""
        ...


def prepare(folder: Path, job: Job, tell: Callable[[str], None]) -> set[int]:
    """Make the folder for part files ready; returns the parts that an earlier call finished."""
    arguments = job.arguments()
    try:
        found = parsed((folder / _ARGUMENTS).read_text())
    except (OSError, ValueError):
        found = None
    if found != arguments:
        if found is not None:
            tell(f"{folder} was begun with other arguments: starting anew.")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        write_atomic(folder / _ARGUMENTS, json.dumps(arguments))
        return set()
    count = len(job.counts())
    kept = {index for index in range(count) if part_is_right(part_path(folder, index))}
    if kept:
        tell(f"going on: {len(kept)} of {count} blocks are there already.")
    return kept


def to_stderr(text: str) -> None:
    """A line for the person who waits."""
    sys.stderr.write(text + "\n")


def part_path(folder: Path, index: int) -> Path:
    """The part file of block `index`."""
    return folder / f"block-{index:06d}.part"


def write_part(path: Path, arrays: dict[str, Array], rows: list[dict[str, Any]]) -> None:
    """Write a finished block: sha256, then an npz archive. The file appears whole or not at all."""
    memory = io.BytesIO()
    text = np.frombuffer(json.dumps(rows).encode(), np.uint8)
    # Numbers only, so nothing is pickled; before numpy 2.1 an allow_pickle would be stored instead.
    parts: dict[str, Any] = {**arrays, _ROWS: text}
    np.savez(memory, **parts)
    data = memory.getbuffer()
    with writing(path) as temporary, temporary.open("wb") as file:
        file.write(hashlib.sha256(data).digest())
        file.write(data)


def part_is_right(path: Path) -> bool:
    """Whether a part file is there and holds what was written."""
    try:
        data = path.read_bytes()
    except OSError:
        return False
    return hashlib.sha256(data[_DIGEST:]).digest() == data[:_DIGEST]


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The episode rows of a block, without its arrays. Raises DataError as `read_part` does."""
    rows: list[dict[str, Any]] = json.loads(_read(path, only=_ROWS)[_ROWS].tobytes())
    return rows


def read_part(path: Path) -> tuple[dict[str, Array], list[dict[str, Any]]]:
    """Read a block. Raises DataError when the part is not what was written."""
    arrays = _read(path)
    rows = json.loads(arrays.pop(_ROWS).tobytes())
    return arrays, rows


def _read(path: Path, only: str | None = None) -> dict[str, Array]:
    try:
        with path.open("rb") as file:
            file.seek(_DIGEST)
            with np.load(file, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files if only in (None, name)}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path} was damaged while in use ({error}). Give the same command again."
        ) from None
