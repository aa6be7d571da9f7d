"""Write an episode store: columns are appended, and the folder gets its name in one step."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from entitybench.datasets.store.checks import Fault, check_column
from entitybench.datasets.store.frames import FrameWriter
from entitybench.datasets.store.schema import (
    EPISODES,
    MANIFEST,
    OFFSETS,
    SCHEMA_VERSION,
    STATE_EVERY,
    Column,
    Manifest,
    content_hash,
    manifest_bytes,
    state_counts,
)
from entitybench.datasets.store.verify import note_verified
from entitybench.errors import BadValue, DataError
from entitybench.files import only_one, swap, sync_folder, writing
from entitybench.places import data_root, real

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path


class _File:
    """One file that is hashed while it is written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO = path.open("wb")
        self._hash = hashlib.sha256()
        self._bytes = 0

    def write(self, data: bytes | memoryview) -> None:
        self._file.write(data)
        self._hash.update(data)
        self._bytes += len(data)

    def append(self, array: np.ndarray) -> None:
        self.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)

    def close(self) -> dict[str, Any]:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return {"bytes": self._bytes, "sha256": self._hash.hexdigest()}


class StoreWriter:
    """Fills `folder`, which must not be the final one, and describes it in a manifest at the end.

    Args:
        folder: an empty folder to write in.
        lengths: (E,) control steps of every episode, in order.
        columns: what will be appended.
        state_every: control steps between the entries of columns with `per="state"`.

    Raises BadValue for columns that a store cannot hold.
    """

    def __init__(
        self,
        folder: Path,
        lengths: Sequence[int] | np.ndarray,
        columns: Mapping[str, Column],
        *,
        state_every: int = STATE_EVERY,
    ) -> None:
        self.folder = folder
        self.lengths = np.asarray(lengths, np.int64)
        self.columns = dict(columns)
        self.state_every = state_every
        self._counts = {
            "row": int((self.lengths + 1).sum()),
            "episode": len(self.lengths),
            "state": int(state_counts(self.lengths, state_every).sum()),
        }
        try:
            names = [check_column(name, column.json()) for name, column in columns.items()]
        except Fault as fault:
            raise BadValue(f"the data do not fit a store: the manifest {fault}.") from None
        if len({name.casefold() for name in names}) < len(names):
            raise BadValue(f"columns differ in upper and lower case alone: {', '.join(columns)}.")
        if not len(self.lengths) or self.lengths.min() < 0:
            raise BadValue("a store needs episodes, and none of them of negative length.")
        self._left: dict[str, int] = {}
        self._files: dict[str, _File | FrameWriter] = {}
        for name, column in self.columns.items():
            count = self._counts[column.per]
            self._files[name] = self._begin(name, column, count)
            self._left[name] = count

    def append(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Add the next entries of some columns. Raises BadValue when they do not fit."""
        for name, array in arrays.items():
            column = self.columns[name]
            if (array.dtype.str, array.shape[1:]) != (column.dtype, column.shape):
                raise BadValue(
                    f"column {name!r} holds {column.dtype} {column.shape}: got {array.dtype.str} "
                    f"{array.shape[1:]}."
                )
            self._left[name] -= len(array)
            self._files[name].append(array)

    def finish(
        self,
        episodes: Sequence[Mapping[str, Any]],
        about: Mapping[str, Any] | Callable[[str], Mapping[str, Any]],
        drawn: Sequence[str] = (),
    ) -> Manifest:
        """Write offsets, episode rows and the manifest.

        Args:
            episodes: one row an episode (`schema.episode_row`); splits must be contiguous.
            about: the other fields of the manifest, or what gives them for the content hash.
            drawn: files that were drawn from the others.
        """
        wrong = {name: left for name, left in self._left.items() if left}
        if wrong or len(episodes) != len(self.lengths):
            raise BadValue(f"the store is not complete: entries missing {wrong}.")
        offsets = np.concatenate([[0], np.cumsum(self.lengths + 1)]).astype(np.int64)
        files = {
            self.columns[name].file_name(name): file.close() for name, file in self._files.items()
        }
        first = _npy(self.folder / OFFSETS, "<i8", offsets.shape)
        first.append(offsets)
        files[OFFSETS] = first.close()
        rows = _File(self.folder / EPISODES)
        rows.write("".join(map(_line, episodes)).encode())
        files[EPISODES] = rows.close()
        files = dict(sorted(files.items()))
        content = content_hash(files, drawn)
        manifest: Manifest = {
            "schema": SCHEMA_VERSION,
            **(about(content) if callable(about) else about),
            "splits": _splits([str(row["split"]) for row in episodes]),
            "transitions": int(self.lengths.sum()),
            "state_every": self.state_every,
            "columns": {name: column.json() for name, column in self.columns.items()},
            "files": files,
            **({"drawn": list(drawn)} if drawn else {}),
            "content_hash": content,
        }
        return write_manifest(self.folder, manifest)

    def _begin(self, name: str, column: Column, count: int) -> _File | FrameWriter:
        path, shape = self.folder / column.file_name(name), (count, *column.shape)
        if column.format == "hdf5":
            return FrameWriter(path, shape)
        return _npy(path, column.dtype, shape)


def write_manifest(folder: Path, manifest: Manifest) -> Manifest:
    """Write a manifest with its own hash, whole or not at all. Returns it."""
    data = manifest_bytes(manifest)
    with writing(folder / MANIFEST) as temporary:
        temporary.write_bytes(data)
    written: Manifest = json.loads(data)
    return written


def _line(row: Mapping[str, Any]) -> str:
    """A line of `episodes.jsonl`. Raises BadValue for what JSON cannot hold."""
    try:
        return json.dumps(row, allow_nan=False) + "\n"
    except (ValueError, TypeError) as error:
        raise BadValue(
            f"the row of episode {row.get('index')} cannot be stored: {error}; labels are texts, "
            "truth values and finite numbers."
        ) from None


@contextmanager
def new_store(final: Path) -> Iterator[Path]:
    """A folder to write a store in; it gets the name `final` when the block ends without an error.

    A store that is already there is replaced, and only then. After an error, a full disk or Ctrl-C
    nothing is left, and `final` is as it was. The caller holds `locked(final)`.

    Raises DataError when the disk is full or the place cannot be written.
    """
    temporary = _beside(final, "writing")
    try:
        with disk_errors(final):
            final.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir()
            yield temporary
            manifest = json.loads((temporary / MANIFEST).read_text())
            _replace(temporary, final)
            sync_folder(final.parent)
        note_verified(final, manifest)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def locked(final: Path, *, waiting: Callable[[str], None] | None = None) -> Iterator[None]:
    """Nobody else writes this store meanwhile. The system frees the lock when the process ends.

    What a process that was killed has left beside it is taken away.

    Raises DataError when another process writes it; with `waiting`, tells so and waits. Where the
    system has no file locks, or the data root cannot be written, nothing is locked.
    """

    def busy() -> None:
        if waiting is None:
            raise DataError(f"another process is writing {final}; wait until it has ended.")
        waiting(f"another process is writing {final}: waiting for it.")

    key = hashlib.sha256(os.fsencode(real(final))).hexdigest()[:32]
    # A data root that cannot be written does not forbid another --out.
    with only_one(data_root() / ".locks" / key, busy) as alone:
        if alone:
            _tidy(final)
        yield


@contextmanager
def disk_errors(final: Path) -> Iterator[None]:
    """Turn what the operating system says about a disk or a folder into one DataError."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DataError(
                f"the disk is full, so {final} was not written. Free some space (or name another "
                "disk with --out or ENTITYBENCH_DATA) and give the same command again."
            ) from None
        raise DataError(f"{final} cannot be written: {error.strerror or error}.") from None


