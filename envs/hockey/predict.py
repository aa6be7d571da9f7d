"""Where a puck will be: its motion worked out ahead, for scripted players.

Batched numpy over any leading axes. What is left out: that a puck can touch two things at once.
Lengths in m, speeds in m/s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.hockey.table import (
    BLOCK_HALF_EDGE,
    HALF_LENGTH,
    HALF_WIDTH,
    PUCK_DAMPING,
    PUCK_RADIUS,
    RIM_BOUNCE,
    Layout,
)

if TYPE_CHECKING:
    from entitybench.types import Array

STEP = 0.01  # s, between predicted places


@dataclass(frozen=True)
class Surroundings:
    """What a puck moves in."""

    radius: float = PUCK_RADIUS  # m
    tilt: float = 0.0  # m/s^2 along x
    mouth: float = 0.0  # m, width of the goals; 0: closed ends
    open_end: bool = False  # whether the near end lets it out

    @classmethod
    def of(cls, layout: Layout) -> Surroundings:
        """Those of a table."""
        return cls(layout.puck_radius, layout.tilt, layout.mouth, layout.tray)


def predict(
    puck: Array,
    around: Surroundings,
    steps: int,
    blocks: Array | None = None,
    step: float = STEP,
) -> tuple[Array, Array]:
    """Places and velocities (steps, ..., 2) of a puck, `step` s apart, from the present ones on.

    Args:
        puck: (..., 4): x, y, vx, vy.
        blocks: (..., n, 2), centres of obstacles, with axes that broadcast against the puck's.
    """
    place, speed = puck[..., :2].copy(), puck[..., 2:4].copy()
    decay = np.exp(-PUCK_DAMPING * step)
    push = np.array([around.tilt, 0.0]) * step
    places, speeds = np.empty((2, steps, *place.shape))
    for k in range(steps):
        places[k], speeds[k] = place, speed
        speed = speed * decay + push
        place = place + speed * step
        _off_rims(place, speed, around)
        if blocks is not None and blocks.shape[-2]:
            _off_blocks(place, speed, blocks, around.radius)
    return places, speeds


def _off_rims(place: Array, speed: Array, around: Surroundings) -> None:
    """Bounce off sides and ends, in place."""
    x, y, vx, vy = place[..., 0], place[..., 1], speed[..., 0], speed[..., 1]
    side = HALF_WIDTH - around.radius
    over = (np.abs(y) > side) & (y * vy > 0)
    vy[over] *= -RIM_BOUNCE
    np.minimum(np.maximum(y, -side), side, out=y)
    end = HALF_LENGTH - around.radius
    inside = np.abs(y) < around.mouth / 2
    over = (np.abs(x) > end) & (x * vx > 0) & ~inside
    if around.open_end:
        over &= x > 0
    vx[over] *= -RIM_BOUNCE


def _off_blocks(place: Array, speed: Array, blocks: Array, radius: float) -> None:
    """Bounce off squares, in place."""
    offset = place[..., None, :] - blocks
    outside = offset - np.clip(offset, -BLOCK_HALF_EDGE, BLOCK_HALF_EDGE)
    gap = np.sqrt(outside[..., 0] ** 2 + outside[..., 1] ** 2)
    near = np.argmin(gap, axis=-1)[..., None]
    nearest = np.take_along_axis(gap, near, -1)
    normal = np.take_along_axis(outside, near[..., None], -2)[..., 0, :] / np.maximum(nearest, 1e-9)
    into = np.minimum(speed[..., 0] * normal[..., 0] + speed[..., 1] * normal[..., 1], 0.0)
    into *= (nearest < radius)[..., 0]
    speed -= (1 + RIM_BOUNCE) * into[..., None] * normal
