"""Behaviour cloning: fit the policy to the actions of the data, all of it or its best episodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from entitybench.agents.common.offline.config import OfflineConfig, constant
from entitybench.agents.common.offline.learner import OfflineLearner
from entitybench.agents.common.offline.networks import Actor

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from entitybench.agents.common.layers import Params
    from entitybench.types import TaskSpec


@dataclass(frozen=True, kw_only=True)
class BCConfig(OfflineConfig):
    """Settings of behaviour cloning."""

    policy: Literal["gaussian", "deterministic"] = "deterministic"


class BC(OfflineLearner):
    """Minimises −log π(a | s), or the squared error of a deterministic policy (Pomerleau 1991)."""

    config_class: ClassVar[type[Any]] = BCConfig
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"phases": constant(40, 1e-3), "batch_size": 32, "hidden": (16, 16)},
        "small": {"phases": constant(5_000, 1e-3), "batch_size": 128, "hidden": (128, 128)},
        "paper": {"phases": constant(1_000_000), "batch_size": 256, "hidden": (256, 256)},
    }

    def __init__(self, config: Any, task: TaskSpec, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        self.actor = Actor(self.states, self.actions, config.hidden, config.policy)

    def init(self, rng: torch.Generator) -> None:
        self.params = {"actor": self.actor.init(rng)}

    def losses(
        self,
        params: Mapping[str, Params],
        batch: dict[str, torch.Tensor],
        constants: dict[str, torch.Tensor],
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        del constants
        mean = self.actor.act(params["actor"], batch["observations"])
        loss = self.actor.error(params["actor"], mean, batch["actions"]).mean(-1)
        error = (mean - batch["actions"]).square().mean((-2, -1))
        return loss, {"actor_loss": loss.detach(), "bc_error": error.detach()}
