"""Implicit Q-learning: values by expectile regression, the policy by advantage-weighted cloning.

Kostrikov, Nair and Levine, "Offline Reinforcement Learning with Implicit Q-Learning", ICLR 2022.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from entitybench.agents.common.bounds import bounded
from entitybench.agents.common.offline.config import RewardConfig, constant
from entitybench.agents.common.offline.losses import advantage_weight, expectile_loss
from entitybench.agents.common.offline.networks import Actor, Critic
from entitybench.agents.common.offline.rewards import RewardLearner

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from entitybench.agents.common.layers import Params
    from entitybench.types import TaskSpec


@dataclass(frozen=True, kw_only=True)
class IQLConfig(RewardConfig):
    """Settings of IQL; defaults as published for locomotion (section 5 and appendix B)."""

    discount: float = 0.99  # γ
    expectile: float = 0.7  # τ
    beta: float = 3.0  # inverse temperature of the weights
    target_rate: float = 0.005  # of the target critics

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, discount="[0, 1]", expectile="(0, 1)", beta="[0, inf)", target_rate="(0, 1]")


class IQL(RewardLearner):
    """V, twin Q with slow targets and a Gaussian policy, updated together.

    L_V = E |τ − 1(u < 0)| u², u = min Q̄(s, a) − V(s)                        (equation 5)
    L_Q = E (r + γ m V(s') − Q(s, a))², summed over both critics             (equation 6)
    L_π = −E exp(β (min Q̄(s, a) − V(s))) log π(a | s), the weight at most 100   (equation 7)
    """

    config_class: ClassVar[type[Any]] = IQLConfig
    targets: ClassVar[Mapping[str, str]] = {"critic_target": "critic"}
    apart: ClassVar[tuple[str, ...]] = ("actor",)
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"phases": constant(40, 1e-3), "batch_size": 32, "hidden": (16, 16)},
        "small": {"phases": constant(5_000, 1e-3), "batch_size": 128, "hidden": (64, 64)},
        "paper": {
            "phases": constant(1_000_000),
            "batch_size": 256,
            "hidden": (256, 256),
            "compile": True,
        },
    }

    def __init__(self, config: Any, task: TaskSpec, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        self.actor = Actor(self.states, self.actions, config.hidden, "gaussian")
        self.value = Critic(self.states, 0, config.hidden)
        self.critic = Critic(self.states, self.actions, config.hidden, members=2)

    def init(self, rng: torch.Generator) -> None:
        self.params = {
            "value": self.value.init(rng),
            "critic": self.critic.init(rng),
            "actor": self.actor.init(rng),
        }

    def rates(self) -> Mapping[str, float]:
        """The actor's rate falls to zero along a cosine (their code, `optax.cosine_decay`)."""
        rate = self.config.phases[0].learning_rate
        return {"actor": 0.5 * rate * (1.0 + math.cos(math.pi * self.step / self.total))}

    def losses(
        self,
        params: Mapping[str, Params],
        batch: dict[str, torch.Tensor],
        constants: dict[str, torch.Tensor],
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        del constants
        state, action = batch["observations"], batch["actions"]
        target_q = self.critic.value(params["critic_target"], state, action).amin(-2)
        value = self.value.value(params["value"], state)[..., 0, :]
        advantage = target_q - value
        value_loss = expectile_loss(advantage, self.config.expectile)

        frozen = {name: p.detach() for name, p in params["value"].items()}
        next_value = self.value.value(frozen, batch["next_observations"])[..., 0, :]
        y = batch["rewards"] + self.config.discount * batch["masks"] * next_value
        q = self.critic.value(params["critic"], state, action)
        critic_loss = (q - y.unsqueeze(-2)).square().mean(-1).sum(-1)

        mean = self.actor.act(params["actor"], state)
        weight = advantage_weight(advantage, self.config.beta)
        actor_loss = (weight * self.actor.error(params["actor"], mean, action)).mean(-1)
        logs = {
            "value_loss": value_loss,
            "critic_loss": critic_loss,
            "actor_loss": actor_loss,
            "value": value.mean(-1),
            "weight": weight.mean(-1),
            "bc_error": (mean - action).square().mean((-2, -1)),
        }
        return value_loss + critic_loss + actor_loss, {k: v.detach() for k, v in logs.items()}
