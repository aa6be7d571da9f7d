"""What others' files of flat arrays have in common, and stores of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from entitybench.datasets.store.checks import KNOWN, Fault, check_column
from entitybench.datasets.store.schema import Column
from entitybench.datasets.store.writer import StoreWriter
from entitybench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from entitybench.types import Array


def column_name(name: str, array: Array) -> str:
    """The column for a foreign array (rows, ...): "infos.…" where ours of its name is another."""
    try:
        check_column(name, Column.of(array).json())
    except Fault:
        return f"infos.{name}" if name in KNOWN else name
    return name


def check_memory(path: Path, needed: int) -> None:
    """Raises DataError when a file of flat arrays, unpacked, is larger than the memory."""
    try:
        here = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # a system that does not say
        return
    if needed > here:
        raise DataError(
            f"{path} holds {needed / 1e9:.0f} GB when unpacked, and this machine has "
            f"{here / 1e9:.0f} GB of memory: import it on a larger one."
        )


def foreign(dataset: str, source: str, **known: Any) -> dict[str, Any]:
    """The manifest's fields of data that others made: null where nothing is known.

    Args:
        dataset: what they call it.
        source: the kind of file.
        known: what else it tells.
    """
    unknown = ("task", "task_version", "behaviour", "seed", "environment", "reference_scores")
    about = {"dataset": dataset, **dict.fromkeys(unknown), "custom": True, "source": source}
    return {**about, **known}


def fill(
    folder: Path,
    columns: Mapping[str, Array],
    rows: Sequence[Mapping[str, Any]],
    about: Mapping[str, Any],
) -> None:
    """Fill an empty folder with a store of columns (rows, ...) and episodes."""
    kinds = {name: Column.of(array) for name, array in columns.items()}
    writer = StoreWriter(folder, [row["length"] for row in rows], kinds)
    writer.append(columns)
    writer.finish(rows, about)
