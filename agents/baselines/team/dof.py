"""DoF: a diffusion of joint actions that falls apart into one of each agent, which climbs values.

Li et al., "DoF: A Diffusion Factorization Framework for Offline Multi-Agent Reinforcement
Learning", ICLR 2025: its policy, with the noise factorised by concatenation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from entitybench.agents.baselines.team.diffusion_acting import denoised, steps_of
from entitybench.agents.baselines.team.diffusion_bc import DiffusionBC, DiffusionConfig
from entitybench.agents.common.bounds import bounded
from entitybench.agents.common.offline.config import RewardConfig, constant
from entitybench.agents.common.offline.losses import climb_loss, twin_loss
from entitybench.agents.common.offline.networks import Critic
from entitybench.agents.common.team.values import TeamValues

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.agents.common.layers import Params
    from entitybench.agents.common.offline.learner import Transitions
    from entitybench.types import Batch, TaskSpec

Tensor = torch.Tensor


@dataclass(frozen=True, kw_only=True)
class DoFConfig(DiffusionConfig, RewardConfig):
    """Settings of DoF."""

    diffusion_steps: int = 10
    climb: float = 0.5  # η: weight of −Q, whose mean size is one, beside denoising
    discount: float = 0.99
    target_rate: float = 0.005

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, climb="[0, inf)", discount="[0, 1]", target_rate="(0, 1]")


class DoF(DiffusionBC, TeamValues):
    """Each agent denoises its own action from its own observation.

    L_Q = E (r_i + γ m min Q̄_i(o_i', a_i') − Q_i(o_i, a_i))², twice, a_i' denoised
    L = E ‖ε_i(t, o_i, x_i) − ε‖² − η E Q_i(o_i, a_i) / E |Q_i|, a_i denoised, through all steps
    """

    config_class: ClassVar[type[Any]] = DoFConfig
    targets: ClassVar[Mapping[str, str]] = {"critic_target": "critic"}
    joint: ClassVar[bool] = False
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {
            "phases": constant(40, 1e-3), "batch_size": 16, "hidden": (16, 16), "diffusion_steps": 2
        },
        "small": {"phases": constant(20_000), "batch_size": 128, "hidden": (128, 128)},
        "paper": {
            "phases": constant(500_000), "batch_size": 1024, "hidden": (256, 256, 256),
            "grad_clip": 0.5,
        },
    }  # fmt: skip

    def __init__(self, config: Any, task: TaskSpec, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        self.critic = Critic(self.states, self.actions, config.hidden, members=2, layer_norm=True)
        self.steps = steps_of(self.schedule.beta, self.schedule.signal)

    def init(self, rng: torch.Generator) -> None:
        super().init(rng)
        self.params["critic"] = self.critic.init(rng)

    def beside(
        self,
        batch: Batch,
        source: Transitions,
        rngs: Sequence[np.random.Generator],
        lead: tuple[int, ...],
    ) -> Batch:
        """With the noise of sampling here and there, (..., K, B·M, A) each."""
        batch = super().beside(batch, source, rngs, lead)
        size = (2, self.config.diffusion_steps, self.rows, self.actions)
        both = np.stack([rng.standard_normal(size, np.float32) for rng in rngs])
        both = both.reshape(*lead, *size)
        batch["start"], batch["next_start"] = both[..., 0, :, :, :], both[..., 1, :, :, :]
        return batch

    def losses(
        self,
        params: Mapping[str, Params],
        batch: dict[str, Tensor],
        constants: dict[str, Tensor],
    ) -> tuple[Tensor, dict[str, Tensor]]:
        del constants
        seen, after = batch["observations"], batch["next_observations"]
        with torch.no_grad():
            next_action = self.sampled(params["denoiser"], after, batch["next_start"])
            next_q = self.critic.value(params["critic_target"], after, next_action).amin(-2)
            y = batch["rewards"] + self.config.discount * batch["masks"] * next_q
        q = self.critic.value(params["critic"], seen, batch["actions"])
        critic_loss = twin_loss(q, y)
        denoising_loss = self.denoising_loss(params["denoiser"], batch)
        held = {name: p[..., :1, :, :].detach() for name, p in params["critic"].items()}
        own = self.sampled(params["denoiser"], seen, batch["start"])
        climb = climb_loss(self.critic.value(held, seen, own)[..., 0, :])
        logs = {"critic_loss": critic_loss, "denoising_loss": denoising_loss, "q": q.mean((-2, -1))}
        loss = critic_loss + denoising_loss + self.config.climb * climb
        return loss, {name: value.detach() for name, value in logs.items()}

    def sampled(self, params: Params, seen: Tensor, noise: Tensor) -> Tensor:
        """Actions (..., B·M, A) of noise (..., K, B·M, A)."""
        found: Tensor = denoised(
            lambda x, time: self.denoiser.apply(params, seen, x, self.denoiser.at(x, time)),
            noise,
            self.steps,
        )
        return found
