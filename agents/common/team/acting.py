"""Trained teams that only act: read from the checkpoint without the framework that trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entitybench.agents.common.offline.acting import Acting
from entitybench.agents.common.team.policy import TeamPolicy

if TYPE_CHECKING:
    from collections.abc import Mapping


class ActingTeam(Acting):
    """What is evaluated of a checkpoint that a `TeamLearner` saved."""

    @staticmethod
    def made(weights: Mapping[str, Any], world: Any) -> TeamPolicy:
        return TeamPolicy(weights, world.actions)

    @staticmethod
    def observed(world: Any) -> tuple[int, int]:
        return len(world.agents), len(world.agent_feature_names)

    @staticmethod
    def ends(world: Any) -> tuple[int, int]:
        agents, features = ActingTeam.observed(world)
        outputs = world.action_dim if world.actions is None else world.actions
        return features + agents, outputs
