"""Trained agents that only act: read from the checkpoint without the framework that trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from entitybench import checkpoints
from entitybench.agents.common.offline.policy import MEAN, MeanPolicy
from entitybench.envs.api import world_of
from entitybench.errors import CheckpointError
from entitybench.registry import tasks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from entitybench.types import Policy, TaskSpec


@dataclass(frozen=True)
class Acting:
    """What is evaluated of a checkpoint that an `OfflineLearner` saved."""

    config: Mapping[str, Any]
    step: int
    _policy: Policy[Any]

    @classmethod
    def load(
        cls, folder: Path, *, task: TaskSpec | None = None, device: str = "cpu", **changes: Any
    ) -> Self:
        """Read a checkpoint, to act in `task`, with settings of a variant that uses its weights.

        Raises CheckpointError unless its networks fit.
        """
        del device  # whose networks are small: a GPU would only add the way to it
        found, weights, _ = checkpoints.read(folder, training=False)
        task = task or tasks()[found.meta["task"]]
        config = {**checkpoints.today(found.meta["config"]), **changes}
        try:
            policy = cls._fitting(weights, world_of(task), config)
        except (KeyError, ValueError) as error:
            raise CheckpointError(
                f"the weights in {folder} do not fit {found.meta['agent']} on {task.id} ({error}); "
                "they are of another agent, or of networks for another task."
            ) from error
        return cls(config, found.meta["step"], policy)

    @classmethod
    def _fitting(
        cls, weights: Mapping[str, Any], world: Any, config: Mapping[str, Any]
    ) -> Policy[Any]:
        """The policy. Raises KeyError, ValueError."""
        found, wanted = weights[MEAN].shape, cls.observed(world)
        if found != wanted:
            raise ValueError(f"observations of {found}, not {wanted}")
        policy, wanted = cls.made(weights, world, config), cls.ends(world, config)
        found = (len(policy.layers[0][0]), policy.layers[-1][0].shape[1])
        if found != wanted:
            raise ValueError(f"a policy of {found[0]} inputs and {found[1]} outputs, not {wanted}")
        return policy

    @staticmethod
    def made(weights: Mapping[str, Any], world: Any, config: Mapping[str, Any]) -> MeanPolicy:
        """The policy of these weights, trained with these settings."""
        del world, config
        return MeanPolicy(weights)

    @staticmethod
    def observed(world: Any) -> tuple[int, int]:
        """The shape of an observation."""
        return world.entities, len(world.feature_names)

    @staticmethod
    def ends(world: Any, config: Mapping[str, Any]) -> tuple[int, int]:
        """Inputs and outputs of the network."""
        del config
        return world.entities * len(world.feature_names), world.action_dim

    def policy(self, *, greedy: bool = True) -> Policy[Any]:
        """Takes the mean action."""
        del greedy
        return self._policy
