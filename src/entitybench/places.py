"""Where files lie that are made once and used again, and their hashes."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def data_root() -> Path:
    """The folder of all datasets: `ENTITYBENCH_DATA`, or `~/.cache/entitybench/datasets`."""
    chosen = os.environ.get("ENTITYBENCH_DATA")
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache/entitybench/datasets"


def sha256_of(path: Path) -> str:
    """Hash of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
