"""Where samplers take rows of columns from: the files as they are mapped, or a device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from entitybench.datasets.sampling.columns import TRUTHS, chosen
from entitybench.datasets.sampling.device import Resident

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.datasets.store.store import EpisodeStore
    from entitybench.types import Array


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

    def index(self, rows: Array) -> Array:
        return rows

    def take(self, name: str, index: Array) -> Array:
        found: Array = self._columns[name].take(index, axis=0)
        return found.astype(np.float32) if name in TRUTHS else found


def source_of(
    store: EpisodeStore, names: Sequence[str] | None, device: str | None
) -> tuple[Source, dict[str, str]]:
    """Columns of a store where they lie, or copied to a device; of each what an entry is of.

    Raises as `columns.chosen`.
    """
    columns = chosen(store, names)
    per = {name: store.manifest["columns"][name]["per"] for name in columns}
    return Mapped(columns) if device is None else Resident(columns, device), per
