"""`bench serve` as pages show it: it lasts until Ctrl-C, beside commands that end."""

from __future__ import annotations

import signal
import socket
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def lasts(line: str) -> bool:
    """Whether a page's command ends by Ctrl-C only; with other options it ends by itself."""
    words = line.split()
    return words[:2] == ["bench", "serve"] and set(words[2::2]) <= {"--port"}


def free_port() -> int:
    """One that was free a moment ago."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def on_port(line: str, port: int) -> str:
    """The command for a board at another port than the pages' 8000."""
    return f"{line} --port {port}" if line == "bench serve" else line.replace(":8000", f":{port}")


@contextmanager
def running(line: str, folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """Runs it beside what the block does, from its first line of output on, and then ends it."""
    begun = subprocess.Popen(
        ["bash", "-c", f"exec {line}"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert begun.stdout is not None
    first = begun.stdout.readline()
    try:
        assert first, line
        yield
        assert begun.poll() is None, f"{line} ended by itself"
    finally:
        begun.send_signal(signal.SIGINT)
        begun.communicate(timeout=60)
    assert begun.returncode in {0, 130}, f"{line}: {begun.returncode}"
