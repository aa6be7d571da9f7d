"""Where a pusher should go to move a block: batched geometry shared by play behaviour and oracle.

Everything is (B, ...) numpy and has no memory. Lengths in m. A "step" is the displacement that a
control step should aim at; `to_action` turns it into an action.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.push.sizes import HALF_EDGE, PUSHER_RADIUS
from entitybench.envs.push.world import REACH

if TYPE_CHECKING:
    from entitybench.types import Array

TOUCH = HALF_EDGE + PUSHER_RADIUS  # between the centres of a pusher and a block it touches flat
CLEARANCE = 0.082  # between the centres of a pusher and a block it passes, whatever the block's yaw
STAND_OFF = 0.095  # between the centre of a block and the place to begin a push from


def norm(x: Array) -> Array:
    """Length (..., 1) of vectors (..., 2)."""
    return np.sqrt(x[..., :1] * x[..., :1] + x[..., 1:] * x[..., 1:])


def unit(x: Array) -> Array:
    """Vectors (..., 2) of length 1 (zero stays zero)."""
    return x / np.maximum(norm(x), 1e-9)


def left(x: Array) -> Array:
    """Vectors (..., 2) turned by 90 degrees counter-clockwise."""
    return np.stack([-x[..., 1], x[..., 0]], axis=-1)


def dot(a: Array, b: Array) -> Array:
    """Inner product (..., 1)."""
    return a[..., :1] * b[..., :1] + a[..., 1:] * b[..., 1:]


def to_action(step: Array) -> Array:
    """Action (..., 2) for a displacement (..., 2), shortened to what one action can reach."""
    action = step / REACH
    return action / np.maximum(norm(action), 1.0)


def behind(pusher: Array, block: Array, direction: Array) -> Array:
    """Whether the pusher stands where it can push the block along `direction`: bool (B, 1)."""
    relative = pusher - block
    along = dot(relative, direction)
    aside = np.abs(dot(relative, left(direction)))
    return (along < -0.8 * TOUCH) & (aside < 0.012 + 0.25 * np.maximum(-along - TOUCH, 0.0))


def push_step(pusher: Array, block: Array, target: Array) -> Array:
    """Displacement (B, 2) that pushes the block to the target, steering by the pusher's offset."""
    direction = unit(target - block)
    aim = target - TOUCH * direction
    aside = left(direction)
    offset = dot(pusher - block, aside)
    ahead = np.minimum(dot(aim - pusher, direction), REACH)
    return ahead * direction - 0.6 * offset * aside


def approach_step(pusher: Array, place: Array, blocks: Array) -> Array:
    """Displacement (B, 2) towards a place, past the first of the blocks (B, n, 2) in the way."""
    heading = place - pusher
    distance = norm(heading)
    course = unit(heading)
    to_block = blocks - pusher[:, None]  # (B, n, 2)
    away = norm(to_block)[..., 0]  # (B, n)
    ahead = dot(to_block, course[:, None])[..., 0]
    aside = dot(to_block, left(course)[:, None])[..., 0]
    blocked = (ahead > 0) & (np.abs(aside) < CLEARANCE) & (away < distance + CLEARANCE)
    first = np.argmin(np.where(blocked, away, np.inf), axis=1)  # (B,)
    rows = np.arange(len(pusher))
    gap = away[rows, first][:, None]
    ray = to_block[rows, first] / np.maximum(gap, 1e-9)
    # Pass the block on the side that the course already leans to.
    side = np.where(aside[rows, first] > 0, -1.0, 1.0)[:, None]
    sine = np.minimum(CLEARANCE / np.maximum(gap, 1e-9), 1.0)
    tangent = np.sqrt(1 - sine * sine) * ray + side * sine * left(ray)
    outward = np.maximum(CLEARANCE - gap, 0.0) / CLEARANCE
    detour = unit(tangent - 3.0 * outward * ray) * REACH
    return np.where(blocked[rows, first][:, None], detour, np.minimum(distance, REACH) * course)


def drive(pusher: Array, block: Array, target: Array, blocks: Array) -> Array:
    """Displacement (B, 2): push the block if the pusher is behind it, else go there."""
    direction = unit(target - block)
    place = block - STAND_OFF * direction
    return np.where(
        behind(pusher, block, direction),
        push_step(pusher, block, target),
        approach_step(pusher, place, blocks),
    )
