"""Where blobs come from: the mirror that a URL, or a folder's path, names."""

from __future__ import annotations

import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from entitybench.datasets.transport.contract import Refused
from entitybench.errors import BadValue
from entitybench.places import expanded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from entitybench.datasets.transport.contract import Patience, Source

CHUNK = 2**18  # bytes read at once from a file
KINDS = "https://…, http://…, file://…, s3://bucket/prefix, hf://owner/name, or a folder"


class FolderSource:
    """A mirror in a folder of this machine."""

    remote = False

    def __init__(self, folder: Path) -> None:
        self.url = str(folder)
        self._folder = folder

    @contextmanager
    def open(self, name: str, start: int) -> Iterator[tuple[int, Iterator[bytes]]]:
        path = self._folder / name
        try:
            if not stat.S_ISREG(path.stat().st_mode):  # reading from a pipe would never end
                raise Refused(f"{name} is no file")
            file = path.open("rb")
        except FileNotFoundError:
            raise Refused(f"it has no {name}") from None
        except OSError as error:
            raise Refused(f"{name}: {(error.strerror or str(error)).lower()}") from None
        with file:
            file.seek(start)
            yield start, _pieces(file.read, name)


def _pieces(read: Callable[[int], bytes], name: str) -> Iterator[bytes]:
    try:
        while piece := read(CHUNK):
            yield piece
    except OSError as error:
        raise Refused(f"{name}: {(error.strerror or str(error)).lower()}") from None


def open_source(url: str, patience: Patience) -> Source:
    """The mirror that a URL, or the path of a folder, names. Raises BadValue for another kind."""
    kind = kind_of(url)
    if kind in ("http", "https"):
        from entitybench.datasets.transport.web import WebSource

        return WebSource(url, patience)
    if kind == "hf":
        from entitybench.datasets.transport.hub import hub_source

        return hub_source(url, patience)
    if kind == "s3":
        from entitybench.datasets.transport.bucket import BucketSource

        return BucketSource(url, patience)
    return FolderSource(local_folder(url))


def kind_of(url: str) -> str:
    """What stands before ://, such as s3; empty for the path of a folder."""
    return url.partition("://")[0].lower() if "://" in url else ""


def local_folder(url: str) -> Path:
    """The folder that a file:// URL or a path names. Raises BadValue for a URL of another kind."""
    if not kind_of(url):
        return expanded(url)
    host, slash, path = url.partition("://")[2].partition("/")
    if kind_of(url) != "file" or host not in ("", "localhost") or not slash:
        raise BadValue(f"{url!r} names no mirror: it must be {KINDS}.")
    return Path("/" + unquote(path))
