"""Minari itself, imported when used, and its names."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from entitybench.datasets.store.writer import disk_errors, locked
from entitybench.errors import BadValue, DataError, MissingExtra
from entitybench.places import expanded

if TYPE_CHECKING:
    from collections.abc import Iterator

# What Minari has no place for lies in this group of each episode's HDF5 group, where Minari does
# not look, and under this key of the metadata.
EXTRA = "entitybench"
DATA_FILE = "main_data.hdf5"


def load_minari() -> Any:
    """The module `minari`. Raises MissingExtra."""
    try:
        for name in ("PIL", "h5py"):  # Minari needs both and does not say so when it is installed
            importlib.import_module(name)
        return importlib.import_module("minari")
    except ImportError as error:
        raise MissingExtra(
            f"{error.name or error} is not installed, and Minari needs it: "
            "pip install -e '.[minari]'"
        ) from None


def check_name(name: str) -> str | None:
    """The namespace of a Minari name. Raises BadValue for a name that Minari would not accept."""
    from minari.dataset.minari_dataset import parse_dataset_id

    try:
        namespace: str | None = parse_dataset_id(name)[0]
    except (ValueError, TypeError):
        raise BadValue(
            f"{name!r} is no Minari name: it must be like push-3blocks/mine-v0, that is "
            "[namespace/]name-v<number>, each part of two or more letters, digits or -_."
        ) from None
    return namespace


def minari_root() -> Path:
    """The folder of all Minari datasets: `MINARI_DATASETS_PATH`, or ~/.minari/datasets."""
    chosen = os.environ.get("MINARI_DATASETS_PATH")
    return expanded(chosen) if chosen else Path.home() / ".minari" / "datasets"


def fetch(name: str) -> None:
    """Let Minari download a dataset from its remote (`MINARI_REMOTE`, by default Farama's).

    What a failed download leaves is removed; the dataset has its name when it is whole.

    Raises:
        BadValue: a name that Minari would not accept.
        DataError: no network, no such dataset, or nothing came.
        MissingExtra: Minari, or what its remote needs, is not installed.
    """
    minari = load_minari()
    check_name(name)
    final = minari_root() / name
    with locked(final), disk_errors(final), staged(name) as staging:
        try:
            with redirect_stdout(sys.stderr):  # it prints; our own output is the result
                minari.download_dataset(name)
        except ImportError as error:
            raise MissingExtra(f"Minari cannot download: {error}") from None
        except Exception as error:  # whatever the client of the remote raises
            raise DataError(f"Minari cannot download {name!r}: {error}") from None
        if not (staging / name / "data" / "metadata.json").is_file():
            raise DataError(
                f"Minari says that it downloaded {name!r}, but there is no such dataset."
            )
        take_place(staging, name)


@contextmanager
def staged(name: str) -> Iterator[Path]:
    """Let Minari write a dataset below another folder meanwhile, which is gone in the end."""
    root, variable = minari_root(), "MINARI_DATASETS_PATH"
    staging = root / f".{EXTRA}-{name.replace('/', '-')}"
    before = os.environ.get(variable)
    try:
        shutil.rmtree(staging, ignore_errors=True)  # after a kill
        staging.mkdir(parents=True)
        os.environ[variable] = str(staging)
        yield staging
    finally:
        if before is None:
            os.environ.pop(variable, None)
        else:
            os.environ[variable] = before
        shutil.rmtree(staging, ignore_errors=True)


def take_place(staging: Path, name: str) -> None:
    """Give a whole dataset its name, and its namespaces theirs. `staged` still holds."""
    from minari.namespace import NAMESPACE_METADATA_FILENAME as FILE

    root = staging.parent
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    for file in staging.rglob(FILE):
        place = root / file.relative_to(staging)
        if not place.exists():
            os.replace(file, place)
    os.replace(staging / name, root / name)
