"""What a world is: a scene, its rules, and pure functions from states to observations and scores.

A world holds no episode. `Worlds` (envs/core/batch.py) steps many episodes of one world; the
Gymnasium views are its B = 1 and B = n faces, so a single and a batched run agree bit for bit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property, lru_cache
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

    Those with `...` in their shapes are pure functions over any leading axes.
    """

    entities: int  # N, robots included
    feature_names: tuple[str, ...]  # D names
    action_dim: int  # A; actions lie in [-1, 1]
    control_dt: float  # s
    physics_dt: float  # s
    pixels: int | None = None  # edge of the image that is observed instead; None: entities
    view: str = "top"  # the camera of these images

    @property
    def features(self) -> int:
        """D, the features of an entity."""
        return len(self.feature_names)

    @property
    def substeps(self) -> int:
        """Physics steps in a control step."""
        return round(self.control_dt / self.physics_dt)

    @property
    @abstractmethod
    def bounds(self) -> Array:
        """(D,): observations lie in +-bounds."""

    @abstractmethod
    def spec(self) -> mujoco.MjSpec:
        """The scene."""

    @property
    @abstractmethod
    def bodies(self) -> tuple[str, ...]:
        """The N names of the entities' bodies in the scene."""

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

    @abstractmethod
    def goal_qpos(self, goal: Array) -> Array:
        """Positions (nq,) in which a goal (N, D) is reached, for pictures of it."""

    @abstractmethod
    def marks(self, goal: Array) -> list[tuple[Array, Array, Array]]:
        """Boxes (position (3,), half sizes (3,), rgba (4,)) that mark a goal (N, D)."""

    @abstractmethod
    def paint(self, model: mujoco.MjModel, constants: Array) -> None:
        """Give the entities of an episode with these constants (N, D) their colours in `model`."""

    def success(self, achieved: Array, desired: Array) -> Array:
        """Whether all entities are where the goal wants them: bool (...)."""
        return np.logical_and.reduce(self.solved(achieved, desired), -1)

    def success_fraction(self, achieved: Array, desired: Array) -> Array:
        """The share of entities that are where the goal wants them: float32 (...)."""
        solved = self.solved(achieved, desired)
        return _shares(solved.shape[-1])[0][np.add.reduce(solved, -1)]

    def reward(self, achieved: Array, desired: Array) -> Array:
        """The sum of `reward_terms`, float32 (...)."""
        success = self.success(achieved, desired)
        return _total(self.reward_terms(achieved, desired, success))

    def reward_terms(
        self,
        achieved: Array,  # noqa: ARG002 - worlds with more terms use them
        desired: Array,  # noqa: ARG002
        success: Array,
    ) -> dict[str, Array]:
        """Named, weighted terms, float32 (...) each: here one, 0 at success, else -1.

        `success` is `self.success(achieved, desired)`, which every caller has.
        """
        return {"unsolved": _UNSOLVED.take(success)}

    def judge(self, achieved: Array, desired: Array) -> dict[str, Array]:
        """All scores at once: "reward", "is_success" and "success_fraction", each (...)."""
        solved = self.solved(achieved, desired)
        # Counted once and looked up: each numpy call costs as much as a physics step of a body.
        count = np.add.reduce(solved, -1)
        shares, all_of_them = _shares(solved.shape[-1])
        success = all_of_them[count]
        return {
            "reward": _total(self.reward_terms(achieved, desired, success)),
            "is_success": success,
            "success_fraction": shares[count],
        }


_UNSOLVED = np.array([-1, 0], np.float32)  # the term without and with success


@lru_cache(maxsize=64)
def _shares(count: int) -> tuple[Array, Array]:
    """For 0 .. count solved of `count`: their share, and whether they are all."""
    solved = np.arange(count + 1)
    return (solved / count).astype(np.float32), solved == count


def _total(terms: dict[str, Array]) -> Array:
    total, *others = terms.values()
    for term in others:
        total = total + term
    return total
