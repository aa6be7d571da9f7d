"""Losses of the recipes: pure functions of numbers on a batch.

Means are over the last axis, that of the batch; axes before it (of training seeds) stay.
"""

from __future__ import annotations

import torch

Tensor = torch.Tensor
EXPONENT, MOST_WEIGHT = (-50.0, 10.0), 100.0  # of cloning by advantage, as in the released code


def spread(x: Tensor, floor: float) -> Tensor:
    """σ = E |x − E x| (...) of values (..., B), a constant, at least `floor` (1 + |E x|).

    The released code adds 1e-6 in the place of that bound: where values are nearly constant, as
    early in training, a step would then be as large as its rounding.
    """
    x = x.detach()
    mean = x.mean(-1, keepdim=True)
    found = (x - mean).abs().mean(-1)
    return torch.maximum(found, floor * (1.0 + mean[..., 0].abs()))


def residual_loss(q: Tensor, target: Tensor) -> Tensor:
    """½ mean (Q − y)² over members and batch, of members (..., E, B) to one target (..., B)."""
    return 0.5 * (q - target.detach().unsqueeze(-2)).square().mean((-2, -1))


def prediction_scaled_loss(q: Tensor, target: Tensor, floor: float) -> Tensor:
    """SVN: ½ mean ((q − y) / σ(q))², q the smaller of the members (..., E, B).

    Both sides less the mean of q, which cancels. Targets are as without, and so is the fixed point.
    """
    least = q.amin(-2)
    away = (least - target.detach()) / spread(least, floor).unsqueeze(-1)
    return 0.5 * away.square().mean(-1)


def target_scaled_loss(q: Tensor, target: Tensor, floor: float) -> Tensor:
    """½ mean ((Q − y) / σ(y))² over members and batch: the statistic of the authors' later code."""
    return residual_loss(q, target) / spread(target, floor).square()


def advantage_weight(advantage: Tensor, alpha: float) -> Tensor:
    """Min(exp(clip(α Â, −50, 10)), 100), Â the advantage (..., B) less its mean, in deviations."""
    a = advantage.detach()
    a = (a - a.mean(-1, keepdim=True)) / (a.std(-1, correction=0, keepdim=True) + 1e-6)
    return (alpha * a).clamp(*EXPONENT).exp().clamp(max=MOST_WEIGHT)
