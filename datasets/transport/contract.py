"""What every kind of mirror can do, how it fails, and how patient we are with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

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

    def put(self, name: str, content: Path | bytes, size: int) -> None:
        """Write a blob, unless one of this name and size is there."""
        ...

    def finish(self, index: bytes) -> None:
        """Replace the index. Raises DataError when somebody else has done so meanwhile."""
        ...
