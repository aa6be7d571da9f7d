"""Where files lie that are made once and used again, and their hashes."""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from entitybench.errors import BadValue

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def staying() -> Iterator[None]:
    """Afterwards the working folder is what it was: somebody else's code may have changed it."""
    try:
        here = os.open(".", os.O_RDONLY)
    except OSError:  # it was removed, or cannot be read: there is nothing to come back to
        yield
        return
    try:
        yield
    finally:
        os.fchdir(here)
        os.close(here)


def expanded(path: str | Path) -> Path:
    """The path with ~ and ~NAME as the home folders they mean. Raises BadValue: there is none."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise BadValue(f"{path}: no home folder of that name; write ./{path} for a file.") from None


def real(path: Path) -> Path:
    """The path without links, as far as they lead somewhere; in a ring of links the path itself."""
    return Path(os.path.realpath(path))


def store_place(path: str | Path) -> Path:
    """Where a store is to be. Raises BadValue for what has no name that the store could get."""
    found = expanded(path)
    if found.name in ("", ".."):
        raise BadValue(
            f"a dataset gets a folder of its own, and {str(path)!r} has no name: name a folder in "
            "it."
        )
    if found.is_symlink() and not found.exists():
        raise BadValue(f"{path} is a link that leads nowhere, or to itself: name another folder.")
    return found


def data_root() -> Path:
    """The folder of all datasets: `ENTITYBENCH_DATA`, or `~/.cache/entitybench/datasets`."""
    chosen = os.environ.get("ENTITYBENCH_DATA")
    return expanded(chosen) if chosen else Path.home() / ".cache/entitybench/datasets"


def sha256_of(path: Path) -> str:
    """Hash of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
