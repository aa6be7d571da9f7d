"""The JSON schemas of what is written and sent, as files: `make results`."""

from __future__ import annotations

import json
from typing import Any

from entitybench.leaderboard.crossplay.stored import Document
from entitybench.leaderboard.submission.models import Signature, manifest_schema
from entitybench.records import record_schema

FOLDER = "docs/schemas"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, str]:
    """The text of each file in FOLDER, by its name."""
    found: dict[str, dict[str, Any]] = {
        "record": record_schema(),
        "manifest": manifest_schema(),
        "crossplay": Document.model_json_schema(),
        "signature": Signature.model_json_schema(),
    }
    return {
        f"{name}.schema.json": json.dumps({"$schema": _DIALECT, **schema}, indent=1) + "\n"
        for name, schema in found.items()
    }
