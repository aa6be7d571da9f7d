"""Checkpoints of tensors: `entitybench.checkpoints` with torch in the place of numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from entitybench import checkpoints
from entitybench.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from entitybench.checkpoints import Checkpoint
    from entitybench.types import Array

Tensors = dict[str, torch.Tensor]


def write(
    folder: Path, meta: Mapping[str, Any], weights: Tensors, training: Tensors | None
) -> None:
    """As `entitybench.checkpoints.write`."""
    rest = None if training is None else _arrays(training)
    checkpoints.write(folder, meta, _arrays(weights), rest)


def read(folder: Path) -> tuple[Checkpoint, Tensors, Tensors | None]:
    """As `entitybench.checkpoints.read`."""
    checkpoint, weights, training = checkpoints.read(folder)
    return checkpoint, _tensors(weights), None if training is None else _tensors(training)


def fitting(
    folder: Path,
    expected: Mapping[str, torch.Tensor],
    found: Mapping[str, torch.Tensor],
    whose: str,
) -> Tensors:
    """The tensors of a checkpoint, in the order of the expected ones.

    So sums over parameters round alike after a resume. Raises CheckpointError unless names and
    shapes are those of `expected`.
    """
    wrong = sorted(expected.keys() ^ found.keys())
    wrong += [k for k in expected if k in found and expected[k].shape != found[k].shape]
    if wrong:
        raise CheckpointError(
            f"the weights in {folder} do not fit {whose}: {wrong[0]} and {len(wrong) - 1} more "
            "differ; they are of another agent, or of networks for another task."
        )
    return {name: found[name] for name in expected}


def _arrays(tensors: Tensors) -> dict[str, Array]:
    return {name: x.detach().cpu().contiguous().numpy() for name, x in tensors.items()}


def _tensors(arrays: Mapping[str, Array]) -> Tensors:
    return {name: torch.tensor(x) for name, x in arrays.items()}
