"""Behaviour cloning of teams: each agent from its own observation, by one shared network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import torch

from entitybench.agents.common.mlp import mlp
from entitybench.agents.common.offline.config import OfflineConfig, constant
from entitybench.agents.common.offline.networks import Actor
from entitybench.agents.common.team.learner import TeamLearner

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.agents.common.layers import Params
    from entitybench.types import TaskSpec

Tensor = torch.Tensor


class MABC(TeamLearner):
    """Minimises the squared error of actions; of choices, their cross-entropy (Pomerleau 1991)."""

    config_class: ClassVar[type[Any]] = OfflineConfig
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"phases": constant(40, 1e-3), "batch_size": 32, "hidden": (16, 16)},
        "small": {"phases": constant(5_000, 1e-3), "batch_size": 64, "hidden": (128, 128)},
        "paper": {"phases": constant(1_000_000), "batch_size": 256, "hidden": (512, 512, 512, 512)},
    }

    def __init__(self, config: Any, task: TaskSpec, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        outputs = self.actions if self.choices is None else self.choices
        self.actor = Actor(self.states, outputs, config.hidden, "deterministic")

    def init(self, rng: torch.Generator) -> None:
        self.params = {"actor": self.actor.init(rng)}

    def losses(
        self,
        params: Mapping[str, Params],
        batch: dict[str, Tensor],
        constants: dict[str, Tensor],
    ) -> tuple[Tensor, dict[str, Tensor]]:
        del constants
        actor, seen, action = params["actor"], batch["observations"], batch["actions"]
        if self.choices is None:
            loss = (self.actor.act(actor, seen) - action).square().mean((-2, -1))
        else:
            logits = self._logits(actor, seen).log_softmax(-1)
            loss = -logits.gather(-1, action[..., None])[..., 0].mean(-1)
        return loss, {"actor_loss": loss.detach()}

    def _logits(self, params: Mapping[str, Tensor], seen: Tensor) -> Tensor:
        return mlp(params, seen.unsqueeze(-3), len(self.config.hidden) + 1)[..., 0, :, :]
