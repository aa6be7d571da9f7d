"""Find out cheaply whether the files of a store are those that were written.

Sizes are compared at every opening. Hashing takes as long as reading, so a file is hashed only when
its size or its time of change differ from those noted when it was last found right. The notes lie
under the data root in `.verified/`, not in the store, whose bytes depend on nothing but its
arguments. `EpisodeStore.verify` also finds damage that leaves the time of change alone (a failing
disk).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shlex
from typing import TYPE_CHECKING, Any

from entitybench.datasets.store.frames import FRAMES
from entitybench.datasets.store.places import dataset_folder, generate_line
from entitybench.errors import BadValue, DataError
from entitybench.files import writing
from entitybench.places import data_root, real, sha256_of
from entitybench.registry import datasets
from entitybench.texts import parsed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def mend(folder: Path, manifest: Mapping[str, Any] | None) -> str:
    """The sentence that says how to get a sound store into `folder`."""
    id = str(manifest.get("dataset")) if manifest is not None else _id_of(folder)
    if id in datasets():
        spec = datasets()[id]
        made = manifest or {}
        try:
            line = generate_line(
                spec,
                episodes=int(made["splits"]["train"][1]),
                seed=int(made["seed"]),
                pixels=int(made["columns"][FRAMES]["shape"][0]) if made.get("drawn") else None,
                out=folder,
            )
        except (KeyError, TypeError, ValueError, IndexError):
            line = generate_line(spec, out=folder)
        return f"Make it anew: `{line}`"
    return f"Delete it, then generate or import it again: `rm -r {shlex.quote(str(folder))}`"


def _id_of(folder: Path) -> str:
    """The dataset whose default place this folder is; empty if there is none."""
    here = real(folder)
    for spec in datasets():
        with contextlib.suppress(BadValue):
            if real(dataset_folder(spec.id)) == here:
                return spec.id
    return ""


def check_sizes(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Raises DataError when a file is missing or has another size than the manifest says."""
    for name, about in manifest["files"].items():
        path = folder / name
        if not path.is_file():
            raise DataError(f"{name} is missing in {folder}. {mend(folder, manifest)}")
        size = path.stat().st_size
        if size != about["bytes"]:
            what = "truncated" if size < about["bytes"] else "corrupt"
            raise DataError(
                f"{name} in {folder} is {what}: {size} bytes, {about['bytes']} were written. "
                f"{mend(folder, manifest)}"
            )


def check_hashes(folder: Path, manifest: Mapping[str, Any], *, always: bool) -> None:
    """Hash the files that changed since they were last found right (`always`: every file).

    Raises DataError that names the first corrupt file.
    """
    stamps = _stamps(folder, manifest)
    noted = {} if always else _read_note(folder)
    if noted == stamps:
        return
    for name, about in manifest["files"].items():
        if noted.get(name) != stamps[name] and sha256_of(folder / name) != about["sha256"]:
            raise DataError(
                f"{name} in {folder} is corrupt: its sha256 is not the one in the manifest. "
                f"{mend(folder, manifest)}"
            )
    note_verified(folder, manifest)


def note_verified(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Remember that the files are right as they are; where notes cannot be written, none are."""
    with contextlib.suppress(OSError), writing(_note_path(folder)) as temporary:
        temporary.write_text(json.dumps(_stamps(folder, manifest)))


def _stamps(folder: Path, manifest: Mapping[str, Any]) -> dict[str, list[Any]]:
    """What tells that a file is the one that was hashed: the hash wanted, inode, size, time."""
    stamps = {}
    for name, about in manifest["files"].items():
        stat = (folder / name).stat()
        stamps[name] = [about["sha256"], stat.st_ino, stat.st_size, stat.st_mtime_ns]
    return stamps


def _note_path(folder: Path) -> Path:
    key = hashlib.sha256(os.fsencode(real(folder))).hexdigest()[:32]
    return data_root() / ".verified" / f"{key}.json"


def _read_note(folder: Path) -> dict[str, list[Any]]:
    try:
        note = parsed(_note_path(folder).read_text())
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}
