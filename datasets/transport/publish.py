"""`bench publish`: put a dataset or weights onto a mirror."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entitybench.datasets.store.checks import Fault, read_json
from entitybench.datasets.store.schema import MANIFEST
from entitybench.datasets.transport.item import Item, sha256_of_bytes, undrawn
from entitybench.datasets.transport.items import item_of, with_frames
from entitybench.datasets.transport.layout import blob_name, index_bytes, read_index
from entitybench.datasets.transport.targets import open_target
from entitybench.datasets.transport.weights import weights_manifest
from entitybench.errors import BadValue, DataError
from entitybench.files import read_file
from entitybench.registry import datasets

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def publish(
    folder: Path, to: str, *, progress: Callable[[int, int], None] | None = None
) -> tuple[str, str]:
    """Put what a folder holds onto a mirror: blobs first, the index last.

    Every blob is held to its hash, those that lie there already too; a wrong one is written anew.
    A dataset with frames is published twice, with them and without.

    Args:
        folder: a dataset, or a folder with the checkpoints seed0/, seed1/, … of one agent.
        to: a folder, `s3://bucket/prefix` or `hf://owner/name`.
        progress: called with (bytes done, bytes in all).

    Returns:
        The id, and the sha256 of the manifest that the index now names.

    Raises:
        DataError: damaged files, a custom set under a registered id, or an id whose content would
            change.
        BadValue: a folder with something else in it, or a place that cannot be published to.
    """
    item, data = describe(folder)
    manifest = item.check(data)
    manifests = {item.id: data}
    if manifest.get("drawn"):  # twice, with frames and without: the blobs are the same
        manifests = {item.id: undrawn(data), with_frames(item, manifest).id: data}
    hashes = {id: sha256_of_bytes(data) for id, data in manifests.items()}
    total = sum(about["bytes"] for about in manifest["files"].values())
    with open_target(to) as target:
        try:
            index = read_index(target.index) if target.index is not None else {}
        except Fault as fault:
            raise DataError(f"the index of {to} {fault}.") from None
        for id, sha256 in hashes.items():
            if index.get(id, sha256) != sha256:
                raise DataError(
                    f"{id} lies on {to} with other content, and a published version never "
                    "changes: give it a new version number."
                )
        done = 0
        for name, about in manifest["files"].items():
            target.put(blob_name(about["sha256"]), folder / name, about["sha256"])
            done += about["bytes"]
            if progress is not None:
                progress(done, total)
        for id, data in manifests.items():
            target.put(blob_name(hashes[id]), data, hashes[id])
        target.finish(index_bytes({**index, **hashes}))
    return item.id, hashes[item.id]


def describe(folder: Path) -> tuple[Item, bytes]:
    """What a folder holds, checked, and the bytes of its manifest. Raises DataError, BadValue."""
    if not folder.is_dir():
        raise BadValue(f"no folder {str(folder)!r} to publish.")
    path = folder / MANIFEST
    try:
        return _described(folder, read_file(path)) if path.exists() else weights_manifest(folder)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from None
    except Fault as fault:
        raise DataError(f"{path if path.exists() else folder} {fault}.") from None


def _described(folder: Path, data: bytes) -> tuple[Item, bytes]:
    about = read_json(data)
    id = about.get("dataset", about.get("weights")) if isinstance(about, dict) else None
    if not isinstance(id, str):
        raise Fault("is no manifest: it names neither a dataset nor weights")
    size = about.get("size")
    if id in datasets() and isinstance(size, str) and size in datasets()[id].sizes:
        id = f"{id}@{size}"
    item = item_of(id)
    manifest = item.check(data)
    for name in manifest["files"]:
        if (folder / name).is_symlink():
            raise Fault(f"names {name}, which is a symbolic link: only files are published")
    item.check_folder(folder, manifest)
    return item, data
