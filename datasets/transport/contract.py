"""What every kind of mirror can do, how it fails, and how patient we are with it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from entitybench.errors import DataError
from entitybench.places import sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path


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


class Target(Protocol):
    """A mirror to write to. Nobody may see the new index before all blobs are there.

    Attributes:
        index: the index as it is; None: there is none yet.
    """

    index: bytes | None

    def put(self, name: str, content: Path | bytes, sha256: str) -> None:
        """Write a blob, unless one of this name and hash is there.

        Raises DataError where the content has another hash.
        """
        ...

    def finish(self, index: bytes) -> None:
        """Replace the index. Raises DataError when somebody else has done so meanwhile."""
        ...


def check_sent(content: Path | bytes, sha256: str, name: object = None) -> None:
    """Raises DataError where what was sent has another hash: it changed after it was checked."""
    found = (
        hashlib.sha256(content).hexdigest() if isinstance(content, bytes) else sha256_of(content)
    )
    if found != sha256:
        raise DataError(
            f"{name or content} changed while it was published, or the disk is failing. The index "
            "of the mirror was not touched: mend that and give the same command again."
        )
