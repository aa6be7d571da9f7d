"""What can be downloaded, whatever it is: an id, a manifest, a folder."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from entitybench.datasets.catalogue.pinned import pins
from entitybench.datasets.store.checks import Fault, read_json
from entitybench.datasets.store.frames import FRAMES
from entitybench.datasets.store.schema import manifest_bytes
from entitybench.errors import BenchError
from entitybench.places import sha256_of

if TYPE_CHECKING:
    from pathlib import Path

    from entitybench.datasets.store.schema import Manifest


@dataclass(frozen=True, slots=True)
class Item(ABC):
    """Something with an id, a manifest and a folder.

    Attributes:
        id: as in an index.
        folder: where it is installed.
        make: the command that makes it here; empty where there is none.
        registered: whether this package knows the id.
        pixels: of the frames that a dataset comes with, along an edge; 0: without.
        former: ids under which earlier versions published it.
    """

    id: str
    folder: Path
    make: str
    registered: bool = True
    pixels: int = 0
    former: tuple[str, ...] = ()

    @property
    def pin(self) -> str | None:
        """The hash that its manifest must have, where one is pinned; frames are not pinned."""
        return pins().get(self.id.partition("+")[0])

    def is_pinned(self, data: bytes) -> bool:
        """Whether these bytes are the manifest that is pinned, frames aside; or none is."""
        return self.pin in (None, sha256_of_bytes(undrawn(data)))

    @abstractmethod
    def check(self, data: bytes) -> Manifest:
        """The manifest in these bytes, if it is of this item. Raises Fault."""

    def check_folder(self, folder: Path, manifest: Manifest) -> None:
        """Raises BenchError or Fault unless the files in `folder` are what they claim to be."""
        for name, about in manifest["files"].items():
            if sha256_of(folder / name) != about["sha256"]:
                raise Fault(f"holds a corrupt {name}: another sha256")


class NoFrames(Fault):
    """A manifest of the dataset that is meant, without its frames."""


def pixels_of(manifest: Manifest) -> int:
    """Along an edge of the frames; 0 where there are none."""
    return int(manifest["columns"][FRAMES]["shape"][0]) if FRAMES in manifest["columns"] else 0


def undrawn(data: bytes) -> bytes:
    """The bytes of a dataset's manifest as they were before frames were drawn."""
    manifest = read_json(data)
    drawn = manifest.get("drawn")
    if not drawn:
        return data
    manifest["columns"] = {n: c for n, c in manifest["columns"].items() if n != FRAMES}
    manifest["files"] = {n: about for n, about in manifest["files"].items() if n not in drawn}
    del manifest["drawn"]
    return manifest_bytes(manifest)


def sha256_of_bytes(data: bytes) -> str:
    """Hash of some bytes."""
    return hashlib.sha256(data).hexdigest()


def said(error: Exception) -> str:
    """The first sentence of an error, to be put into another."""
    text = str(error)
    return text.split(". ")[0].rstrip(".") if isinstance(error, BenchError) else text
