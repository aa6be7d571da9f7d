"""What all air-hockey worlds share: entities, how they are seen, how mallets are told to move."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.core.world import World
from entitybench.envs.drawing.edges import check_observed
from entitybench.envs.hockey.table import (
    BLOCK_HALF_EDGE,
    HALF_LENGTH,
    HALF_WIDTH,
    MALLET_RADIUS,
    MALLET_SPEED,
    NET,
    Layout,
)

if TYPE_CHECKING:
    import mujoco

    from entitybench.types import Array

VIEWS = ("top", "side")
MOTION = ("x", "y", "vx", "vy")
KINDS = ("mallet", "opponent", "puck", "block")
FASTEST = 12.0  # m/s, where observed speeds are cut off; mallets give a puck at most half of it
SLACK = 0.05  # m, by which things can be pressed beyond where they stop


class HockeyWorld(World):
    """A table, mallets on two slides each, and a puck.

    Entities: the agents' mallets, opponents' mallets, the puck, obstacles. Features: x, y (m), vx,
    vy (m/s), what the task adds, and the kind as a one-hot code. x points from the agents' end to
    the other, with 0 at the centre of the table.
    """

    extra_features: tuple[str, ...] = ()
    action_dim = 2
    control_dt = 0.05
    physics_dt = 0.005
    reads: tuple[str, ...] = ("qpos", "qvel")
    speed = MALLET_SPEED  # m/s, of a mallet at an action of length 1
    mallets: tuple[str, ...] = ("mallet",)
    opponents: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()

    def __init__(
        self, *, pixels: int | None = None, view: str = "top", sleep: bool = False
    ) -> None:
        check_observed(pixels, view, VIEWS)
        self.pixels = pixels
        self.view = view
        self.sleep = sleep
        self.entities = len(self.bodies)
        self.puck = self.bodies.index("puck")  # its row
        self._speed = np.full(1, self.speed)
        self._one = np.ones(1)

    @property
    def feature_names(self) -> tuple[str, ...]:  # type: ignore[override]
        return (*MOTION, *self.extra_features, *KINDS)

    @property
    def fixed_names(self) -> tuple[str, ...]:
        return tuple(KINDS)

    @abstractmethod
    def layout(self) -> Layout:
        """What stands on the table."""

    def spec(self) -> mujoco.MjSpec:
        from entitybench.envs.hockey.table import hockey_scene

        return hockey_scene(self.layout())

    @property
    def bodies(self) -> tuple[str, ...]:
        return (*self.mallets, *self.opponents, "puck", *self.blocks)

    @property
    def movable(self) -> tuple[str, ...]:
        return ("puck", *self.blocks)

    @property
    def obstacles(self) -> tuple[str, ...]:
        return self.blocks

    @property
    def driven(self) -> tuple[int, ...]:
        return tuple(range(len(self.mallets)))

    @property
    def bounds(self) -> Array:
        layout = self.layout()
        return np.array(
            [
                layout.half_length + (NET if layout.mouth or layout.tray else 0) + SLACK,
                layout.half_width + SLACK,
                FASTEST,
                FASTEST,
                *self.extra_bounds(layout),
                *np.ones(len(KINDS)),
            ],
            np.float32,
        )

    def extra_bounds(self, layout: Layout) -> tuple[float, ...]:
        """Bounds of the features that the task adds."""
        del layout
        return (1.0,) * len(self.extra_features)

    @cached_property
    def places(self) -> Array:
        """(N, 2): where the entities' x and y are in the state."""
        return np.array([[self.at(f"{name}_{axis}") for axis in "xy"] for name in self.bodies])

    @cached_property
    def speeds(self) -> Array:
        """(N, 2): where their velocities are."""
        return np.array(
            [[self.at(f"{b}_{axis}", velocity=True) for axis in "xy"] for b in self.bodies]
        )

    @cached_property
    def puck_x(self) -> int:
        """Where the puck's x is in the state."""
        return self.at("puck_x")

    @cached_property
    def motion(self) -> Array:
        """(N, 4): where x, y, vx and vy are in the state."""
        return np.concatenate([self.places, self.speeds], axis=1)

    @cached_property
    def limits(self) -> tuple[Array, Array]:
        """What observed places and velocities are cut to, each (4,)."""
        high = self.bounds[: len(MOTION)].astype(np.float64)
        return -high, high

    def kinds(self) -> Array:
        """Constants (N, D) float32 of an episode: the kinds, zero elsewhere."""
        constants = np.zeros((self.entities, self.features), np.float32)
        first = self.features - len(KINDS)
        own, rivals = len(self.mallets), len(self.opponents)
        constants[:own, first] = 1
        constants[own : own + rivals, first + 1] = 1
        constants[self.puck, first + 2] = 1
        constants[self.puck + 1 :, first + 3] = 1
        return constants

    def control(self, state: Array, action: Array) -> Array:
        """Velocities (..., 2) in m/s: an action longer than 1 is shortened to 1."""
        del state
        return self.velocity(action)

    def velocity(self, action: Array) -> Array:
        """What actions (..., 2) mean, (..., 2) in m/s."""
        square = action * action
        length = np.sqrt(square[..., :1] + square[..., 1:])
        return action * (self._speed / np.maximum(length, self._one))

    def observe(self, state: Array, constants: Array) -> Array:
        observation = constants.copy()
        low, high = self.limits
        motion = state.take(self.motion, axis=-1)
        np.maximum(motion, low, out=motion)
        np.minimum(motion, high, out=motion)
        observation[..., : len(MOTION)] = motion
        return observation

    def write(self, qpos: Array, qvel: Array, places: Array, speeds: Array) -> None:
        """Set positions (nq,) and velocities (nv,) from places and speeds (N, 2) of entities."""
        qpos[self.places] = places
        qvel[self.speeds - len(qpos)] = speeds


def end_of_reach(radius: float = MALLET_RADIUS) -> tuple[tuple[float, float], tuple[float, float]]:
    """Where the centre of a mallet in the agents' half may go: limits of x and of y (m)."""
    return (-HALF_LENGTH + radius, -radius), (-HALF_WIDTH + radius, HALF_WIDTH - radius)


def clear_of_blocks(point: Array, blocks: Array, room: float) -> bool:
    """Whether a point (2,) is at least `room` (m) from the squares about `blocks` (n, 2)."""
    outside = np.maximum(np.abs(blocks - point) - BLOCK_HALF_EDGE, 0.0)
    return bool(np.all(np.hypot(outside[:, 0], outside[:, 1]) >= room))
