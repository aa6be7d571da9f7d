"""Columns that live on a device, and batches that are copied to one. Needs torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.datasets.sampling.columns import TRUTHS
from entitybench.errors import BadValue, MissingExtra

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.types import Array

PIECE = 2**25  # bytes that are copied at once, so that the host holds no second copy


class Resident:
    """Columns as tensors on a device; rows are chosen there, and only their numbers travel."""

    def __init__(self, columns: Mapping[str, Array], device: str) -> None:
        torch = load_torch(device)
        self._device = torch.device(device)
        if self._device.type == "cuda":
            _check_room(torch, sum(column.nbytes for column in columns.values()), device)
        self._columns = {name: _moved(torch, a, self._device) for name, a in columns.items()}

    def index(self, rows: Array) -> Any:
        import torch

        index = torch.from_numpy(np.ascontiguousarray(rows))
        if self._device.type == "cuda":
            index = index.pin_memory()
        return index.to(self._device, non_blocking=True)

    def take(self, name: str, index: Any) -> Any:
        column = self._columns[name]
        found = column.index_select(0, index.reshape(-1))
        found = found.reshape(*index.shape, *column.shape[1:])
        return found.float() if name in TRUTHS else found


def to_device(batch: Mapping[str, Array], device: str) -> dict[str, Any]:
    """A batch of numpy arrays as tensors on a device.

    To a GPU it goes through pinned memory while the program runs on: sample the next batch
    meanwhile. On the processor the tensors share the memory of the arrays.

    Raises:
        MissingExtra: torch is not installed.
        BadValue: a GPU that is not there.
    """
    torch = load_torch(device)
    tensors = {name: torch.from_numpy(array) for name, array in batch.items()}
    if torch.device(device).type == "cpu":
        return tensors
    # torch keeps pinned memory, and gives a piece out again only when its copy has ended.
    return {n: t.pin_memory().to(device, non_blocking=True) for n, t in tensors.items()}


def load_torch(device: str) -> Any:
    """The module torch. Raises MissingExtra without it, BadValue for a device it does not have."""
    try:
        import torch
    except ImportError:
        raise MissingExtra(
            f"torch is not installed, and device {device!r} needs it: pip install -e '.[train]'"
        ) from None
    kind, _, number = device.partition(":")
    if kind not in ("cpu", "cuda") or (number and not number.isdigit()):
        raise BadValue(f"unknown device {device!r}; use cpu, cuda or cuda:<index>.")
    if kind == "cuda" and not torch.cuda.is_available():
        raise BadValue(f"no GPU for device {device!r}: torch finds no CUDA; use 'cpu'.")
    if kind == "cuda" and number and int(number) >= torch.cuda.device_count():
        raise BadValue(f"no device {device!r}: there are {torch.cuda.device_count()} GPUs.")
    return torch


def _check_room(torch: Any, needed: int, device: str) -> None:
    free, _ = torch.cuda.mem_get_info(device)
    if needed > free:
        raise BadValue(
            f"the columns take {needed / 1e9:.1f} GB on {device}, {free / 1e9:.1f} GB are free: "
            "name fewer with columns=, or send batches with to_device."
        )


def _moved(torch: Any, column: Array, device: Any) -> Any:
    like = torch.from_numpy(np.empty(0, column.dtype)).dtype
    tensor = torch.empty(column.shape, dtype=like, device=device)
    rows = max(1, PIECE // max(1, column[:1].nbytes))
    for first in range(0, len(column), rows):
        piece = np.array(column[first : first + rows])  # torch wants memory that can be written
        tensor[first : first + rows].copy_(torch.from_numpy(piece))
    return tensor
