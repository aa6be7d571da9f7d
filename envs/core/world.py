"""What a world is: a scene, its rules, and pure functions from states to observations and scores.

A world holds no episode. `Worlds` (envs/core/batch.py) steps many episodes of one world; the
Gymnasium views are its B = 1 and B = n faces, so a single and a batched run agree bit for bit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import mujoco

    from entitybench.types import Array


@dataclass(frozen=True, slots=True)
class Start:
    """How one episode begins."""

    qpos: Array  # (nq,) float64
    constants: Array  # (N, D) float32: the features that stay, e.g. ids; zero elsewhere
    goal: Array  # (N, D) float32: the desired goal


class World(ABC):
    """A scene of N entities with D features each, and the rules of its task.

    `control`, `observe`, `achieved`, `success`, `success_fraction`, `reward` and `reward_terms` are
    pure functions over any leading axes, written `...` in the shapes below.
    """

    entities: int  # N, robots included
    feature_names: tuple[str, ...]  # D names
    action_dim: int  # A; actions lie in [-1, 1]
    control_dt: float  # s
    physics_dt: float  # s

    @property
    def features(self) -> int:
        """D, the features of an entity."""
        return len(self.feature_names)

    @property
    def substeps(self) -> int:
        """Physics steps in a control step."""
        return round(self.control_dt / self.physics_dt)

    @abstractmethod
    def spec(self) -> mujoco.MjSpec:
        """The scene."""

    @cached_property
    def model(self) -> mujoco.MjModel:
        """The compiled scene. Shared by all who use this world: read only."""
        return self.spec().compile()

    @abstractmethod
    def start(self, seed: int) -> Start:
        """The start state and goal of the episode with this seed, and of no other randomness."""

    @abstractmethod
    def control(self, qpos: Array, action: Array) -> Array:
        """Actuator targets (..., nu) for positions (..., nq) and actions (..., A)."""

    @abstractmethod
    def observe(self, qpos: Array, constants: Array) -> Array:
        """Observation (..., N, D) float32, a new array, from positions (..., nq)."""

    @abstractmethod
    def achieved(self, observation: Array) -> Array:
        """The goal (..., N, D) that an observation (..., N, D) fulfils; a new array."""

    @abstractmethod
    def solved(self, achieved: Array, desired: Array) -> Array:
        """Which entities are where the goal wants them: bool (..., entities with a goal)."""

    def success(self, achieved: Array, desired: Array) -> Array:
        """Whether all entities are where the goal wants them: bool (...)."""
        return np.all(self.solved(achieved, desired), axis=-1)

    def success_fraction(self, achieved: Array, desired: Array) -> Array:
        """The share of entities that are where the goal wants them: float32 (...)."""
        return self.solved(achieved, desired).mean(axis=-1, dtype=np.float32)

    def reward_terms(self, achieved: Array, desired: Array) -> dict[str, Array]:
        """Named, weighted terms (...) float32; the reward is their sum."""
        return {"unsolved": self.success(achieved, desired).astype(np.float32) - np.float32(1)}

    def reward(self, achieved: Array, desired: Array) -> Array:
        """Reward (...) float32: 0 at success, else -1, unless a world says otherwise."""
        terms = list(self.reward_terms(achieved, desired).values())
        total: Array = terms[0]
        for term in terms[1:]:
            total = total + term
        return total
