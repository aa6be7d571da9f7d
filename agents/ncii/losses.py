"""The equations of NCII (Chuck et al., ICLR 2025) as pure functions.

Shapes: B rows, N entities; graphs are (B, N, N + 1), row the target, column the cause, the action
last.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from entitybench.agents.common.graph.masks import diagonal, off_diagonal_mean

Tensor = torch.Tensor
UNLIKELY = 0.1  # what the head thinks of an edge that a refined mask may leave out
THINNED = 0.6  # of the refined masks: those that keep just what the head names


def null_ratio(whole: Tensor, without: Tensor) -> Tensor:
    """Log f(s, a, B(v))_j[s'_j] - log f(s, a, B(v) o S_i)_j[s'_j], a graph: equation 3's left side.

    Args:
        whole: (N, B), the log likelihoods with everybody there.
        without: (N, N + 1, B), with each cause taken away.
    """
    return (whole[:, None] - without).permute(2, 0, 1)


def null_test(ratio: Tensor, epsilon: float, graph: Tensor) -> Tensor:
    """Null_ji, equation 3: the observation is less likely without i by more than epsilon nats.

    Of edges of `graph`, who is there, alone; the diagonal is always true there.
    """
    found = (ratio > epsilon).to(ratio.dtype)
    return torch.maximum(found, diagonal(found)) * graph


def head_loss(logits: Tensor, target: Tensor, graph: Tensor) -> Tensor:
    """L_h: the cross entropy of h with the null test, over edges of `graph` off the diagonal."""
    each = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return off_diagonal_mean(each, graph)


def refined_mask(graph: Tensor, h: Tensor, coins: Tensor, share: Tensor) -> Tensor:
    """The masks that the forward model learns with, given what the head thinks.

    Of each target with chance 1 - share B(v), else either B(v) with only what the head names, or
    B(v) without one cause that the head thinks unlikely. So to take away a cause that does not act
    is nothing new to the model.

    Args:
        graph: B(v).
        h: the head's probabilities.
        coins: (B, N, N + 2) uniform numbers: the first says which mask, the others which cause.
        share: of refined masks.
    """
    own = diagonal(graph)
    named = graph * torch.maximum((h > 0.5).to(graph.dtype), own)
    eligible = (h < UNLIKELY).to(graph.dtype) * graph * (1 - own)
    chance = eligible * (1.0 + coins[..., 1:])
    first = (chance == chance.amax(-1, keepdim=True)).to(graph.dtype) * eligible
    coin = coins[..., :1]
    return torch.where(
        coin < share * THINNED, named, torch.where(coin < share, graph * (1 - first), graph)
    )


def simulated_mask(
    graph: Tensor, distance: Tensor, far: Tensor, surprise: Tensor, calm: Tensor
) -> Tensor:
    """B(v) without what seems to be irrelevant: far causes, and all of a target that is calm.

    Args:
        graph: B(v).
        distance: (B, N, N) between entities.
        far: a distance.
        surprise: (B, N) of the passive model.
        calm: (N,) a surprise of each.
    """
    near = F.pad((distance <= far).to(graph.dtype), (0, 1), value=1.0)
    moved = (surprise > calm).to(graph.dtype)[..., None]
    return graph * torch.maximum(near * moved, diagonal(graph))
