"""Where samplers take rows of columns from: the files as they are mapped, or a device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from entitybench.datasets.sampling.columns import TRUTHS
from entitybench.datasets.sampling.device import Resident

if TYPE_CHECKING:
    from collections.abc import Mapping

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


def source_of(columns: Mapping[str, Array], device: str | None) -> Source:
    """The columns where they lie, or copied to a device."""
    if device is None:
        return Mapped(columns)
    return Resident(columns, device)
