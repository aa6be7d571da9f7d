"""Cloning of joint actions by denoising diffusion: all agents act from what all see.

Ho, Jain and Abbeel, "Denoising Diffusion Probabilistic Models", NeurIPS 2020; as a policy Chi et
al., "Diffusion Policy", RSS 2023.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from entitybench.agents.baselines.team.diffusion_acting import DiffusionPolicy
from entitybench.agents.common.bounds import bounded
from entitybench.agents.common.diffusion import Schedule
from entitybench.agents.common.offline.config import OfflineConfig, constant
from entitybench.agents.common.team.learner import TeamLearner
from entitybench.agents.common.team.seated import SeatedNet
from entitybench.agents.common.team.seats import Seats

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.agents.common.layers import Params
    from entitybench.agents.common.offline.learner import Transitions
    from entitybench.types import Batch, Policy, TaskSpec

Tensor = torch.Tensor


@dataclass(frozen=True, kw_only=True)
class DiffusionConfig(OfflineConfig):
    """Settings of a diffusion of joint actions."""

    diffusion_steps: int = 50  # K, passes of the network a decision

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, diffusion_steps="[1, 10000]")


class DiffusionBC(TeamLearner):
    """E ‖ε(t, o, √ᾱ_t a + √(1 − ᾱ_t) ε) − ε‖² over joint actions."""

    config_class: ClassVar[type[Any]] = DiffusionConfig
    shipped: ClassVar[tuple[str, ...]] = ("denoiser",)
    vectors: ClassVar[bool] = True
    joint: ClassVar[bool] = True  # one network of all agents, and one t
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {
            "phases": constant(40, 1e-3), "batch_size": 16, "hidden": (16, 16), "diffusion_steps": 4
        },
        "small": {"phases": constant(20_000), "batch_size": 128, "hidden": (256, 256)},
        "paper": {"phases": constant(500_000), "batch_size": 640, "hidden": (512, 512, 512, 512)},
    }  # fmt: skip

    def __init__(self, config: Any, task: TaskSpec, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        self.seats = Seats(self.agents, self.features, self.actions, self.joint)
        self.denoiser = SeatedNet(self.seats, config.hidden)
        self.schedule = Schedule.cosine(config.diffusion_steps, device=self.device)
        self.buffers |= {"beta": self.schedule.beta, "signal": self.schedule.signal}

    def init(self, rng: torch.Generator) -> None:
        self.params = {"denoiser": self.denoiser.init(rng)}

    def beside(
        self,
        batch: Batch,
        source: Transitions,
        rngs: Sequence[np.random.Generator],
        lead: tuple[int, ...],
    ) -> Batch:
        """With noise (..., B·M, A) and the step of each of the network's rows (..., B or B·M)."""
        del source
        size = (self.rows, self.seats.numbers)
        count = self.rows // self.agents if self.joint else self.rows
        noise = np.stack([rng.standard_normal(size, np.float32) for rng in rngs])
        step = np.stack([rng.integers(self.config.diffusion_steps, size=count) for rng in rngs])
        return {**batch, "noise": noise.reshape(*lead, *size), "step": step.reshape(*lead, count)}

    def losses(
        self,
        params: Mapping[str, Params],
        batch: dict[str, Tensor],
        constants: dict[str, Tensor],
    ) -> tuple[Tensor, dict[str, Tensor]]:
        del constants
        loss = self.denoising_loss(params["denoiser"], batch)
        return loss, {"denoising_loss": loss.detach()}

    def denoising_loss(self, params: Params, batch: Mapping[str, Tensor]) -> Tensor:
        """How far the noise is from what is taken for it."""
        noise, step = batch["noise"], batch["step"]
        rows = self.agents if self.joint else 1  # that share a step
        clean, added = (x.unflatten(-2, (-1, rows)) for x in (batch["actions"], noise))
        noisy = self.schedule.corrupt(clean, added, step).flatten(-3, -2)
        time = (step / self.config.diffusion_steps).unsqueeze(-1).to(noise.dtype)
        found = self.denoiser.apply(params, batch["observations"], noisy, time)
        return (found - noise).square().mean((-2, -1))

    def weights(self) -> dict[str, Any]:
        steps = {f"buffer/{name}": self.buffers[name] for name in ("beta", "signal")}
        return super().weights() | {name: p.cpu().numpy() for name, p in steps.items()}

    def policy(self, *, greedy: bool = True) -> Policy[Any]:
        del greedy
        return DiffusionPolicy(self.weights(), self.choices, self.seats)