def check_space(what: str, folder: Path, needed: int) -> None:
    """Raises DataError when the disk of a folder, which need not exist, has less free bytes."""
    place = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    free = shutil.disk_usage(place).free
    if free < needed:
        raise DataError(
            f"{what} needs {needed / 1e6:.0f} MB more in {folder}, {free / 1e6:.0f} "
            "MB are free: free some, or name another disk with ENTITYBENCH_DATA."
        )


def _replace(temporary: Path, final: Path) -> None:
    """Give a folder its name, whatever has it; what had it is gone."""
    if not (final.is_dir() and any(final.iterdir())):
        os.replace(temporary, final)
        return
    if swap(temporary, final):
        shutil.rmtree(temporary, ignore_errors=True)
        return
    old = _beside(final, "old")
    shutil.rmtree(old, ignore_errors=True)
    os.replace(final, old)
    try:
        os.replace(temporary, final)
    except BaseException:
        os.replace(old, final)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _tidy(final: Path) -> None:
    """Take away what a killed process left; what it was about to replace gets its name back."""
    old = _beside(final, "old")
    with suppress(OSError):
        if old.is_dir() and not final.exists():
            os.replace(old, final)
    for left in (old, _beside(final, "writing")):
        shutil.rmtree(left, ignore_errors=True)


def _beside(final: Path, what: str) -> Path:
    return final.parent / f".{final.name}.{what}"


def _npy(path: Path, dtype: str, shape: tuple[int, ...]) -> _File:
    """A `.npy` file with its header, to append entries to."""
    file = _File(path)
    header = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file


def _splits(names: Sequence[str]) -> dict[str, list[int]]:
    """Split name -> [first episode, last episode + 1]. Raises BadValue when a split has gaps."""
    splits: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        if name not in splits:
            splits[name] = [index, index]
        if splits[name][1] != index:
            raise BadValue(f"episodes of the split {name!r} must follow one another.")
        splits[name][1] = index + 1
    return splits
