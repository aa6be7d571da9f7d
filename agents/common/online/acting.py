"""Trained online learners that only act: read from the checkpoint without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from entitybench import checkpoints
from entitybench.agents.common.online.features import Features
from entitybench.agents.common.online.policy import SquashedPolicy, layers_of
from entitybench.envs.api import goal_world_of
from entitybench.errors import CheckpointError
from entitybench.registry import tasks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from entitybench.types import Policy, TaskSpec


@dataclass(frozen=True)
class Acting:
    """What is evaluated of a checkpoint that an `OnlineLearner` saved."""

    config: Mapping[str, Any]
    step: int
    _policy: SquashedPolicy

    @classmethod
    def load(cls, folder: Path, *, task: TaskSpec | None = None, device: str = "cpu") -> Self:
        """Read a checkpoint, to act in `task`. Raises CheckpointError unless its networks fit."""
        del device  # whose networks are small: a GPU would only add the way to it
        found, weights, _ = checkpoints.read(folder, training=False)
        task = task or tasks()[found.meta["task"]]
        world = goal_world_of(task)
        features, layers = Features.in_world(world), layers_of(weights, "actor/")
        ends = (features.size, 2 * world.action_dim)
        have = (layers[0][0].shape[0], layers[-1][0].shape[1]) if layers else (0, 0)
        if have != ends:
            raise CheckpointError(
                f"the weights in {folder} do not fit {found.meta['agent']} on {task.id} (a policy "
                f"of {have[0]} inputs and {have[1]} outputs, not of {ends[0]} and {ends[1]}); they "
                "are of another agent, or of networks for another task."
            )
        policy = SquashedPolicy(layers, features)
        return cls(checkpoints.today(found.meta["config"]), found.meta["step"], policy)

    def policy(self, *, greedy: bool = True) -> Policy[Any]:
        """Takes tanh of the mean."""
        del greedy
        return self._policy
