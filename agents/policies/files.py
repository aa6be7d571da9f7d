"""The file of a policy: its bytes, and what a record says of it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from entitybench.errors import BadValue
from entitybench.files import read_file
from entitybench.words import reason


def policy_file(path: str, form: str) -> tuple[bytes, dict[str, Any]]:
    """The bytes of a policy's file, and the settings of its record.

    Raises BadValue where it cannot be read.
    """
    if not Path(path).exists():
        raise BadValue(f"no file {path!r} to take a policy from.")
    try:
        data = read_file(path)
    except OSError as error:
        raise BadValue(f"{path!r} cannot be read: {reason(error)}.") from error
    about = {"form": form, "file": Path(path).name, "sha256": hashlib.sha256(data).hexdigest()}
    return data, about
