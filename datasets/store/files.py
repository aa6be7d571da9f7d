"""Read the files of a store: the manifest, and the array of each column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.datasets.store.checks import Fault, check_manifest, read_json, why
from entitybench.datasets.store.frames import Frames
from entitybench.datasets.store.schema import MANIFEST
from entitybench.datasets.store.verify import mend
from entitybench.errors import DataError, MissingExtra
from entitybench.files import read_file

if TYPE_CHECKING:
    from pathlib import Path

    from entitybench.datasets.store.schema import Manifest


def read_manifest(folder: Path) -> Manifest:
    """`manifest.json`, checked against its own hash. Raises DataError."""
    path = folder / MANIFEST
    try:
        data = read_file(path)
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(f"no dataset in {folder}: it has no {MANIFEST}.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from None
    try:
        return check_manifest(read_json(data))
    except Fault as fault:
        raise DataError(f"{MANIFEST} in {folder} {fault}. {mend(folder, None)}") from None


def open_column(folder: Path, name: str, manifest: Manifest) -> Any:
    """The array of a file, mapped, or the frames in it. Raises DataError, MissingExtra."""
    try:
        if name.endswith(".h5"):
            return Frames.open(folder / name)
        mapped: np.ndarray = np.lib.format.open_memmap(folder / name, mode="r")
    except MissingExtra:
        raise
    except Exception as error:  # a broken header makes numpy and HDF5 raise nearly anything
        raise DataError(
            f"{name} in {folder} cannot be read ({type(error).__name__}: {why(error)}). "
            f"{mend(folder, manifest)}"
        ) from None
    return mapped
