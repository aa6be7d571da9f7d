"""Batch-constrained Q-learning of each agent by itself: only actions that the data make likely.

Fujimoto, Meger and Precup, "Off-Policy Deep Reinforcement Learning without Exploration", ICML 2019;
of choices Fujimoto et al., "Benchmarking Batch Deep Reinforcement Learning Algorithms", 2019.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from entitybench.agents.baselines.team.mabcq_acting import (
    LATENT,
    REACH,
    THRESHOLD,
    ConstrainedPolicy,
)
from entitybench.agents.common.bounds import bounded
from entitybench.agents.common.mlp import init_mlp, mlp
from entitybench.agents.common.offline.config import RewardConfig, constant
from entitybench.agents.common.offline.losses import twin_loss
from entitybench.agents.common.offline.networks import SMALL, Critic
from entitybench.agents.common.team.actions import vector_of
from entitybench.agents.common.team.values import TeamValues

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.agents.common.layers import Params
    from entitybench.agents.common.offline.learner import Transitions
    from entitybench.types import Batch, Policy, TaskSpec

Tensor = torch.Tensor


@dataclass(frozen=True, kw_only=True)
class MABCQConfig(RewardConfig):
    """Settings of MABCQ."""

    samples: int = 10  # actions that are compared, of numbers
    perturbation: float = 0.05  # how far they are moved uphill at most
    pessimism: float = 0.75  # weight of the smaller Q in targets, beside the larger
    discount: float = 0.99
    target_rate: float = 0.005

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, samples="[1, 1000]", perturbation="[0, inf)")
        bounded(self, pessimism="[0, 1]", discount="[0, 1]", target_rate="(0, 1]")


class MABCQ(TeamValues):
    """Of numbers a variational autoencoder of actions and a perturbation, of choices a clone.

    y = r + γ m max_a' (λ min Q̄ + (1 − λ) max Q̄)(o', a'), a' among K decoded and perturbed actions,
    or among choices with π_BC(a' | o') ≥ 0.4 max π_BC
    L_Q = E (Q(o, a) − y)², twice
    L = E ‖decoded − a‖² + ½ KL, −E Q₁(o, perturbed); of choices −E log π_BC(a | o)
    """

    config_class: ClassVar[type[Any]] = MABCQConfig
    targets: ClassVar[Mapping[str, str]] = {"critic_target": "critic"}
    shipped: ClassVar[tuple[str, ...]] = ("actor", "perturbation", "critic")
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"phases": constant(40, 1e-3), "batch_size": 16, "hidden": (16, 16), "samples": 2},
        "small": {"phases": constant(20_000), "batch_size": 128, "hidden": (128, 128)},
        "paper": {"phases": constant(500_000), "batch_size": 640, "hidden": (512, 512, 512, 512)},
    }

    def __init__(self, config: Any, task: TaskSpec, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        self.critic = Critic(self.states, self.actions, config.hidden, members=2)
        self.latent = 0 if self.choices is not None else LATENT * self.actions
        self.compared = config.samples if self.choices is None else self.choices

    def init(self, rng: torch.Generator) -> None:
        hidden, seen, a = self.config.hidden, self.states, self.actions
        self.params = {
            "critic": self.critic.init(rng),
            "actor": init_mlp(1, (seen + self.latent, *hidden, a), rng, last=SMALL),
            "perturbation": init_mlp(1, (seen + a, *hidden, a), rng, last=SMALL),
        }
        if self.choices is None:
            sizes = (seen + a, *hidden, 2 * self.latent)
            self.params["encoder"] = init_mlp(1, sizes, rng, last=SMALL)

    def beside(
        self,
        batch: Batch,
        source: Transitions,
        rngs: Sequence[np.random.Generator],
        lead: tuple[int, ...],
    ) -> Batch:
        """With normal noise of latents, (..., B, 2 + K, Z), of numbers."""
        del source
        if self.choices is None:
            size = (self.rows, 2 + self.config.samples, self.latent)
            noise = np.stack([rng.standard_normal(size, np.float32) for rng in rngs])
            batch["noise"] = noise.reshape(*lead, *size)
        return batch

    def losses(
        self,
        params: Mapping[str, Params],
        batch: dict[str, Tensor],
        constants: dict[str, Tensor],
    ) -> tuple[Tensor, dict[str, Tensor]]:
        del constants
        seen, action, after = batch["observations"], batch["actions"], batch["next_observations"]
        with torch.no_grad():
            possible, allowed = self.possible(params, after, batch)
            next_q = self.values(params["critic_target"], after, possible)  # (..., 2, B, K)
            share = self.config.pessimism
            mixed = share * next_q.amin(-3) + (1 - share) * next_q.amax(-3)
            best = mixed.masked_fill(~allowed, -torch.inf).amax(-1)
            y = batch["rewards"] + self.config.discount * batch["masks"] * best
        q = self.critic.value(params["critic"], seen, action)
        critic_loss = twin_loss(q, y)
        of_data = self.of_choices if self.choices is not None else self.of_numbers
        loss, logs = of_data(params, batch)
        logs |= {"critic_loss": critic_loss, "q": q.mean((-2, -1))}
        return critic_loss + loss, {name: value.detach() for name, value in logs.items()}

    def of_choices(
        self, params: Mapping[str, Params], batch: Mapping[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Cross-entropy of the clone."""
        logits = self._net(params["actor"], batch["observations"])
        chosen = batch["actions"].argmax(-1, keepdim=True)
        loss = -logits.log_softmax(-1).gather(-1, chosen)[..., 0].mean(-1)
        return loss, {"clone_loss": loss}

    def of_numbers(
        self, params: Mapping[str, Params], batch: Mapping[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The autoencoder, and the perturbation that climbs Q₁, which is held."""
        seen, action, noise = batch["observations"], batch["actions"], batch["noise"]
        code = self._net(params["encoder"], torch.cat([seen, action], -1))
        mean, log_std = code.chunk(2, -1)
        log_std = log_std.clamp(-4, 15)
        decoded = self.decoded(params, seen, mean + log_std.exp() * noise[..., 0, :])
        kl = 0.5 * ((2 * log_std).exp() + mean.square() - 1 - 2 * log_std).mean((-2, -1))
        loss = (decoded - action).square().mean((-2, -1)) + 0.5 * kl
        held = {name: p[..., :1, :, :].detach() for name, p in params["critic"].items()}
        with torch.no_grad():
            likely = self.decoded(params, seen, noise[..., 1, :].clamp(-REACH, REACH))
        q = self.critic.value(held, seen, self.perturbed(params, seen, likely))
        perturbation_loss = -q.mean((-2, -1))
        logs = {"clone_loss": loss, "perturbation_loss": perturbation_loss}
        return loss + perturbation_loss, logs

    def possible(
        self, params: Mapping[str, Params], seen: Tensor, batch: Mapping[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Actions (..., B, K, A) that are compared, and which of them may be taken (..., B, K)."""
        if self.choices is not None:
            k = self.choices
            every = vector_of(torch.arange(k, device=seen.device), k)
            ratio = self._net(params["actor"], seen).log_softmax(-1)
            ratio = (ratio - ratio.amax(-1, keepdim=True)).exp()
            return every.expand(*seen.shape[:-1], k, k), ratio >= THRESHOLD
        latent = batch["noise"][..., 2:, :].clamp(-REACH, REACH)
        around = seen.unsqueeze(-2).expand(*latent.shape[:-1], -1).flatten(-3, -2)
        likely = self.decoded(params, around, latent.flatten(-3, -2))
        found = self.perturbed(params, around, likely).unflatten(-2, (-1, self.compared))
        return found, torch.ones(found.shape[:-1], dtype=torch.bool, device=found.device)

    def values(self, critic: Params, seen: Tensor, actions: Tensor) -> Tensor:
        """(..., 2, B, K) of actions (..., B, K, A)."""
        around = seen.repeat_interleave(self.compared, -2)
        found = self.critic.value(critic, around, actions.flatten(-3, -2))
        return found.unflatten(-1, (-1, self.compared))

    def decoded(self, params: Mapping[str, Params], seen: Tensor, latent: Tensor) -> Tensor:
        return torch.tanh(self._net(params["actor"], torch.cat([seen, latent], -1)))

    def perturbed(self, params: Mapping[str, Params], seen: Tensor, action: Tensor) -> Tensor:
        moved = torch.tanh(self._net(params["perturbation"], torch.cat([seen, action], -1)))
        return (action + self.config.perturbation * moved).clamp(-1, 1)

    def _net(self, params: Mapping[str, Tensor], x: Tensor) -> Tensor:
        return mlp(params, x.unsqueeze(-3), len(self.config.hidden) + 1)[..., 0, :, :]

    def policy(self, *, greedy: bool = True) -> Policy[Any]:
        del greedy
        return ConstrainedPolicy(self.weights(), self.choices, dataclasses.asdict(self.config))
