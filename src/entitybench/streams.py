"""Standard output is the result's alone, whatever agents and libraries print beside it."""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from entitybench.errors import BadValue
from entitybench.words import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

_results: list[Any] = []  # the innermost `apart` last


@contextmanager
def apart(*, for_good: bool = False) -> Iterator[None]:
    """Within, `result()` alone is standard output; what else is printed goes to standard error.

    Agents, the libraries they use and their child processes may print, close what they print to,
    or write to descriptor 1: the result stays as it is. Signs that the terminal's encoding lacks
    are replaced.

    Args:
        for_good: it stays so afterwards: the process ends, and threads may still print.
    """
    _reserve()
    before, number = sys.stdout, _number(sys.stdout)
    result: Any
    if before is None:
        result = _Closed()
    elif number is None:  # captured
        result = before
    else:
        before.flush()
        result = open(  # noqa: SIM115 - closed below
            os.dup(number),
            "w",
            encoding=before.encoding,
            errors="replace",
            buffering=1 if before.isatty() else -1,
        )
        os.dup2(2, number)
    _results.append(result)
    sys.stdout = _Aside()
    try:
        yield
    finally:
        if not for_good or number is None:
            _restore(before, number)


def _restore(before: Any, number: int | None) -> None:
    result = _results.pop()
    sys.stdout = before
    if number is None:
        return
    with suppress(OSError, ValueError):
        before.flush()
    with suppress(OSError, ValueError):
        os.dup2(result.fileno(), number)
    with suppress(OSError, ValueError):
        result.close()


def result() -> Any:
    """Where the result of a command goes."""
    return _results[-1] if _results else sys.stdout


def emit(text: str = "") -> None:
    """Print a line of the result. Raises BrokenPipeError; BadValue where it cannot be written."""
    stream = result()
    try:
        stream.write(f"{text}\n")
        stream.flush()
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise BadValue(f"cannot write to standard output: {why}.") from error


def note(text: str) -> None:
    """One line on standard error for the person who waits; not part of the result."""
    with suppress(OSError, ValueError, AttributeError):  # it may be closed
        sys.stderr.write(f"{visible(text)}\n")
        sys.stderr.flush()


def drop() -> None:
    """Let what is left for standard output go nowhere: the reader has left, or the disk is full."""
    with suppress(OSError, ValueError, AttributeError):  # captured by a test, or closed
        os.dup2(os.open(os.devnull, os.O_WRONLY), result().fileno())


def _reserve() -> None:
    """Let a closed standard stream be none that the next file that is opened takes the place of."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _number(stream: Any) -> int | None:
    """1 where the stream is the process's standard output."""
    try:
        return 1 if stream.fileno() == 1 else None
    except (OSError, ValueError, AttributeError):
        return None


class _Closed(io.TextIOBase):
    """Standard output that was closed before we began."""

    def write(self, _: str) -> int:
        raise OSError(errno.EBADF, "it is closed", "standard output")


class _Aside(io.TextIOBase):
    """What others see as standard output: standard error, which they cannot close by it."""

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError, AttributeError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError, AttributeError):
            sys.stderr.flush()

    def close(self) -> None:
        self.flush()

    def fileno(self) -> int:
        return sys.stderr.fileno()

    def isatty(self) -> bool:
        return sys.stderr is not None and sys.stderr.isatty()

    def writable(self) -> bool:
        return True

    @property
    def buffer(self) -> Any:
        """For bytes."""
        return sys.stderr.buffer

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(sys.stderr, "encoding", None) or "utf-8"
