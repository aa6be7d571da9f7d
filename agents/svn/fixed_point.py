"""Whether dividing residuals by a spread moves what values converge to: a small game, exactly.

Two agents with three actions each, four states in a circle, rewards that are sums of what each
agent's action earns; everything is in the data once. A monotone mixer can say its values exactly.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import torch

from entitybench.agents.common.team.mixers import MonotoneMixer
from entitybench.agents.svn.losses import (
    prediction_scaled_loss,
    residual_loss,
    target_scaled_loss,
)
from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

Tensor = torch.Tensor
STATES, ACTIONS, GAMMA, FLOOR = 4, 3, 0.9, 1e-3
UPDATES, RATE = 2_000, 0.03
LOSSES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "raw": residual_loss,
    "predictions": lambda q, y: prediction_scaled_loss(q, y, FLOOR),
    "targets": lambda q, y: target_scaled_loss(q, y, FLOOR),
}


def truth(seed: int) -> tuple[Tensor, Tensor]:
    """Rewards and values (36,) of states and pairs of actions, where all act at random."""
    drawn = generator(seed, "game").uniform(-1, 3, (STATES, 2, ACTIONS))
    each = torch.as_tensor(drawn)
    reward = each[:, 0, :, None] + each[:, 1, None, :]  # (S, A, A)
    mean = reward.mean((1, 2))
    value = torch.zeros(STATES).double()
    for _ in range(500):
        value = mean + GAMMA * value.roll(-1)
    return reward.flatten(), (reward + GAMMA * value.roll(-1)[:, None, None]).flatten()


@cache
def learned(seed: int, loss: str) -> Tensor:
    """Values (36,) that the mixer and tables of each agent come to, by a loss of `LOSSES`."""
    reward, _ = truth(seed)
    index = torch.cartesian_prod(*(torch.arange(n) for n in (STATES, ACTIONS, ACTIONS)))
    s, pair = index[:, 0], index[:, 1:]
    mixer = MonotoneMixer(2, STATES, embedding=8, hidden=16)
    params: dict[str, Any] = mixer.init(torch.Generator().manual_seed(seed))
    params["table"] = torch.zeros(2, STATES, ACTIONS)
    params = {name: p.double().requires_grad_() for name, p in params.items()}
    optimiser = torch.optim.Adam(params.values(), lr=RATE)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, UPDATES)
    state = torch.eye(STATES).double()[s]

    def values() -> Tensor:
        own = torch.stack([params["table"][i, s, pair[:, i]] for i in (0, 1)], -1)  # (36, 2)
        return mixer.mix(params, own.reshape(1, -1), state)  # (1, 36)

    for _ in range(UPDATES):
        q = values()
        following = q.detach().reshape(STATES, -1).mean(-1).roll(-1)
        y = reward + GAMMA * following[s]
        optimiser.zero_grad()
        LOSSES[loss](q, y).backward()
        optimiser.step()
        falling.step()
    return values().detach()[0]


def difference(seed: int, weights: Mapping[str, Path]) -> float:
    """The largest difference of values by SVN, of either statistic, to those of plain residuals.

    In the largest value.
    """
    del weights
    raw = learned(seed, "raw")
    away = max(float((learned(seed, x) - raw).abs().max()) for x in ("predictions", "targets"))
    return away / float(truth(seed)[1].abs().max())


def error(seed: int, weights: Mapping[str, Path]) -> float:
    """How far the values of plain residuals are from the truth at most, in the largest value."""
    del weights
    _, value = truth(seed)
    return float((learned(seed, "raw") - value).abs().max() / value.abs().max())
