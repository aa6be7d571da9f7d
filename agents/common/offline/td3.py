"""TD3 on stored transitions: twin critics and a deterministic policy, each with a slow target.

Fujimoto, van Hoof and Meger, "Addressing Function Approximation Error in Actor-Critic Methods",
ICML 2018. A method says what keeps the policy near the data.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from entitybench.agents.common.bounds import bounded
from entitybench.agents.common.offline.config import RewardConfig
from entitybench.agents.common.offline.losses import twin_loss
from entitybench.agents.common.offline.networks import Actor, Critic
from entitybench.agents.common.offline.rewards import RewardLearner

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch

    from entitybench.agents.common.layers import Params
    from entitybench.agents.common.offline.learner import Transitions
    from entitybench.types import Batch, TaskSpec


@dataclass(frozen=True, kw_only=True)
class TD3Config(RewardConfig):
    """Settings of a `TD3Learner`; defaults as TD3+BC has them (table 3 of its paper)."""

    discount: float = 0.99  # γ
    noise: float = 0.2  # deviation of what smooths the target policy
    noise_clip: float = 0.5
    policy_every: int = 2  # updates of the critics for one of policy and targets
    target_rate: float = 0.005

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, discount="[0, 1]", noise="[0, inf)", noise_clip="[0, inf)")
        bounded(self, policy_every="[1, inf)", target_rate="(0, 1]")


class TD3Learner(RewardLearner):
    """Twin critics and a policy, each with a slow target.

    a' = clip(π̄(s') + ε, −1, 1), ε clipped noise                       (TD3, equation 14)
    y = r + γ m (min Q̄(s', a') − penalty)                              (TD3, equation 10)
    L_Q = E (Q(s, a) − y)², summed over both critics

    A method gives the loss of the policy, and may give a penalty of targets, a regulariser of the
    critics, and what else than the actions of the data the policy stays near.
    """

    targets: ClassVar[Mapping[str, str]] = {"critic_target": "critic", "actor_target": "actor"}
    layer_norm: ClassVar[bool] = False  # in the critics
    climbed: ClassVar[int] = 2  # of the critics, by whose values the policy learns

    def __init__(self, config: Any, task: TaskSpec, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        self.actor = Actor(self.states, self.actions, config.hidden, "deterministic")
        self.critic = Critic(
            self.states, self.actions, config.hidden, members=2, layer_norm=self.layer_norm
        )

    @abstractmethod
    def policy_loss(
        self, q: torch.Tensor, predicted: torch.Tensor, action: torch.Tensor
    ) -> torch.Tensor:
        """The loss (...) of what the policy would do; the critics are held.

        Args:
            q: values of it (..., climbed, B).
            predicted: what it would do (..., B, A).
            action: what it is to stay near (..., B, A), of `near`.
        """

    def penalty(
        self, next_action: torch.Tensor, batch: Mapping[str, torch.Tensor]
    ) -> torch.Tensor | float:
        """What is taken off the value of the next action (..., B, A)."""
        del next_action, batch
        return 0.0

    def regulariser(
        self, params: Mapping[str, Params], q: torch.Tensor, batch: Mapping[str, torch.Tensor]
    ) -> torch.Tensor | float:
        """What is added to the critics' loss (...), of their values q (..., 2, B) of the data."""
        del params, q, batch
        return 0.0

    def near(
        self, held: Params, predicted: torch.Tensor, batch: Mapping[str, torch.Tensor]
    ) -> torch.Tensor:
        """Actions (..., B, A) that the policy stays near; `held` are the critics it climbs."""
        del held, predicted
        return batch["actions"]

    def init(self, rng: torch.Generator) -> None:
        self.params = {"critic": self.critic.init(rng), "actor": self.actor.init(rng)}

    def follows(self) -> bool:
        """Targets move when the policy does."""
        return (self.step + 1) % int(self.config.policy_every) == 0

    def beside(
        self,
        batch: Batch,
        source: Transitions,
        rngs: Sequence[np.random.Generator],
        lead: tuple[int, ...],
    ) -> Batch:
        """With the noise of the target policy and, when its turn comes, the policy's share."""
        del source
        size = (self.rows, self.actions)
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
        next_q = next_q - self.penalty(next_action, batch)
        y = batch["rewards"] + self.config.discount * batch["masks"] * next_q
        q = self.critic.value(params["critic"], state, action)
        critic_loss = twin_loss(q, y) + self.regulariser(params, q, batch)
        logs = {"critic_loss": critic_loss, "q": q.mean((-2, -1))}
        if "policy" not in batch:
            return critic_loss, {k: v.detach() for k, v in logs.items()}

        predicted = self.actor.act(params["actor"], state)
        held = {k: p[..., : self.climbed, :, :].detach() for k, p in params["critic"].items()}
        q_policy = self.critic.value(held, state, predicted)
        near = self.near(held, predicted.detach(), batch)
        actor_loss = batch["policy"] * self.policy_loss(q_policy, predicted, near)
        error = (predicted - action).square().mean((-2, -1))
        logs |= {"actor_loss": actor_loss, "q_policy": q_policy.mean((-2, -1)), "bc_error": error}
        return critic_loss + actor_loss, {k: v.detach() for k, v in logs.items()}
