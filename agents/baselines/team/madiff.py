"""MADiff: a diffusion of what all agents will see, and what each does to get there.

Zhu et al., "MADiff: Offline Multi-agent Learning with Diffusion Models", NeurIPS 2024.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import torch

from entitybench.agents.baselines.team.diffusion_bc import DiffusionBC, DiffusionConfig
from entitybench.agents.baselines.team.madiff_acting import TOLD, MADiffPolicy, scaled, seats_of
from entitybench.agents.baselines.team.windows import TO_GO, WindowLearner
from entitybench.agents.common.bounds import bounded
from entitybench.agents.common.mlp import init_mlp, mlp
from entitybench.agents.common.offline.config import constant
from entitybench.agents.common.team.actions import choice_of, vector_of
from entitybench.agents.common.team.seated import SeatedNet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.agents.common.layers import Params
    from entitybench.agents.common.offline.learner import Transitions
    from entitybench.datasets.sampling.windows import Pad
    from entitybench.types import Batch, Policy, TaskSpec

Tensor = torch.Tensor


@dataclass(frozen=True, kw_only=True)
class MADiffConfig(DiffusionConfig):
    """Settings of MADiff; `hidden` are the layers of the denoiser and of the inverse dynamics."""

    diffusion_steps: int = 20
    ahead: int = 8  # H, steps that are imagined
    dropout: float = 0.25  # share of windows whose returns are not told
    guidance: float = 1.2  # w
    knows: Literal["own", "all"] = "own"  # who acts: what it sees itself, or what all see

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, ahead="[1, 1000]", dropout="[0, 1]", guidance="[0, inf)")


class MADiff(WindowLearner, DiffusionBC):
    """A denoiser of windows x (M agents, H + 1 observations each), and inverse dynamics.

    L = E ‖f(t, R, √ᾱ_t x + √(1 − ᾱ_t) ε) − x‖² + E ‖I(o_i, o_i') − a_i‖²

    The network says what is clean: the noise of a window has more numbers than its layers pass on.
    What is known of the first step, of all agents or of one, keeps no noise and counts in no loss.
    """

    config_class: ClassVar[type[Any]] = MADiffConfig
    shipped: ClassVar[tuple[str, ...]] = ("denoiser", "inverse")
    pad: ClassVar[Pad] = "end"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {
            "phases": constant(40, 1e-3), "batch_size": 16, "hidden": (16, 16),
            "diffusion_steps": 3, "ahead": 2,
        },
        "small": {"phases": constant(20_000), "batch_size": 64, "hidden": (256, 256)},
        "paper": {
            "phases": constant(1_000_000, 2e-4), "batch_size": 64, "hidden": (512, 512, 512, 512),
            "diffusion_steps": 200, "ahead": 24,
        },
    }  # fmt: skip

    def __init__(self, config: Any, task: TaskSpec, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        self.seats = seats_of(self.agents, self.features, config.ahead)
        self.denoiser = SeatedNet(self.seats, config.hidden)

    @property
    def steps(self) -> int:
        return int(self.config.ahead)

    def init(self, rng: torch.Generator) -> None:
        super().init(rng)
        ends = 2 * self.features + self.agents
        self.params["inverse"] = init_mlp(1, (ends, *self.config.hidden, self.actions), rng)

    def prepared(self, batch: Batch) -> Batch:
        """Windows "actions" (..., B·M, (H + 1)·D), "did" (..., B·M, A), "to_go" (..., B)."""
        seen = scaled(torch.as_tensor(self.flat(batch["observations"]))[..., : self.features])
        window = seen.transpose(-3, -2).flatten(-2).flatten(-3, -2)
        did = torch.as_tensor(batch["actions"])[..., 0, :, :]
        if self.choices is not None:
            did = vector_of(choice_of(did[..., 0], self.choices), self.choices)
        to_go = self.returns(torch.as_tensor(batch[TO_GO])[..., 0])
        return {"actions": window.float(), "did": did.flatten(-3, -2), "to_go": to_go.float()}

    def beside(
        self,
        batch: Batch,
        source: Transitions,
        rngs: Sequence[np.random.Generator],
        lead: tuple[int, ...],
    ) -> Batch:
        """With whose first step is known (..., B·M, 1): all, or one; what is told (..., B·M, 3)."""
        found: Any = super().beside(batch, source, rngs, lead)
        count = self.rows // self.agents
        one = np.stack([rng.integers(self.agents, size=count) for rng in rngs])
        every, hidden = np.stack([rng.random((2, count)) for rng in rngs]).swapaxes(0, 1)
        whose = (every < 0.5)[..., None] | (np.arange(self.agents) == one[..., None])
        shown = np.repeat((hidden >= self.config.dropout)[..., None], self.agents, -1)
        known, told = (
            torch.as_tensor(x, dtype=torch.float32, device=self.device).reshape(*lead, self.rows, 1)
            for x in (whose, shown)
        )
        to_go = found.pop("to_go").repeat_interleave(self.agents, -1)[..., None]
        return {**found, "known": known, TOLD: torch.cat([to_go * told, told, known], -1)}

    def losses(
        self, params: Mapping[str, Params], batch: dict[str, Tensor], constants: dict[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        del constants
        window, noise, step = batch["actions"], batch["noise"], batch["step"]
        clean, added = (x.unflatten(-2, (-1, self.agents)) for x in (window, noise))
        noisy = self.schedule.corrupt(clean, added, step).flatten(-3, -2)
        first = window.new_zeros(window.shape[-1])
        first[: self.features] = 1.0
        held = batch["known"] * first  # (..., B·M, (H + 1)·D)
        time = (step / self.config.diffusion_steps).unsqueeze(-1).to(noise.dtype)
        given = held * window + (1 - held) * noisy
        away = (self.denoiser.apply(params["denoiser"], batch[TOLD], given, time) - window).square()
        denoising = ((1 - held) * away).sum((-2, -1)) / (1 - held).sum((-2, -1))
        found = self.inverse(params["inverse"], window[..., : 2 * self.features])
        inverse = (found - batch["did"]).square().mean((-2, -1))
        logs = {"denoising_loss": denoising.detach(), "inverse_loss": inverse.detach()}
        return denoising + inverse, logs

    def inverse(self, params: Mapping[str, Tensor], pair: Tensor) -> Tensor:
        """What leads from one observation to the next: (..., B·M, A) of (..., B·M, 2·D)."""
        rows = pair.shape[-2] // self.agents
        ids = torch.eye(self.agents, device=pair.device).repeat(rows, 1)
        given = torch.cat([pair, ids.expand(*pair.shape[:-2], -1, -1)], -1)
        return mlp(params, given.unsqueeze(-3), len(self.config.hidden) + 1)[..., 0, :, :]

    def policy(self, *, greedy: bool = True) -> Policy[Any]:
        del greedy
        c = self.config
        weights = self.weights()
        return MADiffPolicy(weights, self.choices, self.seats, w=c.guidance, alone=c.knows == "own")
