"""MAICQ: values and policies from actions of the data alone, weighed by a softmax over the batch.

Yang et al., "Believe What You See: Implicit Constraint Approach for Offline Multi-Agent
Reinforcement Learning", NeurIPS 2021.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from entitybench.agents.common.bounds import WIDTH, bounded
from entitybench.agents.common.offline.config import RewardConfig, constant
from entitybench.agents.common.offline.losses import twin_loss, weighted
from entitybench.agents.common.offline.networks import Actor, Critic
from entitybench.agents.common.team.central import CentralValues
from entitybench.agents.common.team.mixers import MonotoneMixer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.agents.common.layers import Params
    from entitybench.types import TaskSpec

Tensor = torch.Tensor


@dataclass(frozen=True, kw_only=True)
class MAICQConfig(RewardConfig):
    """Settings of MAICQ; temperatures are those of its authors' code."""

    temperature: float = 0.1  # of advantages, for the policies
    target_temperature: float = 1000.0  # of values, for the targets
    embedding: int = 32  # of the mixer
    discount: float = 0.99
    target_rate: float = 0.005

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, temperature="(0, inf)", target_temperature="(0, inf)", embedding=WIDTH)
        bounded(self, discount="[0, 1]", target_rate="(0, 1]")


def shares(x: Tensor, temperature: float) -> Tensor:
    """Softmax of x / T over the last axis, times its length: the mean is 1."""
    return (x / temperature).softmax(-1) * x.shape[-1]


class MAICQ(CentralValues):
    """Per agent Q_i and a Gaussian policy, a monotone mixer of the team's state.

    L_Q = E (Q_tot(o, a) − r − γ m shares(Q̄_tot(o', a')) Q̄_tot(o', a'))², a' what the data did
    L_π = −E k_i(s) shares_i(Q_i(o_i, a_i) − Q_i(o_i, π_i(o_i))) log π_i(a_i | o_i)

    k_i are the mixer's weights of agents, the mean of which is 1. After the last step of an episode
    a' is what the policies would do.
    """

    config_class: ClassVar[type[Any]] = MAICQConfig
    following: ClassVar[tuple[str, ...]] = ("actions",)
    targets: ClassVar[Mapping[str, str]] = {"critic_target": "critic", "mixer_target": "mixer"}
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {
            "phases": constant(40, 1e-3), "batch_size": 16, "hidden": (16, 16), "embedding": 4
        },
        "small": {"phases": constant(20_000), "batch_size": 128, "hidden": (128, 128)},
        "paper": {"phases": constant(500_000), "batch_size": 640, "hidden": (512, 512, 512, 512)},
    }  # fmt: skip

    def __init__(self, config: Any, task: TaskSpec, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        self.actor = Actor(self.states, self.actions, config.hidden, "gaussian")
        self.critic = Critic(self.states, self.actions, config.hidden, layer_norm=True)
        self.mixer = MonotoneMixer(self.agents, self.central, config.embedding)

    def init(self, rng: torch.Generator) -> None:
        self.params = {
            "critic": self.critic.init(rng),
            "mixer": self.mixer.init(rng),
            "actor": self.actor.init(rng),
        }

    def losses(
        self,
        params: Mapping[str, Params],
        batch: dict[str, Tensor],
        constants: dict[str, Tensor],
    ) -> tuple[Tensor, dict[str, Tensor]]:
        del constants
        seen, action, state = batch["observations"], batch["actions"], batch["state"]
        with torch.no_grad():
            y = self.target(params, batch)
        q = self.critic.value(params["critic"], seen, action)
        total = self.mixer.mix(params["mixer"], q, state)
        critic_loss = twin_loss(total, y)

        mean = self.actor.act(params["actor"], seen)
        with torch.no_grad():
            held = self.critic.value(params["critic"], seen, mean)
            advantage = (q - held)[..., 0, :].unflatten(-1, (-1, self.agents))  # (..., B, M)
            weight = shares(advantage.mT, self.config.temperature).mT
            gains = self.mixer.gains(params["mixer"], state)
            weight = weight * gains / gains.mean(-1, keepdim=True).clamp(min=1e-6)
        error = self.actor.error(params["actor"], mean, action)
        actor_loss = weighted(weight.flatten(-2), error)
        logs = {
            "critic_loss": critic_loss,
            "actor_loss": actor_loss,
            "q": total.mean((-2, -1)),
            "weight": weight.amax((-2, -1)),
        }
        return critic_loss + actor_loss, {name: value.detach() for name, value in logs.items()}

    def target(self, params: Mapping[str, Params], batch: Mapping[str, Tensor]) -> Tensor:
        """Y (..., B)."""
        after = batch["next_observations"]
        last = batch["terminals"].repeat_interleave(self.agents, -1).unsqueeze(-1) > 0
        own = self.actor.act(params["actor"], after)
        action = torch.where(last, own, batch["next_actions"])
        next_q = self.critic.value(params["critic_target"], after, action)
        total = self.mixer.mix(params["mixer_target"], next_q, batch["next_state"])[..., 0, :]
        total = shares(total, self.config.target_temperature) * total
        reward, mask = self.mixed(batch["rewards"]), self.mixed(batch["masks"])
        return reward + self.config.discount * mask * total
