"""Dual reinforcement learning with Pearson's χ²: pure functions that more than one method uses.

The primal is max E_dπ[r] − α D_f(dπ ‖ d_D) with f(x) = (x − 1)² (Sikchi et al., "Dual RL", ICLR
2024).
"""

from __future__ import annotations

import torch

Tensor = torch.Tensor


def ratio_of(y: Tensor) -> Tensor:
    """(f')⁻¹(y) where it is positive: max(0, 1 + y / 2), the ratio of densities."""
    return torch.relu(1.0 + 0.5 * y)


def conjugate(y: Tensor) -> Tensor:
    """f*_p(y) = y x − (x − 1)², x = max(0, 1 + y / 2): the conjugate of f on ratios x ≥ 0."""
    x = ratio_of(y)
    return y * x - (x - 1.0).square()


def dual_value_loss(advantage: Tensor, value: Tensor, balance: float) -> Tensor:
    """Mean (1 − λ) V(s) + λ f*_p(A), A = Q̄(s, a) − V(s) or another residual, in (..., B)."""
    return ((1.0 - balance) * value + balance * conjugate(advantage)).mean(-1)
