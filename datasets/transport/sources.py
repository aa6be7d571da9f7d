"""Where blobs come from: what every kind of mirror can do, and how patient we are with it."""

from __future__ import annotations

import stat
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote

from entitybench.errors import BadValue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

CHUNK = 2**18  # bytes read at once from a file
KINDS = "https://…, http://…, file://…, s3://bucket/prefix, hf://owner/name, or a folder"


class Refused(Exception):
    """A mirror will not give this file, however often it is asked: try another one."""


class Interrupted(Exception):
    """A mirror failed in a way that may pass.

    Args:
        reason: in a few words.
        after: seconds that the mirror asks us to wait; None: it does not say.
    """

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to bear with a mirror before the next one is asked."""

    connect: float = 10.0  # s until a connection stands
    silence: float = 30.0  # s without a byte, or with too few of them
    least_speed: float = 1000.0  # bytes/s over `silence`; an attempt that brings less is in vain
    tries: int = 5  # attempts in vain, one after another
    first_wait: float = 0.5  # s between attempts; doubles
    longest_wait: float = 60.0  # s; a mirror that asks for more is left alone


class Source(Protocol):
    """A mirror to read from."""

    url: str
    remote: bool  # whether reading needs a network

    def open(self, name: str, start: int) -> AbstractContextManager[tuple[int, Iterator[bytes]]]:
        """The bytes of a file from `start` on, or from 0 where it cannot begin later.

        Yields where they begin, and the bytes piece by piece. Raises Refused and Interrupted.
        """
        ...


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
        return Path(url).expanduser()
    host, slash, path = url.partition("://")[2].partition("/")
    if kind_of(url) != "file" or host not in ("", "localhost") or not slash:
        raise BadValue(f"{url!r} names no mirror: it must be {KINDS}.")
    return Path("/" + unquote(path))
