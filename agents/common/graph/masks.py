"""Graphs (..., N, N + 1) as masks: the diagonal, who is there, how much is named.

Row j is the target, column i the cause, the last column the action.
"""

from __future__ import annotations

import torch

Tensor = torch.Tensor


def present_graph(mask: Tensor, driven: Tensor) -> Tensor:
    """B(v) (B, N, N + 1): who could act on whom, of those that are there.

    Args:
        mask: (B, N), who is there.
        driven: (B,), whether an action is.
    """
    there = mask.to(torch.float32)
    causes = torch.cat([there, driven.to(torch.float32)[:, None]], dim=-1)
    return there[:, :, None] * causes[:, None, :]


def diagonal(graph: Tensor) -> Tensor:
    """1 where a target is its own cause."""
    n = graph.shape[-2]
    return torch.eye(n, n + 1, device=graph.device).expand_as(graph)


def off_diagonal_mean(values: Tensor, graph: Tensor) -> Tensor:
    """The mean of values over the edges of `graph` that are not on the diagonal."""
    open_ = graph * (1 - diagonal(graph))
    return (values * open_).sum() / open_.sum().clamp(min=1.0)
