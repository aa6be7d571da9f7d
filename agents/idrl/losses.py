"""Losses of IDRL: pure functions of numbers on a batch.

Means are over the last axis, that of the batch; axes before it (of training seeds) stay. Stage A's
loss of V is `dual_value_loss` of entitybench.agents.common.offline.dual, that of Q `twin_loss`.
"""

from __future__ import annotations

from typing import Literal

import torch

from entitybench.agents.common.offline.dual import ratio_of

Tensor = torch.Tensor
MOST_WEIGHT = 100.0  # in cloning, as in the code of SQL (Xu et al. 2023)


def normalised_ratio(advantage: Tensor, balance: float) -> Tensor:
    """ŵ(a | s) = max(0, 1 + A / 2) λ / (1 − λ), a constant.

    At the minimum of stage A's loss of V the mean of max(0, 1 + A / 2) over the actions of the data
    is (1 − λ) / λ in every state, so that the mean of ŵ is 1: it is π(a | s) / μ(a | s).
    """
    return ratio_of(advantage.detach()) * (balance / (1.0 - balance))


def flow(potential: Tensor, following: Tensor, mask: Tensor, discount: float) -> Tensor:
    """γ m U(s') − U(s) of each transition."""
    return discount * mask * following - potential


def ratio_loss(state_ratio: Tensor, ratio: Tensor, moved: Tensor) -> Tensor:
    """Mean (W − 1)² − ŵ (γ m U' − U) W, of which U is held (Theorem 2).

    Args:
        state_ratio: W(s).
        ratio: ŵ(a | s).
        moved: of `flow`.
    """
    return ((state_ratio - 1.0).square() - ratio * moved.detach() * state_ratio).mean(-1)


def potential_loss(state_ratio: Tensor, ratio: Tensor, moved: Tensor) -> Tensor:
    """Mean U − γ m U' + max(0, W) ŵ (γ m U' − U), of which W is held (Theorem 2).

    At its minimum max(0, W) ŵ d_D flows into each state as much as out of it. Arguments are those
    of `ratio_loss`.
    """
    held = torch.relu(state_ratio.detach()) * ratio
    return ((held - 1.0) * moved).mean(-1)


def weight(advantage: Tensor, state_ratio: Tensor | None, form: Literal["adv", "paper"]) -> Tensor:
    """w(s, a) = max(0, W(s)) w(a | s), a constant; without W the action's alone.

    w(a | s) is max(0, A) ("adv") or max(0, 1 + A / 2) ("paper").
    """
    advantage = advantage.detach()
    own = torch.relu(advantage) if form == "adv" else ratio_of(advantage)
    return own if state_ratio is None else own * torch.relu(state_ratio.detach())
