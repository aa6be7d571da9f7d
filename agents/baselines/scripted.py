"""Agents that learn nothing: the two ends of every table."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs, Policy, TaskSpec


class Scripted(ABC):
    """An agent that is nothing but a policy."""

    config = None

    def __init__(self, task: TaskSpec) -> None:
        self.task = task
        self.step = self.total_updates = 0

    @classmethod
    def create(cls, config: Any, task: TaskSpec, *, seed: int = 0, dataset: Any = None) -> Scripted:
        del config, seed, dataset
        return cls(task)

    @abstractmethod
    def policy(self, *, greedy: bool = True) -> Policy[Any]:
        """The policy."""


class Random(Scripted):
    """Uniform actions."""

    def policy(self, *, greedy: bool = True) -> Policy[Any]:
        del greedy  # one way to act
        from entitybench.envs.api import world_of

        return RandomPolicy(world_of(self.task).action_shape)


class RandomPolicy:
    """Uniform on [-1, 1]."""

    def __init__(self, action_shape: tuple[int, ...]) -> None:
        self.action_shape = action_shape

    def initial_state(self, batch: int) -> None:
        del batch

    def act(self, obs: Obs, state: None, rng: BatchGenerator) -> tuple[Array, None]:
        size = (len(obs["observation"]), *self.action_shape)
        return rng.uniform(-1.0, 1.0, size).astype(np.float32), state


class Oracle(Scripted):
    """The scripted policy that the task names."""

    def policy(self, *, greedy: bool = True) -> Policy[Any]:
        del greedy  # one way to act
        from entitybench.envs.api import oracle_of

        return oracle_of(self.task)
