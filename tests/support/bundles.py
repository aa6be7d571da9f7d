"""Bundles, and alterations of them by somebody who knows the format."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

from entitybench.leaderboard.submission.archive import zipped
from entitybench.leaderboard.submission.arrays import packed, unpacked

Files = dict[str, bytes]
ACTIONS, STATES = "episodes/seed0/actions.npy", "episodes/seed0/states.npy"
GOALS = "episodes/seed0/goals.npy"


def content(bundle: bytes) -> Files:
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def altered(bundle: bytes, alter: Callable[[Files], None], *, hashes: bool = True) -> bytes:
    """The bundle as somebody alters it who knows the format: with hashes that fit again."""
    files = content(bundle)
    alter(files)
    manifest = json.loads(files["manifest.json"])
    if hashes:
        manifest["files"] = {
            name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in files.items()
            if name not in ("manifest.json", "signature.json")
        }
        manifest["record_sha256"] = manifest["files"]["record.json"]["sha256"]
        files["manifest.json"] = json.dumps(manifest).encode()
    return zipped(files)


def edited(name: str, edit: Callable[[Any], None]) -> Callable[[Files], None]:
    """An alteration of a JSON file."""

    def alter(files: Files) -> None:
        data = json.loads(files[name])
        edit(data)
        files[name] = json.dumps(data).encode()

    return alter


def moved(name: str, place: tuple[Any, ...], by: float) -> Callable[[Files], None]:
    """An alteration of one number of an array."""

    def alter(files: Files) -> None:
        array = unpacked(files[name], ("<f4", "<f8")).copy()
        array[place] = np.clip(array[place] + by, -1, 1) if name == ACTIONS else array[place] + by
        files[name] = packed(array)

    return alter


def row(column: str, value: Any) -> Callable[[Files], None]:
    """A value of episode 1 in the record."""
    return edited("record.json", lambda data: data["rows"]["values"][column].__setitem__(1, value))
