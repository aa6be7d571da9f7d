"""The files are those that were written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entitybench.datasets.lint.finding import Finding
from entitybench.datasets.store.verify import mend
from entitybench.places import sha256_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CHECK = "files"


def check_files(folder: Path, manifest: Mapping[str, Any]) -> list[Finding]:
    """Size and sha256 of every file are those of the manifest; every damaged file is named."""
    found = []
    for name, about in manifest["files"].items():
        path = folder / name
        if not path.is_file():
            wrong = "the file is missing"
        elif path.stat().st_size != about["bytes"]:
            wrong = f"{path.stat().st_size} bytes, {about['bytes']} were written"
        elif sha256_of(path) != about["sha256"]:
            wrong = "its sha256 is not the one in the manifest"
        else:
            continue
        found.append(Finding("error", CHECK, name, wrong, mend(folder, manifest)))
    return found
