"""Where samplers take rows of columns from: the files as they are mapped, or a device."""

from __future__ import annotations

import mmap
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from entitybench.datasets.sampling.columns import TRUTHS, chosen
from entitybench.datasets.sampling.device import Resident

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from entitybench.datasets.store.store import EpisodeStore
    from entitybench.types import Array


FEW = 4096  # entries, of a batch and not of all


class Source(Protocol):
    """Columns to take rows of."""

    def index(self, rows: Array) -> Any:
        """Rows, an int64 array of any shape, as `take` wants them."""
        ...

    def take(self, name: str, index: Any) -> Any:
        """The entries of a column at an index, its shape first; truths in float32."""
        ...


class Mapped:
    """Columns as they lie on disk; entries are new numpy arrays."""

    def __init__(self, columns: Mapping[str, Array]) -> None:
        self._columns = columns
        self._first = dict.fromkeys(columns, 2)  # takes: what is before, what is after

    def index(self, rows: Array) -> Array:
        return rows

    def take(self, name: str, index: Array) -> Array:
        column = self._columns[name]
        first = self._first[name] > 0
        if first:
            self._first[name] -= 1
        with page_by_page(column) if first and index.size <= FEW else nullcontext():
            found: Array = column.take(index, axis=0)
        return found.astype(np.float32) if name in TRUTHS else found


@contextmanager
def page_by_page(column: Array) -> Iterator[None]:
    """Within, entries of a mapped file are read without the 32 pages around each.

    Those around make later batches fast and the first one slow: where the file is not in the
    system's cache, it would wait for a good part of all.
    """
    file = mapping(column)
    if file is None or not hasattr(mmap, "MADV_RANDOM"):
        yield
        return
    file.madvise(mmap.MADV_RANDOM)
    try:
        yield
    finally:
        file.madvise(mmap.MADV_NORMAL)


def mapping(column: Array) -> mmap.mmap | None:
    """The mapped file that an array is a view of; None in memory."""
    base: Any = column
    while isinstance(base, np.ndarray):
        base = base.base
    return base if isinstance(base, mmap.mmap) else None


def source_of(
    store: EpisodeStore, names: Sequence[str] | None, device: str | None
) -> tuple[Source, dict[str, str]]:
    """Columns of a store where they lie, or copied to a device; of each what an entry is of.

    Raises as `columns.chosen`.
    """
    columns = chosen(store, names)
    per = {name: store.manifest["columns"][name]["per"] for name in columns}
    return Mapped(columns) if device is None else Resident(columns, device), per
