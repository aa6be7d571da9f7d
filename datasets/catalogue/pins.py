"""Pins: the manifests that a version of the package vouches for, by their sha256.

`python -m entitybench.datasets.catalogue.pins FOLDER...` adds or moves the pins of datasets and
weights in a checkout, from folders that were made on the machine that publishes them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from entitybench.datasets.catalogue.pinned import FILE
from entitybench.datasets.transport.item import sha256_of_bytes, undrawn
from entitybench.datasets.transport.publish import describe


def main(folders: list[str]) -> None:
    """Write the pins of these folders. Raises BenchError when one is not fit to be published."""
    known = json.loads(FILE.read_text())
    for folder in folders:
        item, data = describe(Path(folder))
        known[item.id] = sha256_of_bytes(undrawn(data))
    FILE.write_text(json.dumps(dict(sorted(known.items())), indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
