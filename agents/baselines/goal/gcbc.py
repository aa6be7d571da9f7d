"""Goal-conditioned behaviour cloning: regress the action towards a later state of an episode."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from entitybench.agents.baselines.goal.gciql import GCIQL
from entitybench.agents.common.goal.agent import GoalIQL
from entitybench.agents.common.goal.config import NEAR, GoalConfig, GoalPhase, MixPhase

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from entitybench.agents.common.layers import Params
    from entitybench.datasets.sampling.goals import GoalSampler
    from entitybench.types import Batch

Tensor = torch.Tensor
Tensors = dict[str, Tensor]


# For one table over every dataset: three training seeds of it take a minute on a busy core.
_SWEEP: Mapping[str, Any] = {
    "phases": (MixPhase(updates=6_000, learning_rate=1e-3, final_learning_rate=1e-4, mix=NEAR),),
    "batch_size": 256,
    "network": "flat",
    "hidden": 128,
    "blocks": 3,
    "standardise": True,
    "compile": False,
}


def _own(preset: Mapping[str, Any]) -> dict[str, Any]:
    """Of a preset of GCIQL what cloning reads."""
    known = {field.name for field in fields(GoalConfig)}
    return {name: value for name, value in preset.items() if name in known} | {
        "phases": tuple(map(_phase, preset["phases"]))
    }


def _phase(phase: GoalPhase) -> MixPhase:
    return MixPhase(**{field.name: getattr(phase, field.name) for field in fields(MixPhase)})


class GCBC(GoalIQL):
    """MSE(π(s, g), a) with goals from the policy's mix; no value function."""

    config_class: ClassVar[type[Any]] = GoalConfig
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **{name: _own(preset) for name, preset in GCIQL.presets.items()},
        "sweep": _SWEEP,
    }
    shipped = ("actor",)
    targets: ClassVar[Mapping[str, str]] = {}

    def init(self, rng: torch.Generator) -> None:
        self.params = {"actor": self.networks.actor.init(rng)}

    def draw(self, source: GoalSampler, rng: np.random.Generator) -> Batch:
        return source.sample(self.config.batch_size, rng, policy=self.phase.mix)

    def losses(
        self, params: Mapping[str, Params], batch: Tensors, constants: Tensors
    ) -> tuple[Tensor, Tensors]:
        del constants
        predicted = self.networks.act(params["actor"], batch["observations"], batch["policy_goals"])
        loss: Any = (predicted - batch["actions"]).square().mean()
        return loss, {"bc_error": loss.detach()}
