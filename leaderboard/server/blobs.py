"""Bundles on the disk: whole, under the SHA-256 of their bytes, and on the disk before a row is.

What is on its way lies in `incoming/`, under the hash that the sender says it will have, and can be
gone on with; nothing that a sender says is ever part of a path but 64 hex digits.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING

from entitybench.files import is_at, sync_folder
from entitybench.places import sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEPT = 86_400.0  # s that a part of an upload is kept for its sender to go on with


class Busy(Exception):
    """Another upload of the same bundle is on its way."""


class Blobs:
    """The bundles of a store."""

    def __init__(self, store: Path) -> None:
        self.folder, self.incoming = store / "bundles", store / "incoming"
        for folder in (self.folder, self.incoming):
            folder.mkdir(parents=True, exist_ok=True)

    def path(self, sha256: str) -> Path:
        """Where a bundle lies, or will."""
        return self.folder / sha256[:2] / f"{sha256}.zip"

    def part(self, name: str) -> Path:
        """Where it lies while it is on its way."""
        return self.incoming / f"{name}.part"

    def arrived(self, sha256: str) -> int:
        """Bytes of an upload that was broken off; 0 where there is none."""
        with suppress(FileNotFoundError):
            return self.part(sha256).stat().st_size
        return 0

    @contextmanager
    def receiving(self, name: str) -> Iterator[IO[bytes]]:
        """The part of an upload, to write at its end. Raises Busy where another does so."""
        with self.part(name).open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Busy from None
            if not is_at(file, self.part(name)):  # it has just become a bundle, or was dropped
                raise Busy
            yield file

    def keep(self, name: str, sha256: str) -> Path:
        """Give a whole upload its place, for good: it is there after a loss of power."""
        part, path = self.part(name), self.path(sha256)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        if not path.parent.is_dir():
            path.parent.mkdir(exist_ok=True)
            sync_folder(self.folder)
        os.replace(part, path)
        sync_folder(path.parent)
        return path

    def hash_of_part(self, name: str) -> str:
        """SHA-256 of what has arrived."""
        return sha256_of(self.part(name))

    def drop(self, name: str) -> None:
        """Take away what has arrived."""
        self.part(name).unlink(missing_ok=True)

    def sweep(self, now: float | None = None) -> None:
        """Take away parts that nobody has gone on with for a day."""
        now = time.time() if now is None else now
        for part in self.incoming.glob("*.part"):
            with suppress(OSError):
                if now - part.stat().st_mtime > KEPT:
                    part.unlink()
