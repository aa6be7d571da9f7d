"""Where blobs go: a folder (for any web server), a bucket, or a Hugging Face repository."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from entitybench.datasets.store.writer import disk_errors
from entitybench.datasets.transport.contract import check_sent
from entitybench.datasets.transport.layout import INDEX
from entitybench.datasets.transport.sources import kind_of, local_folder
from entitybench.errors import BadValue
from entitybench.files import only_one, writing
from entitybench.places import sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from entitybench.datasets.transport.contract import Target


class FolderTarget:
    """A mirror in a folder, to be served as it is or copied to a server."""

    def __init__(self, root: Path) -> None:
        self._root = root
        index = root / INDEX
        self.index = index.read_bytes() if index.is_file() else None

    def put(self, name: str, content: Path | bytes, sha256: str) -> None:
        path = self._root / name
        if not (path.is_file() and sha256_of(path) == sha256):
            self._write(path, content, sha256)

    def finish(self, index: bytes) -> None:
        if index != self.index:
            self._write(self._root / INDEX, index)

    def _write(self, path: Path, content: Path | bytes, sha256: str | None = None) -> None:
        with writing(path) as temporary:
            if isinstance(content, bytes):
                temporary.write_bytes(content)
            else:
                shutil.copyfile(content, temporary)
            if sha256 is not None:
                check_sent(temporary, sha256, path.name if isinstance(content, bytes) else content)


def open_target(to: str) -> AbstractContextManager[Target]:
    """The mirror to publish to. Raises BadValue for one that cannot be written."""
    kind = kind_of(to)
    if kind == "s3":
        from entitybench.datasets.transport.bucket import bucket_target

        return bucket_target(to)
    if kind == "hf":
        from entitybench.datasets.transport.hub import hub_target

        return hub_target(to)
    if kind in ("http", "https"):
        raise BadValue(
            f"{to} cannot be written over HTTP: publish to a folder, and let the web server serve "
            "it (docs/hosting-a-mirror.md), or to s3://… or hf://…"
        )
    return _folder_target(local_folder(to))


@contextmanager
def _folder_target(root: Path) -> Iterator[Target]:
    with disk_errors(root):
        root.mkdir(parents=True, exist_ok=True)
        # Two who publish into one folder do so one after the other, where the system has locks.
        with only_one(root / ".lock", lambda: None):
            yield FolderTarget(root)
