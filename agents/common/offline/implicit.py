"""Implicit learners: V without actions beyond the data, twin Q, a policy by weighted cloning."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from entitybench.agents.common.bounds import bounded
from entitybench.agents.common.offline.config import RewardConfig, constant
from entitybench.agents.common.offline.losses import twin_loss, weighted
from entitybench.agents.common.offline.networks import Actor, Critic
from entitybench.agents.common.offline.rewards import RewardLearner

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from entitybench.agents.common.layers import Params
    from entitybench.types import TaskSpec


@dataclass(frozen=True, kw_only=True)
class ImplicitConfig(RewardConfig):
    """Settings of an `ImplicitLearner`."""

    discount: float = 0.99  # γ
    target_rate: float = 0.005  # of the target critics

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, discount="[0, 1]", target_rate="(0, 1]")


class ImplicitLearner(RewardLearner):
    """V, twin Q with slow targets and a Gaussian policy, updated together.

    L_Q = E (r + γ m V(s') − Q(s, a))², summed over both critics
    L_π = −E w(min Q̄(s, a) − V(s)) log π(a | s)

    A method gives the loss of V and the weight w.
    """

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

    @abstractmethod
    def value_loss(self, advantage: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        """The loss (...) of V (..., B), of which `advantage` = min Q̄ − V also depends."""

    @abstractmethod
    def weight(self, advantage: torch.Tensor) -> torch.Tensor:
        """The weight (..., B) of a transition in cloning."""

    def init(self, rng: torch.Generator) -> None:
        self.params = {
            "value": self.value.init(rng),
            "critic": self.critic.init(rng),
            "actor": self.actor.init(rng),
        }

    def rates(self) -> Mapping[str, float]:
        """The actor's rate falls to zero along a cosine (IQL's code, `optax.cosine_decay`)."""
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
        value_loss = self.value_loss(advantage, value)

        frozen = {name: p.detach() for name, p in params["value"].items()}
        next_value = self.value.value(frozen, batch["next_observations"])[..., 0, :]
        y = batch["rewards"] + self.config.discount * batch["masks"] * next_value
        critic_loss = twin_loss(self.critic.value(params["critic"], state, action), y)

        mean = self.actor.act(params["actor"], state)
        weight = self.weight(advantage.detach())
        actor_loss = weighted(weight, self.actor.error(params["actor"], mean, action))
        logs = {
            "value_loss": value_loss,
            "critic_loss": critic_loss,
            "actor_loss": actor_loss,
            "value": value.mean(-1),
            "weight": weight.mean(-1),
            "bc_error": (mean - action).square().mean((-2, -1)),
        }
        return value_loss + critic_loss + actor_loss, {k: v.detach() for k, v in logs.items()}
