"""A peer's trainer in a process of its own, which answers lines with seconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


class Peer:
    """A script of this folder that prints JSON once it is ready, and for each line of input."""

    def __init__(self, name: str, python: Path, script: str, size: Any, **environ: str) -> None:
        """Start it. `size` is its only argument, as JSON; `environ` is added to the environment."""
        self.name = name
        self.process = subprocess.Popen(
            [str(python), str(Path(__file__).with_name(script)), json.dumps(size)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environ},
        )
        self.about = self._read()

    def _read(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.name} did not start (exit code {self.process.wait()}).")
        return json.loads(line)

    def ask(self, *words: int) -> tuple[float, float]:
        """Seconds on the wall and of the processor of what the words ask for."""
        assert self.process.stdin is not None
        print(*words, file=self.process.stdin, flush=True)
        wall, cpu = self._read()
        return wall, cpu

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()
