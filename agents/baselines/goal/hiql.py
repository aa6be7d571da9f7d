"""Hierarchical IQL on flat vectors, as HECRL compares itself with it.

After HIQL (Park et al., NeurIPS 2023). The comparison in HECRL's released code (Haramati et al.,
ICLR 2026) differs: V and Q are those of IQL, and subgoals are raw states, not learned features.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from entitybench.agents.baselines.goal.gciql import GCIQL
from entitybench.agents.common.bounds import bounded
from entitybench.agents.common.goal.agent import GoalIQL, IQLConfig, make_network
from entitybench.agents.common.goal.config import FAR
from entitybench.agents.common.goal.iql import awr_loss
from entitybench.agents.common.goal.subgoals import Proposal, SubgoalPolicy, settle
from entitybench.envs.api import goal_world_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from entitybench.agents.common.layers import Params
    from entitybench.datasets.sampling.goals import GoalSampler
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Batch, Policy

Tensor = torch.Tensor
Tensors = dict[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class HIQLConfig(IQLConfig):
    """The low level learns to reach states K steps ahead, the high level to name them."""

    subgoal_steps: int = 40  # K
    awr_beta: float = 3.0  # β_AWR
    replan_steps: int = 20  # T_sg
    resolution: float = 0.02  # m; objects that a subgoal moves less stay where they are
    max_subgoals: int = 1000

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, subgoal_steps="[1, inf)", awr_beta="[0, inf)", resolution="[0, inf)")
        bounded(self, replan_steps="[1, inf)", max_subgoals="[0, inf)")


def _presets() -> dict[str, dict[str, Any]]:
    """GCIQL's, where the low level's goals are the subgoals, whatever the phase."""
    made = {
        name: {
            **preset,
            "phases": tuple(replace(s, mix=FAR) for s in preset["phases"]),
        }
        for name, preset in GCIQL.presets.items()
    }
    first, second = made["small"]["phases"]
    made["small"]["phases"] = (first, replace(second, alpha=0.05))
    made["paper"] |= {"subgoal_steps": 50, "replan_steps": 25, "max_subgoals": 32}
    return made


class HIQL(GoalIQL):
    """π(s, s̃) by DDPG+BC and h(s, g) by advantage-weighted regression of s̃ = s_{t+K}."""

    config_class: ClassVar[type[Any]] = HIQLConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = _presets()
    shipped = ("value", "actor", "high")

    def __init__(self, config: HIQLConfig, task: Any, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        self.high, self.exact_high = (
            make_network(
                replace(self.config, precision=precision),
                self.layout,
                self.layout.entities * self.layout.physicals,
                layer_norm=config.actor_layer_norm,
            )
            for precision in (self.config.precision, "float32")
        )

    def init(self, rng: torch.Generator) -> None:
        super().init(rng)
        self.params["high"] = self.high.init(rng)

    def draw(self, source: GoalSampler, rng: np.random.Generator) -> Batch:
        config = self.config
        batch = source.sample(
            config.batch_size,
            rng,
            value=config.value_goals,
            policy=self.phase.mix,
            subgoal_steps=config.subgoal_steps,
        )
        batch["high_goals"] = batch["policy_goals"]
        batch["policy_goals"] = goal_world_of(self.task).achieved(batch["subgoals"])
        return batch

    def losses(
        self, params: Mapping[str, Params], batch: Tensors, constants: Tensors
    ) -> tuple[Tensor, Tensors]:
        loss, logs = super().losses(params, batch, constants)
        state, goal, subgoal = batch["observations"], batch["high_goals"], batch["subgoals"]
        with torch.no_grad():
            both = self.networks.value.apply(
                params["value"], torch.cat([subgoal, state]), goal.repeat(2, 1, 1)
            )[0, :, 0]
            after, before = both.chunk(2)
        displacement = (subgoal - state)[..., self.layout.physical].flatten(-2)
        predicted = self.high.apply(params["high"], state, goal)[0]
        high = awr_loss(predicted, displacement, after - before, self.config.awr_beta)
        return loss + high, {**logs, "awr_loss": high.detach()}

    def propose(self, now: Tensor, goal: Tensor, rng: BatchGenerator) -> Proposal:
        del rng
        moved = self.exact_high.apply(self.params["high"], now, goal)[0]
        chosen = now.clone()
        chosen[..., self.layout.physical] += moved.view(*now.shape[:-1], -1)
        never = torch.zeros(len(now), dtype=torch.bool, device=now.device)
        return Proposal(settle(self.layout, now, chosen, self.config.resolution), chosen, never)

    def policy(self, *, greedy: bool = True) -> Policy[Any]:
        del greedy  # deterministic
        return SubgoalPolicy(self)
