"""Minari itself, imported when used, and its names."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from entitybench.errors import BadValue, DataError, MissingExtra

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
    return Path(chosen).expanduser() if chosen else Path.home() / ".minari" / "datasets"


def fetch(name: str) -> None:
    """Let Minari download a dataset from its remote (`MINARI_REMOTE`, by default Farama's).

    What a failed download leaves is removed: Minari writes under the final name.

    Raises:
        BadValue: a name that Minari would not accept.
        DataError: no network, no such dataset, or nothing came.
        MissingExtra: Minari, or what its remote needs, is not installed.
    """
    minari = load_minari()
    check_name(name)
    folder = minari_root() / name
    whole = False
    try:
        with redirect_stdout(sys.stderr):  # it prints; our own output is the result
            minari.download_dataset(name)
        whole = (folder / "data" / "metadata.json").is_file()
    except ImportError as error:
        raise MissingExtra(f"Minari cannot download: {error}") from None
    except Exception as error:  # whatever the client of the remote raises
        raise DataError(f"Minari cannot download {name!r}: {error}") from None
    finally:
        if not whole:
            shutil.rmtree(folder, ignore_errors=True)
    if not whole:
        raise DataError(f"Minari says that it downloaded {name!r}, but there is no such dataset.")


@contextmanager
def root_at(folder: Path) -> Iterator[None]:
    """Let Minari write below another folder meanwhile."""
    before = os.environ.get("MINARI_DATASETS_PATH")
    os.environ["MINARI_DATASETS_PATH"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["MINARI_DATASETS_PATH"]
        else:
            os.environ["MINARI_DATASETS_PATH"] = before
