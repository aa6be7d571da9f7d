"""What is in the registered datasets: the hash of the content of each, of its registered size.

The numbers stand in `contents.json`, which a checkout takes from `facts/` (they are no part of the
package): `make dataset-pages`, or

    python -m entitybench.datasets.catalogue.contents
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("contents.json")
FACTS = Path(__file__).with_name("facts")


@cache
def contents() -> dict[str, str]:
    """sha256 of the content by dataset id, of all that have facts."""
    found: dict[str, str] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def is_registered(dataset: str, content: str | None) -> bool:
    """Whether this is the content of the registered dataset; True where nobody knows."""
    known = contents().get(dataset)
    return known is None or content is None or content == known


def of_facts(folder: Path = FACTS) -> dict[str, str]:
    """The same out of facts."""
    manifests = (json.loads(path.read_text())["manifest"] for path in folder.glob("*/*.json"))
    return dict(sorted((made["dataset"], made["content_hash"]) for made in manifests))


def write() -> None:
    """Write `contents.json` of a checkout."""
    FILE.write_text(json.dumps(of_facts(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
