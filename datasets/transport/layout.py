"""How a mirror is laid out: any folder, web server, bucket or repository that gives files.

    index.json                      {"schema": 1, "manifests": {id: sha256 of its manifest.json}}
    blobs/sha256/<aa>/<sha256>      every file, manifests too, under the hash of its bytes

The index is the only file that ever changes, and an id in it never gets another manifest. It is not
trusted: what it names is held to the hashes pinned in the package, to what is registered under the
id, and to every hash in the manifest.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from entitybench.datasets.store.checks import Fault, is_hash, read_json, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

INDEX = "index.json"
INDEX_SCHEMA = 1
MOST_TEXT = 8 * 2**20  # bytes of an index or a manifest


def blob_name(sha256: str) -> str:
    """Where the file with this hash lies on a mirror."""
    return f"blobs/sha256/{sha256[:2]}/{sha256}"


def read_index(data: bytes) -> dict[str, str]:
    """Id -> sha256 of its manifest. Raises Fault."""
    index = read_json(data)
    if not isinstance(index, dict) or "schema" not in index:
        raise Fault("is corrupt: it is no index")
    if index["schema"] != INDEX_SCHEMA or isinstance(index["schema"], bool):
        raise Fault(
            f"follows schema {shown(index['schema'])}, this version reads schema {INDEX_SCHEMA}"
        )
    manifests = index.get("manifests")
    if not isinstance(manifests, dict) or not all(map(is_hash, manifests.values())):
        raise Fault("is corrupt: manifests do not map ids to sha256")
    return manifests


def index_bytes(manifests: Mapping[str, str]) -> bytes:
    """The index as it is written: sorted, so that equal ones are equal bytes."""
    index = {"schema": INDEX_SCHEMA, "manifests": dict(sorted(manifests.items()))}
    return (json.dumps(index, indent=1) + "\n").encode()
