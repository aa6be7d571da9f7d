"""TD3+BC: a deterministic policy that climbs Q and stays near the actions of the data.

Fujimoto and Gu, "A Minimalist Approach to Offline Reinforcement Learning", NeurIPS 2021, on TD3
(Fujimoto, van Hoof and Meger 2018).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from entitybench.agents.common.bounds import bounded
from entitybench.agents.common.offline.config import RewardConfig, constant
from entitybench.agents.common.offline.losses import ddpg_bc_loss
from entitybench.agents.common.offline.networks import Actor, Critic
from entitybench.agents.common.offline.rewards import RewardLearner

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch

    from entitybench.agents.common.layers import Params
    from entitybench.agents.common.offline.learner import Transitions
    from entitybench.types import Batch, TaskSpec


@dataclass(frozen=True, kw_only=True)
class TD3BCConfig(RewardConfig):
    """Settings of TD3+BC; defaults as published (table 3 of the paper)."""

    discount: float = 0.99  # γ
    alpha: float = 2.5  # weight of Q, whose mean size is one, beside the squared error
    noise: float = 0.2  # deviation of what smooths the target policy
    noise_clip: float = 0.5
    policy_every: int = 2  # updates of the critics for one of policy and targets
    target_rate: float = 0.005

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, discount="[0, 1]", alpha="(0, inf)", noise="[0, inf)", noise_clip="[0, inf)")
        bounded(self, policy_every="[1, inf)", target_rate="(0, 1]")


class TD3BC(RewardLearner):
    """Twin critics and a policy, each with a slow target.

    y = r + γ m min Q̄(s', clip(π̄(s') + ε, −1, 1)), ε clipped noise     (TD3, equations 10 and 14)
    L_Q = E (Q(s, a) − y)², summed over both critics
    L_π = −λ E Q₁(s, π(s)) + E (π(s) − a)², λ = α / E |Q₁|              (TD3+BC, equations 3 to 5)
    """

    config_class: ClassVar[type[Any]] = TD3BCConfig
    targets: ClassVar[Mapping[str, str]] = {"critic_target": "critic", "actor_target": "actor"}
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"phases": constant(40, 1e-3), "batch_size": 32, "hidden": (16, 16)},
        "small": {  # so few updates leave Q unfinished: it counts less
            "phases": constant(5_000, 1e-3),
            "batch_size": 128,
            "hidden": (64, 64),
            "alpha": 0.5,
        },
        "paper": {"phases": constant(1_000_000), "batch_size": 256, "hidden": (256, 256)},
    }

    def __init__(self, config: Any, task: TaskSpec, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        self.actor = Actor(self.states, self.actions, config.hidden, "deterministic")
        self.critic = Critic(self.states, self.actions, config.hidden, members=2)

    def init(self, rng: torch.Generator) -> None:
        self.params = {"critic": self.critic.init(rng), "actor": self.actor.init(rng)}

    def follows(self) -> bool:
        """Targets move when the policy does."""
        return (self.step + 1) % int(self.config.policy_every) == 0

    def draw(self, source: Transitions, rng: np.random.Generator) -> Batch:
        return self._with_noise(super().draw(source, rng), [rng], ())

    def draw_many(self, source: Transitions, rngs: Sequence[np.random.Generator]) -> Batch:
        return self._with_noise(super().draw_many(source, rngs), rngs, (len(rngs),))

    def _with_noise(
        self, batch: Batch, rngs: Sequence[np.random.Generator], lead: tuple[int, ...]
    ) -> Batch:
        """With the noise of the target policy and, when its turn comes, the policy's share."""
        size = (self.config.batch_size, self.actions)
        drawn = np.stack([rng.standard_normal(size, np.float32) for rng in rngs])
        most = self.config.noise_clip
        noise = (self.config.noise * drawn).clip(-most, most).reshape(*lead, *size)
        batch["noise"] = noise
        if self.follows():
            batch["policy"] = np.ones(lead, np.float32)
        return batch

    def losses(
        self,
        params: Mapping[str, Params],
        batch: dict[str, torch.Tensor],
        constants: dict[str, torch.Tensor],
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        del constants
        state, action, after = batch["observations"], batch["actions"], batch["next_observations"]
        next_action = (self.actor.act(params["actor_target"], after) + batch["noise"]).clamp(-1, 1)
        next_q = self.critic.value(params["critic_target"], after, next_action).amin(-2)
        y = batch["rewards"] + self.config.discount * batch["masks"] * next_q
        q = self.critic.value(params["critic"], state, action)
        critic_loss = (q - y.unsqueeze(-2)).square().mean(-1).sum(-1)
        logs = {"critic_loss": critic_loss, "q": q.mean((-2, -1))}
        if "policy" not in batch:
            return critic_loss, {k: v.detach() for k, v in logs.items()}

        predicted = self.actor.act(params["actor"], state)
        first = {
            name: p[..., :1, :, :].detach() for name, p in params["critic"].items()
        }  # Q₁, frozen here
        q_policy = self.critic.value(first, state, predicted)[..., 0, :]
        alpha = self.config.alpha
        actor_loss = batch["policy"] * alpha * ddpg_bc_loss(q_policy, predicted, action, 1 / alpha)
        error = (predicted - action).square().mean((-2, -1))
        logs |= {"actor_loss": actor_loss, "q_policy": q_policy.mean(-1), "bc_error": error}
        return critic_loss + actor_loss, {k: v.detach() for k, v in logs.items()}
