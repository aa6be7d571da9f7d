"""Frames decoded once into a file that is mapped into memory, for random access.

The file lies under the data root in `.cache/`, named by the hash of the column's file. It can be
deleted at any time: the next use makes it anew.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np

from entitybench.datasets.store.writer import check_space, disk_errors, locked
from entitybench.files import writing
from entitybench.places import data_root

if TYPE_CHECKING:
    from pathlib import Path

    from entitybench.datasets.store.frames import Frames

PIECE = 4096  # frames that are decoded at once


def decoded(frames: Frames, sha256: str) -> np.ndarray:
    """The frames (count, H, W, C) uint8 of a whole column, memory-mapped.

    Args:
        frames: all of the column's file.
        sha256: of that file.

    Raises:
        DataError: the disk is full, the data root cannot be written, or the column is damaged.
    """
    path = data_root() / ".cache" / f"{sha256}.npy"
    found = _mapped(path, frames.shape)
    if found is None:
        with locked(path, waiting=_tell):
            found = _mapped(path, frames.shape)  # another process may have made it meanwhile
            if found is None:
                _decode(frames, path)
                found = np.lib.format.open_memmap(path, mode="r")
    return found


def _mapped(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """The file, or None where it is missing, cut off, or of something else."""
    try:
        found: np.ndarray = np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError):
        return None
    return found if found.dtype == np.uint8 and found.shape == shape else None


def _decode(frames: Frames, path: Path) -> None:
    """Write the file: whole, or not at all."""
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        check_space(f"decoding {frames.path}", path.parent, int(np.prod(frames.shape)))
        with writing(path) as temporary, temporary.open("wb") as file:
            header = {"descr": "|u1", "fortran_order": False, "shape": frames.shape}
            np.lib.format.write_array_header_1_0(file, header)
            for first in range(0, len(frames), PIECE):
                file.write(frames[first : first + PIECE].data)
                _progress(min(first + PIECE, len(frames)), len(frames))


def _tell(text: str) -> None:
    sys.stderr.write(text + "\n")


def _progress(done: int, total: int) -> None:
    """A line that is overwritten, for a person at a terminal."""
    if sys.stderr.isatty():
        end = "\n" if done == total else ""
        sys.stderr.write(f"\rdecoding frames, once: {done} of {total}{end}")
        sys.stderr.flush()
