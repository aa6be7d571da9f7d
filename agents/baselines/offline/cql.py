"""Conservative Q-learning: SAC whose critics are pushed down where the data have no actions.

Kumar, Zhou, Tucker and Levine, "Conservative Q-Learning for Offline Reinforcement Learning",
NeurIPS 2020; SAC: Haarnoja et al. 2018.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from entitybench.agents.common.bounds import bounded
from entitybench.agents.common.offline.config import RewardConfig, constant
from entitybench.agents.common.offline.losses import twin_loss
from entitybench.agents.common.offline.networks import Actor, Critic
from entitybench.agents.common.offline.rewards import RewardLearner

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.agents.common.layers import Params
    from entitybench.agents.common.offline.learner import Transitions
    from entitybench.types import Batch, TaskSpec

Tensor = torch.Tensor


@dataclass(frozen=True, kw_only=True)
class CQLConfig(RewardConfig):
    """Settings of CQL."""

    discount: float = 0.99  # γ
    target_rate: float = 0.005
    conservatism: float = 5.0  # α of the penalty
    samples: int = 10  # actions of each kind that the penalty is estimated with

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, discount="[0, 1]", target_rate="(0, 1]", conservatism="[0, inf)")
        bounded(self, samples="[1, 1000]")


def conservative_loss(values: Tensor, densities: Tensor, q: Tensor) -> Tensor:
    """Mean log E exp Q(s, ·) − Q(s, a), summed over the critics (equation 4, CQL(H)).

    Args:
        values: of sampled actions (..., E, B, K).
        densities: log-densities (..., B, K) that they were drawn with.
        q: of the actions of the data (..., E, B).
    """
    weighed = values - densities.detach().unsqueeze(-3)
    high = torch.logsumexp(weighed, -1) - math.log(values.shape[-1])
    return (high - q).mean(-1).sum(-1)


class CQL(RewardLearner):
    """Twin critics, a squashed Gaussian policy and its temperature.

    L_Q = E (r + γ m min Q̄(s', a') − Q(s, a))² + α log E exp Q(s, ·) − α Q(s, a), for both critics
    L_π = E τ log π(a | s) − min Q(s, a), a of the policy; τ keeps its entropy at −A
    """

    config_class: ClassVar[type[Any]] = CQLConfig
    targets: ClassVar[Mapping[str, str]] = {"critic_target": "critic"}
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {
            "phases": constant(40, 1e-3), "batch_size": 32, "hidden": (16, 16), "samples": 2
        },
        "small": {
            "phases": constant(5_000, 1e-3), "batch_size": 128, "hidden": (64, 64), "samples": 4
        },
        "paper": {"phases": constant(1_000_000), "batch_size": 256, "hidden": (256, 256, 256)},
    }  # fmt: skip

    def __init__(self, config: Any, task: TaskSpec, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        self.actor = Actor(self.states, self.actions, config.hidden, "gaussian")
        self.critic = Critic(self.states, self.actions, config.hidden, members=2)

    def init(self, rng: torch.Generator) -> None:
        self.params = {
            "critic": self.critic.init(rng),
            "actor": self.actor.init(rng),
            "temperature": {"log": torch.zeros(1)},
        }

    def beside(
        self,
        batch: Batch,
        source: Transitions,
        rngs: Sequence[np.random.Generator],
        lead: tuple[int, ...],
    ) -> Batch:
        """With the policy's noise here and there, and uniform actions: (..., B · K, A)."""
        del source
        rows, k, a = self.rows, self.config.samples, self.actions
        normal, uniform = [], []
        for rng in rngs:
            normal.append(rng.standard_normal((2, rows * (k + 1), a), np.float32))
            uniform.append(rng.random((rows * k, a), np.float32) * 2 - 1)
        both = np.stack(normal).reshape(*lead, 2, rows * (k + 1), a)
        batch["noise"], batch["next_noise"] = both[..., 0, :, :], both[..., 1, :, :]
        batch["uniform"] = np.stack(uniform).reshape(*lead, rows * k, a)
        return batch

    def losses(
        self,
        params: Mapping[str, Params],
        batch: dict[str, Tensor],
        constants: dict[str, Tensor],
    ) -> tuple[Tensor, dict[str, Tensor]]:
        del constants
        state, action, k = batch["observations"], batch["actions"], self.config.samples
        here, there = (
            self.drawn(params, batch[f"{when}observations"], batch[f"{when}noise"])
            for when in ("", "next_")
        )
        after = batch["next_observations"]
        next_q = self.critic.value(params["critic_target"], after, there[0][..., 0, :]).amin(-2)
        y = batch["rewards"] + self.config.discount * batch["masks"] * next_q
        q = self.critic.value(params["critic"], state, action)
        critic_loss = twin_loss(q, y)

        uniform = batch["uniform"].unflatten(-2, (-1, k))
        actions = torch.cat([uniform, here[0][..., 1:, :], there[0][..., 1:, :]], -2).detach()
        flat = torch.full_like(uniform[..., 0], -self.actions * math.log(2.0))
        densities = torch.cat([flat, here[1][..., 1:], there[1][..., 1:]], -1)
        values = self.critic.value(
            params["critic"], state.repeat_interleave(3 * k, -2), actions.flatten(-3, -2)
        ).unflatten(-1, (-1, 3 * k))
        penalty = conservative_loss(values, densities, q)

        held = {name: p.detach() for name, p in params["critic"].items()}
        own = self.critic.value(held, state, here[0][..., 0, :]).amin(-2)
        log_temperature, density = params["temperature"]["log"], here[1][..., 0]
        actor_loss = (log_temperature.exp().detach() * density - own).mean(-1)
        lacking = density.detach().mean(-1) - self.actions  # of entropy; the target is −A
        temperature_loss = -log_temperature[..., 0] * lacking
        logs = {
            "critic_loss": critic_loss,
            "penalty": penalty,
            "actor_loss": actor_loss,
            "q": q.mean((-2, -1)),
            "temperature": log_temperature.exp()[..., 0],
        }
        loss = critic_loss + self.config.conservatism * penalty + actor_loss + temperature_loss
        return loss, {name: value.detach() for name, value in logs.items()}

    def drawn(
        self, params: Mapping[str, Params], state: Tensor, noise: Tensor
    ) -> tuple[Tensor, Tensor]:
        """1 + K actions of the policy at each state (..., B, 1 + K, A), and their log-densities."""
        k = 1 + self.config.samples
        action, density = self.actor.sample(params["actor"], state.repeat_interleave(k, -2), noise)
        return action.unflatten(-2, (-1, k)), density.unflatten(-1, (-1, k))
