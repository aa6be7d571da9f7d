"""The manifests that this version of the package vouches for, as `pins.json` says."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = Path(__file__).with_name("pins.json")


@cache
def pins() -> Mapping[str, str]:
    """Id -> sha256 of the manifest."""
    found: dict[str, str] = json.loads(FILE.read_text(encoding="utf-8"))
    return found
