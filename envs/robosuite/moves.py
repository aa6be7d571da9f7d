"""How a script moves a hand: robosuite's actions from where the hand is and where it should be.

Everything is (B, ...) numpy and has no memory. Lengths in m, angles in rad.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.api import world_as
from entitybench.envs.parts.vectors import cross
from entitybench.envs.robosuite.servo import MOVE, TURN

if TYPE_CHECKING:
    from entitybench.envs.robosuite.world import SuiteWorld
    from entitybench.types import Array, Obs, TaskSpec

OPEN, CLOSE = -1.0, 1.0
GAIN, TURN_GAIN = 1.6, 1.0  # of the way that is asked for, the share that one action asks for


@dataclass(slots=True)
class Phases:
    """What each of B episodes is at."""

    phase: Array  # (B,) int
    age: Array  # (B,) control steps in the phase
    target: Array  # (B,) int, which object


def fresh(batch: int) -> Phases:
    """The beginning of B episodes."""
    return Phases(np.zeros(batch, int), np.zeros(batch, int), np.zeros(batch, int))


def step_phases(state: Phases, phase: Array, target: Array | None = None) -> Phases:
    """The state with its next phases; ages count from the last change."""
    age = np.where(phase == state.phase, state.age + 1, 0)
    return Phases(phase, age, state.target if target is None else target)


def rows_of(obs: Obs) -> Array:
    """The entities (B, N, D) float64."""
    return obs.get("state", obs["observation"]).astype(np.float64)


def heading(row: Array) -> Array:
    """The angle (B,) of a frame's x axis in the plane, of rows (B, D)."""
    return np.arctan2(np.ascontiguousarray(row[:, 4]), np.ascontiguousarray(row[:, 3]))


def wrap(angle: Array, period: float) -> Array:
    """Angles in +-period / 2."""
    return angle - period * np.round(angle / period)


def length(x: Array) -> Array:
    """Of vectors (..., 2) or (..., 3)."""
    square = x * x
    total = square[..., 0] + square[..., 1]
    return np.sqrt(total + square[..., 2] if x.shape[-1] == 3 else total)


def upright(hand: Array, turn: Array) -> Array:
    """The rotation (B, 3) that points a hand (B, D) straight down and turns it by `turn` (B,)."""
    down = cross(hand[:, 3:6], hand[:, 6:9])
    tilt = cross(down, np.broadcast_to(np.array([0.0, 0.0, -1.0]), down.shape))
    rotation = tilt.copy()
    rotation[:, 2] += turn
    return rotation


def action(
    way: Array, rotation: Array, grip: Array, *, gain: float = GAIN, base: float = 0.0
) -> Array:
    """Robosuite's action (B, 7) for a way (B, 3), a rotation (B, 3) and a grip (B,).

    `base` is the yaw of the robot's base, in whose frame actions are.
    """
    c, s = np.cos(base), np.sin(base)
    found = np.empty((len(way), 7))
    for first, vector, unit in ((0, gain * way, MOVE), (3, TURN_GAIN * rotation, TURN)):
        largest = np.maximum(length(vector) / unit, 1.0) * unit
        found[:, first] = (c * vector[:, 0] + s * vector[:, 1]) / largest
        found[:, first + 1] = (c * vector[:, 1] - s * vector[:, 0]) / largest
        found[:, first + 2] = vector[:, 2] / largest
    found[:, 6] = grip
    return found


def empty(hand: Array) -> Array:
    """Which hands (B, D) are closed and hold nothing: bool (B,)."""
    return (hand[:, 14] < 0.5) & (hand[:, 12] < 0.02)


class SuiteOracle:
    """What all oracles share: they know the task and keep phases."""

    acts_in: type[SuiteWorld]  # what worlds it knows

    def __init__(self, task: TaskSpec | str) -> None:
        self.world: Any = world_as(task, self.acts_in)

    def initial_state(self, batch: int) -> Phases:
        return fresh(batch)
