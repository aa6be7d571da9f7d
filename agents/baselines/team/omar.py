"""OMAR: MACQL whose policy is drawn to the best actions that a search finds.

Pan, Huang, Ma and Xu, "Plan Better Amid Conservatism: Offline Multi-Agent Reinforcement Learning
with Actor Rectification", ICML 2022.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from entitybench.agents.baselines.team.macql import MACQL, MACQLConfig
from entitybench.agents.common.bounds import bounded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.agents.common.layers import Params
    from entitybench.agents.common.offline.learner import Transitions
    from entitybench.types import Batch

Tensor = torch.Tensor
WIDEST = 2.0  # deviation of the first actions that are tried
SIZE_PENALTY = 1e-3  # of the policy's actions


@dataclass(frozen=True, kw_only=True)
class OMARConfig(MACQLConfig):
    """Settings of OMAR; the search is that of its authors in the particle world."""

    rectification: float = 0.5  # c: weight of what the search found beside −Q
    rounds: int = 3
    tries: int = 10  # actions of a round
    elites: float = 0.5  # the share of them, two or more, that the next round is drawn around

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, rectification="[0, 1]", rounds="[1, 100]", tries="[2, 1000]")
        bounded(self, elites="(0, 1]")


class OMAR(MACQL):
    """`MACQL` with actor rectification.

    L_π = (1 − c) (−E Q₁(o, π(o))) + c E (π(o) − a*)² + 1e-3 E π(o)², a* the best of π(o) and all
    actions that rounds of the cross-entropy method tried (equation 3)
    """

    config_class: ClassVar[type[Any]] = OMARConfig

    def beside(
        self,
        batch: Batch,
        source: Transitions,
        rngs: Sequence[np.random.Generator],
        lead: tuple[int, ...],
    ) -> Batch:
        """With normal noise of the search (..., rounds, B, tries, A)."""
        batch = super().beside(batch, source, rngs, lead)
        size = (self.config.rounds, self.rows, self.config.tries, self.actions)
        noise = np.stack([rng.standard_normal(size, np.float32) for rng in rngs])
        batch["search"] = noise.reshape(*lead, *size)
        return batch

    @torch.no_grad()
    def near(self, held: Params, predicted: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        state, noise, tries = batch["observations"], batch["search"], self.config.tries
        repeated = state.repeat_interleave(tries, -2)
        tried, values = [predicted.unsqueeze(-2)], [self._q(held, state, predicted).unsqueeze(-1)]
        count = max(2, round(self.config.elites * tries))
        mean, deviation = torch.zeros_like(tried[0]), torch.full_like(tried[0], WIDEST)
        for k in range(self.config.rounds):
            action = (mean + deviation * noise[..., k, :, :, :]).clamp(-1, 1)  # (..., B, tries, A)
            q = self._q(held, repeated, action.flatten(-3, -2)).unflatten(-1, (-1, tries))
            best = q.topk(count, -1).indices.unsqueeze(-1)
            elite = action.gather(-2, best.expand(*best.shape[:-1], self.actions))
            mean, deviation = elite.mean(-2, keepdim=True), elite.std(-2, keepdim=True)
            tried.append(action)
            values.append(q)
        first = torch.cat(values, -1).argmax(-1)[..., None, None]
        every = torch.cat(tried, -2)
        return every.gather(-2, first.expand(*first.shape[:-1], self.actions))[..., 0, :]

    def _q(self, held: Params, state: Tensor, action: Tensor) -> Tensor:
        """Q₁ (..., B)."""
        return self.critic.value(held, state, action)[..., 0, :]

    def policy_loss(self, q: Tensor, predicted: Tensor, action: Tensor) -> Tensor:
        c = self.config.rectification
        away = (predicted - action).square().mean((-2, -1))
        size = predicted.square().mean((-2, -1))
        return -(1 - c) * q[..., 0, :].mean(-1) + c * away + SIZE_PENALTY * size
