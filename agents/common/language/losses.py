"""Losses of language models on verified answers.

M sequences of T tokens each, prompt, context and answer; `log_p` (M, T − 1) is what the model gives
each token but the first, `mask` (M, T − 1) is 1 for the tokens that it said in the role at hand:
prompts, prefixes and padding count nothing. Axes before M, such as one of training seeds, stay.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

Tensor = torch.Tensor
SMALLEST = 1e-4  # added to the deviation of a group


def advantages(rewards: Tensor) -> Tensor:
    """(R − mean) / (deviation + 1e-4) within each group, (groups, G) -> (groups, G).

    Zero where all of a group earn the same: it teaches nothing. Shao et al. 2024, section 4.1.
    """
    apart = rewards - rewards.mean(-1, keepdim=True)
    # Rounding must not make a lesson of equal rewards: it would be divided by very little.
    differs = rewards.amax(-1, keepdim=True) > rewards.amin(-1, keepdim=True)
    return differs * apart / (apart.square().mean(-1, keepdim=True).sqrt() + SMALLEST)


def grpo_loss(
    log_p: Tensor,
    old_log_p: Tensor,
    advantage: Tensor,
    mask: Tensor,
    *,
    low: float = 0.2,
    high: float = 0.2,
    reference: Tensor | None = None,
    kl_weight: float = 0.0,
) -> Tensor:
    """− mean over sequences of the mean over tokens of min(ρ Â, clip(ρ, 1 − low, 1 + high) Â).

    GRPO, Shao et al. 2024, equation 3, with the non-negative estimate of the KL divergence
    (equation 4). A sequence without tokens of its own counts as 0.

    Args:
        log_p: of the policy that learns.
        old_log_p: of the policy that sampled; no gradient.
        advantage: (..., M).
        mask: of the tokens that were sampled.
        low, high: how far the ratio may move.
        reference: `log_p` of the model that the policy is held to; None: none.
        kl_weight: of the divergence.
    """
    ratio = (log_p - old_log_p.detach()).exp()
    held = ratio.clamp(1 - low, 1 + high)
    gain = torch.minimum(ratio * advantage[..., None], held * advantage[..., None])
    if reference is not None and kl_weight:
        apart = reference.detach() - log_p
        gain = gain - kl_weight * (apart.exp() - apart - 1)
    return -((gain * mask).sum(-1) / mask.sum(-1).clamp(min=1)).mean(-1)


def sft_loss(log_p: Tensor, mask: Tensor) -> Tensor:
    """− the mean of log p over all tokens of the mask: cross entropy, by token."""
    return -(log_p * mask).sum((-2, -1)) / mask.sum((-2, -1)).clamp(min=1)


def dpo_loss(
    better: Tensor, worse: Tensor, better_reference: Tensor, worse_reference: Tensor, beta: float
) -> Tensor:
    """− log σ(β (log π(y_w) / π_ref(y_w) − log π(y_l) / π_ref(y_l))), the mean over M pairs.

    Rafailov et al. 2023, equation 7. All are sums of log p over a sequence's own tokens, (..., M).
    """
    margin = (better - better_reference.detach()) - (worse - worse_reference.detach())
    return -F.logsigmoid(beta * margin).mean(-1)
