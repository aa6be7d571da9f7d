"""Trained teams that only act: read from the checkpoint without the framework that trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entitybench.agents.common.offline.acting import Acting
from entitybench.agents.common.team.policy import FlowPolicy, StudentPolicy, TeamPolicy
from entitybench.agents.common.team.seats import Seats

if TYPE_CHECKING:
    from collections.abc import Mapping


class ActingTeam(Acting):
    """What is evaluated of a checkpoint that a `TeamLearner` saved."""

    @staticmethod
    def made(weights: Mapping[str, Any], world: Any, config: Mapping[str, Any]) -> TeamPolicy:
        del config
        return TeamPolicy(weights, world.actions)

    @staticmethod
    def observed(world: Any) -> tuple[int, int]:
        return len(world.agents), len(world.agent_feature_names)

    @staticmethod
    def ends(world: Any, config: Mapping[str, Any]) -> tuple[int, int]:
        del config
        agents, features = ActingTeam.observed(world)
        return features + agents, outputs(world)


class ActingStudents(ActingTeam):
    """Students of a flow: one pass an agent, noise beside its observation."""

    @staticmethod
    def made(weights: Mapping[str, Any], world: Any, config: Mapping[str, Any]) -> TeamPolicy:
        shared = config["noise"] == "shared"
        return StudentPolicy(weights, world.actions, config["drawn"], shared=shared)

    @staticmethod
    def ends(world: Any, config: Mapping[str, Any]) -> tuple[int, int]:
        agents, features = ActingTeam.observed(world)
        noise = outputs(world) * (agents if config["noise"] == "shared" else 1)
        return features + agents + noise, outputs(world)


class ActingFlow(ActingTeam):
    """A flow of the whole team's actions."""

    @staticmethod
    def made(weights: Mapping[str, Any], world: Any, config: Mapping[str, Any]) -> TeamPolicy:
        return FlowPolicy(
            weights,
            world.actions,
            config["drawn"],
            seats=seats(world, config),
            steps=config["flow_steps"],
        )

    @staticmethod
    def ends(world: Any, config: Mapping[str, Any]) -> tuple[int, int]:
        found = seats(world, config)
        return found.inputs, found.outputs


def outputs(world: Any) -> int:
    """Numbers of an agent's action, or its choices."""
    return int(world.action_dim if world.actions is None else world.actions)


def seats(world: Any, config: Mapping[str, Any]) -> Seats:
    """Of the teacher's network."""
    agents, features = ActingTeam.observed(world)
    return Seats(agents, features, outputs(world), config["teacher"] == "joint")
