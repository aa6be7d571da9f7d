"""Likelihoods of changes: each entity's is a diagonal Gaussian in deviations of that change."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

Tensor = torch.Tensor
NARROWEST = -5.0  # log of the scale, in deviations of a change; see `docs/methods/ncii.md`
WIDEST = 2.0


def mean_and_scale(predicted: Tensor) -> tuple[Tensor, Tensor]:
    """Means and logs of scales (..., D) of what a network gives (..., 2 D)."""
    mean, narrow = predicted.chunk(2, dim=-1)
    return mean, NARROWEST + (WIDEST - NARROWEST) * torch.sigmoid(narrow)


def log_likelihood(predicted: Tensor, change: Tensor, varies: Tensor) -> Tensor:
    """Log N(change; mean, scale) (...), summed over the features that vary.

    Args:
        predicted: (..., 2 D).
        change: (..., D), in deviations.
        varies: (..., D), 1 for a feature that ever changes, else 0.
    """
    mean, scale = mean_and_scale(predicted)
    error = (change - mean) * torch.exp(-scale)
    each = -0.5 * error * error - scale - 0.5 * math.log(2 * math.pi)
    return (each * varies).sum(-1)


def normalised_change(model: Mapping[str, Tensor], before: Tensor, after: Tensor) -> Tensor:
    """(N, B, D) from states (B, N, D)."""
    change: Tensor = (after - before).transpose(0, 1) / model["fixed.change"].clamp(min=1e-6)
    return change


def varies(model: Mapping[str, Tensor]) -> Tensor:
    """(N, 1, D), 1 for a feature that ever changes."""
    return (model["fixed.change"] > 0).to(torch.float32)
