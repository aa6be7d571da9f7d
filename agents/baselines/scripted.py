"""Agents that learn nothing: the two ends of every table."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from entitybench.errors import BadValue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.seeding import BatchGenerator
    from entitybench.types import AgentSpec, Array, Batch, Obs, Policy, TaskSpec


def graph_shape(transitions: Batch) -> tuple[int, int, int]:
    """(B, N, N + 1) of a graph a transition."""
    batch, entities = transitions["observations"].shape[:2]
    return batch, entities, entities + 1


class Unlearned:
    """An agent that learns nothing and has nothing to choose."""

    config = None

    def __init__(self, task: TaskSpec) -> None:
        self.task = task

    @classmethod
    def configure(cls, spec: AgentSpec, preset: str, task: TaskSpec, **changes: Any) -> None:
        """Nothing to choose. Raises BadValue."""
        del preset, task
        if changes:
            raise BadValue(f"{spec.id} has no settings: got {', '.join(changes)}.")

    @classmethod
    def create(cls, config: None, task: TaskSpec, **given: Any) -> Self:
        """The agent of a task; it is the same for every seed."""
        del config, given
        return cls(task)


class Scripted(Unlearned, ABC):
    """An agent that is nothing but a policy, and maybe says who acted on whom."""

    @abstractmethod
    def policy(self, *, greedy: bool = True) -> Policy[Any]:
        """The policy."""


class Zero(Scripted):
    """Does nothing; nothing acts on anything."""

    level = 0.0

    def policy(self, *, greedy: bool = True) -> Policy[Any]:
        del greedy  # one way to act
        from entitybench.envs.api import world_of

        return ConstantPolicy(world_of(self.task).action_shape, self.level)

    def infer(self, transitions: Batch, rng: BatchGenerator) -> Array:
        """The same score for every edge."""
        del rng
        return np.full(graph_shape(transitions), self.level)


class Constant(Zero):
    """Does the same at every step: the largest action in every dimension; all act on all."""

    level = 1.0


class ConstantPolicy:
    """One action for all times."""

    def __init__(self, action_shape: tuple[int, ...], level: float) -> None:
        self.action = np.full(action_shape, level, np.float32)

    def initial_state(self, batch: int) -> None:
        del batch

    def act(self, obs: Obs, state: None, rng: BatchGenerator) -> tuple[Array, None]:
        del rng
        return np.repeat(self.action[None], len(obs["observation"]), 0), state


class Random(Scripted):
    """Uniform actions, and uniform scores."""

    def policy(self, *, greedy: bool = True) -> Policy[Any]:
        del greedy  # one way to act
        from entitybench.envs.api import world_of

        return RandomPolicy(world_of(self.task).action_shape)

    def infer(self, transitions: Batch, rng: BatchGenerator) -> Array:
        """Uniform scores."""
        return rng.random(graph_shape(transitions))

    def answer(
        self, questions: Sequence[Sequence[int]], rng: BatchGenerator, *, samples: int
    ) -> Sequence[Sequence[Sequence[int]]]:
        """Random actions, each of which can be done, or a random state."""
        from entitybench.envs.reason.oracle import Guess

        return Guess(self.task).answer(questions, rng, samples=samples)


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

    def answer(
        self, questions: Sequence[Sequence[int]], rng: BatchGenerator, *, samples: int
    ) -> Sequence[Sequence[Sequence[int]]]:
        """What the task's planner says."""
        from entitybench.envs.worlds import oracle_of

        planner: Any = oracle_of(self.task)
        return planner.answer(questions, rng, samples=samples)
