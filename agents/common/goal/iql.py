"""Goal-conditioned implicit Q-learning with a DDPG+BC policy, as in HECRL's low level.

V and Q: IQL (Kostrikov et al., ICLR 2022). π: the objective of TD3+BC (Fujimoto and Gu, NeurIPS
2021) without TD3's delays. Goals and clipped targets: HECRL (Haramati et al., ICLR 2026).
Losses are pure functions of parameters and a batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from entitybench.agents.common.offline.losses import (
    advantage_weight,
    ddpg_bc_loss,
    expectile_loss,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.agents.common.goal.networks import Network
    from entitybench.agents.common.layers import Params

Tensor = torch.Tensor
TensorBatch = dict[str, Tensor]


def td_target(rewards: Tensor, masks: Tensor, next_value: Tensor, discount: float) -> Tensor:
    """Y = clip(r + γ m V(s', g), −1/(1−γ), 0): values of a −1/0 reward cannot leave that range."""
    return (rewards + discount * masks * next_value).clamp(-1.0 / (1.0 - discount), 0.0)


def awr_loss(predicted: Tensor, target: Tensor, advantage: Tensor, beta: float) -> Tensor:
    """Mean min(exp(β A), 100) · MSE, with A = V(s̃, g) − V(s, g) (B,).

    Advantage-weighted regression (Peng et al., 2019) of a state instead of an action, as for the
    high level of HIQL (Park et al., NeurIPS 2023); the cap of 100 is that of IQL's code.
    """
    weight = advantage_weight(advantage, beta)
    return (weight * (predicted - target).square().flatten(1).mean(-1)).mean()


@dataclass(frozen=True)
class IQLNetworks:
    """V (1 member), Q (2 members) and π (1 member, tanh applied here)."""

    value: Network
    critic: Network
    actor: Network

    def init(self, generator: torch.Generator) -> dict[str, Params]:
        return {
            "value": self.value.init(generator),
            "critic": self.critic.init(generator),
            "actor": self.actor.init(generator),
        }

    def act(self, params: Mapping[str, Tensor], state: Tensor, goal: Tensor) -> Tensor:
        """(B, A) in (−1, 1)."""
        return torch.tanh(self.actor.apply(params, state, goal)[0])


def iql_losses(
    networks: IQLNetworks,
    params: Mapping[str, Params],
    batch: TensorBatch,
    alpha: Tensor,
    *,
    discount: float,
    expectile: float,
) -> tuple[Tensor, dict[str, Tensor]]:
    """L_V + L_Q + L_π, each with gradients to its own network only, and what to log."""
    state, action, goal = batch["observations"], batch["actions"], batch["value_goals"]
    slow = networks.critic.apply(params["critic_target"], state, goal, action)
    target_q = slow[..., 0].amin(0).detach()
    value = networks.value.apply(params["value"], state, goal)[0, :, 0]
    value_loss = expectile_loss(target_q - value, expectile)

    # Not in one pass with V(s, g): half of what went backward through it would be zeros.
    frozen = {name: p.detach() for name, p in params["value"].items()}
    next_value = networks.value.apply(frozen, batch["next_observations"], goal)[0, :, 0]
    y = td_target(batch["rewards"], batch["masks"], next_value, discount)
    q = networks.critic.apply(params["critic"], state, goal, action)[..., 0]
    critic_loss = (q - y).square().mean(-1).sum()

    policy_goal = batch["policy_goals"]
    predicted = networks.act(params["actor"], state, policy_goal)
    first = {name: p[:1].detach() for name, p in params["critic"].items()}  # Q_1, frozen here
    q_policy = networks.critic.apply(first, state, policy_goal, predicted)[0, :, 0]
    actor_loss = ddpg_bc_loss(q_policy, predicted, action, alpha)

    logs = {
        "value_loss": value_loss,
        "critic_loss": critic_loss,
        "actor_loss": actor_loss,
        "value": value.mean(),
        "q_policy": q_policy.mean(),
        "bc_error": (predicted - action).square().mean(),
    }
    return value_loss + critic_loss + actor_loss, {k: v.detach() for k, v in logs.items()}
