"""Losses that more than one method learns offline by: pure functions of tensors.

Means are over the last axes, those of a batch; axes before them (of training seeds) stay.
"""

from __future__ import annotations

import math

import torch

Tensor = torch.Tensor
MOST_WEIGHT = 100.0  # of an advantage: Kostrikov et al. 2022, appendix B


def expectile_loss(difference: Tensor, expectile: float) -> Tensor:
    """Mean |τ − 1(u < 0)| u² (Kostrikov et al. 2022, equation 5)."""
    weight = torch.where(difference < 0, 1.0 - expectile, expectile)
    return (weight * difference.square()).mean(-1)


def twin_loss(q: Tensor, target: Tensor) -> Tensor:
    """Mean (Q − y)² of members (..., E, B) to one target (..., B), summed over the members."""
    return (q - target.detach().unsqueeze(-2)).square().mean(-1).sum(-1)


def weighted(weight: Tensor, error: Tensor) -> Tensor:
    """Mean of errors (..., B) with constant weights: weighted cloning."""
    return (weight.detach() * error).mean(-1)


def advantage_weight(advantage: Tensor, beta: float) -> Tensor:
    """Min(exp(β A), 100), a constant (Kostrikov et al. 2022, equation 7)."""
    return (beta * advantage.detach()).exp().clamp(max=MOST_WEIGHT)


def ddpg_bc_loss(q: Tensor, predicted: Tensor, action: Tensor, alpha: Tensor | float) -> Tensor:
    """−mean Q / (mean |Q| + 1e-6) + α MSE(π, a) (Fujimoto and Gu 2021, equations 3 and 5)."""
    return climb_loss(q) + alpha * (predicted - action).square().mean((-2, -1))


def climb_loss(q: Tensor) -> Tensor:
    """−mean Q / (mean |Q| + 1e-6): up the values (..., B), whatever their scale."""
    return -q.mean(-1) / (q.abs().mean(-1).detach() + 1e-6)


def gaussian_log_likelihood(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    """Of actions (..., A) under independent Gaussians: (...)."""
    away = (action - mean) * torch.exp(-log_std)
    return (-0.5 * away.square() - log_std - 0.5 * math.log(2.0 * math.pi)).sum(-1)
