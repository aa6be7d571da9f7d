"""OMIGA: a global regulariser of values that is each agent's own, weighed by a linear mixer.

Wang, Xu, Zheng and Zhan, "Offline Multi-Agent Reinforcement Learning with Implicit Global-to-Local
Value Regularization", NeurIPS 2023.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from entitybench.agents.common.bounds import bounded
from entitybench.agents.common.offline.config import RewardConfig, constant
from entitybench.agents.common.offline.losses import twin_loss, weighted
from entitybench.agents.common.offline.networks import Actor, Critic
from entitybench.agents.common.team.central import CentralValues
from entitybench.agents.common.team.mixers import LinearMixer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.agents.common.layers import Params
    from entitybench.types import TaskSpec

Tensor = torch.Tensor
MOST = 10.0  # of an advantage over α, as in their code


@dataclass(frozen=True, kw_only=True)
class OMIGAConfig(RewardConfig):
    """Settings of OMIGA."""

    alpha: float = 10.0  # of the regulariser: large, near the data
    discount: float = 0.99
    target_rate: float = 0.005

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, alpha="(0, inf)", discount="[0, 1]", target_rate="(0, 1]")


def local_value_loss(advantage: Tensor, value: Tensor, alpha: float) -> Tensor:
    """Mean exp(z − m) + exp(−m) w V / α, m = max(max z, −1) over the batch (equation 13).

    Args:
        advantage: z = (w Q̄ − w V) / α within ±10, (..., B·M).
        value: w V.
        alpha: α.
    """
    most = advantage.detach().amax(-1, keepdim=True).clamp(min=-1.0)
    return ((advantage - most).exp() + (-most).exp() * value / alpha).mean(-1)


class OMIGA(CentralValues):
    """Per agent V_i, Q_i and a Gaussian policy; w_i(s) ≥ 0 and b(s) make them the team's.

    z_i = (w_i Q̄_i − w_i V_i) / α within ±10, weights w_i held where z_i is learned by
    L_V = `local_value_loss`
    L_Q = E (Σ w_i Q_i + b − r − γ m (Σ w_i V_i + b)(s'))², with slow V, w and b there
    L_π = −E exp(z_i) log π_i(a_i | o_i)
    """

    config_class: ClassVar[type[Any]] = OMIGAConfig
    targets: ClassVar[Mapping[str, str]] = {
        "critic_target": "critic",
        "value_target": "value",
        "mixer_target": "mixer",
    }
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"phases": constant(40, 1e-3), "batch_size": 16, "hidden": (16, 16)},
        "small": {"phases": constant(20_000), "batch_size": 128, "hidden": (128, 128)},
        "paper": {"phases": constant(1_000_000, 5e-4), "batch_size": 128, "hidden": (256, 256)},
    }

    def __init__(self, config: Any, task: TaskSpec, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        self.actor = Actor(self.states, self.actions, config.hidden, "gaussian")
        self.value = Critic(self.states, 0, config.hidden)
        self.critic = Critic(self.states, self.actions, config.hidden)
        self.mixer = LinearMixer(self.agents, self.central)

    def init(self, rng: torch.Generator) -> None:
        self.params = {
            "value": self.value.init(rng),
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
        alpha = self.config.alpha
        with torch.no_grad():
            gains = self.mixer.gains(params["mixer_target"], state).flatten(-2)  # (..., B·M)
            slow = gains * self.critic.value(params["critic_target"], seen, action)[..., 0, :]
        value = gains * self.value.value(params["value"], seen)[..., 0, :]
        z = ((slow - value) / alpha).clamp(-MOST, MOST)
        value_loss = local_value_loss(z, value, alpha)

        with torch.no_grad():
            after = self.value.value(params["value_target"], batch["next_observations"])
            next_v = self.mixer.mix(params["mixer_target"], after, batch["next_state"])[..., 0, :]
            reward, mask = self.mixed(batch["rewards"]), self.mixed(batch["masks"])
            y = reward + self.config.discount * mask * next_v
        q = self.critic.value(params["critic"], seen, action)
        total = self.mixer.mix(params["mixer"], q, state)
        critic_loss = twin_loss(total, y)

        mean = self.actor.act(params["actor"], seen)
        error = self.actor.error(params["actor"], mean, action)
        actor_loss = weighted(z.exp(), error)
        logs = {
            "value_loss": value_loss,
            "critic_loss": critic_loss,
            "actor_loss": actor_loss,
            "q": total.mean((-2, -1)),
            "weight": z.exp().mean(-1),
        }
        return value_loss + critic_loss + actor_loss, {k: v.detach() for k, v in logs.items()}
