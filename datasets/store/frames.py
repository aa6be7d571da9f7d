"""Columns of frames: HDF5, 16 consecutive frames a chunk, gzip; lossless.

A moving scene changes little from frame to frame, so a compressor that sees 16 of them at once
beats one that sees each alone. Runs of frames decode fast; a single frame costs its whole chunk,
so random access is to the decoded copy (decoded.py).
"""

from __future__ import annotations

import errno
import os
import shutil
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.datasets.store.checks import why
from entitybench.errors import DataError, MissingExtra
from entitybench.places import sha256_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CHUNK = 16  # frames
LEVEL = 4  # of gzip
FRAMES = "frames"  # the column that `bench generate --pixels` adds
_NAME = "frames"
_SPARE = 2**20  # bytes of disk for what HDF5 itself writes


def load_h5py() -> Any:
    """The module `h5py`. Raises MissingExtra."""
    try:
        import h5py
    except ImportError:
        raise MissingExtra(
            "h5py is not installed, and frames need it: pip install -e '.[minari]'"
        ) from None
    return h5py


def need_space(folder: Path, needed: int) -> None:
    """Raises OSError before HDF5 meets a full disk, which ends the process."""
    if shutil.disk_usage(folder).free < needed + _SPARE:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class FrameWriter:
    """Writes one column.

    Chunks are compressed here, not by HDF5, so that other processes can do that, and the file's
    bytes do not depend on how the frames were cut into pieces.
    """

    def __init__(self, path: Path, shape: tuple[int, ...]) -> None:
        """Begin a file for `shape` = (count, H, W, C) uint8."""
        self._path = path
        self._file = load_h5py().File(path, "w", libver="earliest")
        self._data = self._file.create_dataset(
            _NAME,
            shape,
            np.uint8,
            chunks=(CHUNK, *shape[1:]),
            compression="gzip",
            compression_opts=LEVEL,
            track_times=False,
        )
        self._waiting = np.zeros((0, *shape[1:]), np.uint8)
        self._done = 0

    def append(self, frames: np.ndarray) -> None:
        """Add frames (n, H, W, C)."""
        self._waiting = np.concatenate([self._waiting, frames])
        while len(self._waiting) >= CHUNK:
            self.put(pack(self._waiting[:CHUNK]))
            self._waiting = self._waiting[CHUNK:]

    def put(self, packed: bytes) -> None:
        """Add a chunk that `pack` made; only the last one may hold fewer frames than CHUNK."""
        need_space(self._path.parent, len(packed))
        self._data.id.write_direct_chunk((self._done, 0, 0, 0), packed)
        self._done += CHUNK

    def close(self) -> dict[str, Any]:
        """Write what is waiting; returns size and hash of the file."""
        if len(self._waiting):
            self.put(pack(self._waiting))
        self._file.close()
        return {"bytes": self._path.stat().st_size, "sha256": sha256_of(self._path)}


def pack(frames: np.ndarray) -> bytes:
    """Frames (n, H, W, C) as a chunk of the file, compressed; zeros follow where n < CHUNK."""
    whole = np.zeros((CHUNK, *frames.shape[1:]), np.uint8)
    whole[: len(frames)] = frames
    return zlib.compress(whole.tobytes(), LEVEL)


class Frames:
    """Reads (a part of) one column. Indexing decodes; `part` does not."""

    def __init__(self, path: Path, first: int, last: int, shape: Sequence[int]) -> None:
        self.path = path
        self.first = first
        self.shape = (last - first, *shape)
        self.dtype = np.dtype(np.uint8)

    @classmethod
    def open(cls, path: Path) -> Frames:
        """Open a column. Raises DataError when it is none, or lies in part in another file."""
        h5py = load_h5py()
        try:
            with h5py.File(path) as file:
                data = file[_NAME]
                link = type(file.get(_NAME, getlink=True))
                if link is not h5py.HardLink or data.is_virtual or data.external:
                    raise ValueError("it points to another file")
                if data.dtype != np.uint8:
                    raise ValueError(f"it holds {data.dtype}, not uint8")
                count, *shape = data.shape
        except Exception as error:  # a broken file makes HDF5 raise nearly anything
            raise DataError(f"{path} cannot be read: {why(error)}.") from None
        return cls(path, 0, count, shape)

    def part(self, first: int, last: int) -> Frames:
        """The frames first ... last - 1, not yet decoded."""
        return Frames(self.path, self.first + first, self.first + last, self.shape[1:])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> np.ndarray:
        """Decoded frames, for an index, a slice or an array of indices in any order."""
        rows = np.arange(len(self))[key] + self.first
        unique, back = np.unique(rows, return_inverse=True)
        try:
            with load_h5py().File(self.path) as file:
                data = file[_NAME]
                run = len(unique) and unique[-1] - unique[0] + 1 == len(unique)
                frames = data[unique[0] : unique[-1] + 1] if run else data[unique]
        except Exception as error:  # as in `open`
            raise DataError(f"{self.path} cannot be read: {why(error)}.") from None
        found: np.ndarray = frames[back.reshape(np.shape(rows))]
        return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("frames are decoded, which is a copy")
        return self[:].astype(dtype or self.dtype, copy=False)
