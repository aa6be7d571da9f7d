"""Learners that know the team's state while they learn; nobody sees it while acting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import torch

from entitybench.agents.common.offline.policy import standardised
from entitybench.agents.common.offline.statistics import moments
from entitybench.agents.common.team.values import TeamValues
from entitybench.envs.api import world_of
from entitybench.errors import BadValue

if TYPE_CHECKING:
    from entitybench.agents.common.offline.learner import Transitions
    from entitybench.types import Batch, TaskSpec


class CentralValues(TeamValues):
    """A `TeamValues` whose batches also hold the standardised "state" and "next_state" (B, S).

    It is what the world calls entities, one after another.
    """

    columns: ClassVar[tuple[str, ...]] = (*TeamValues.columns, "entities", "terminals")

    def __init__(self, config: Any, task: TaskSpec, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        world = world_of(task)
        shape = (world.entities, len(world.feature_names))
        self.central = shape[0] * shape[1]
        self.buffers["state_mean"] = torch.zeros(shape)
        self.buffers["state_deviation"] = torch.ones(shape)

    def source(self, data: Any) -> Transitions:
        """As that of teams. Raises BadValue for data without the team's state."""
        if "entities" not in data.columns:
            raise BadValue(
                f"{self.config.agent} weighs agents by the team's state, and {data.id} has no "
                "column 'entities', which holds it."
            )
        return super().source(data)

    def measure(self, source: Transitions) -> None:
        super().measure(source)
        if self.config.standardise:
            found = moments(source.store, "entities")
            self.buffers["state_mean"], self.buffers["state_deviation"] = found

    def prepared(self, batch: Batch) -> Batch:
        batch = super().prepared(batch)
        for name, state in (("entities", "state"), ("next_entities", "next_state")):
            x = batch.pop(name)
            mean, deviation = (self._like(f"state_{part}", x) for part in ("mean", "deviation"))
            found = standardised(x, mean, deviation)
            batch[state] = found.reshape(*found.shape[:-2], self.central)
        return batch
