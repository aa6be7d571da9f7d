"""Shortest ways round blocks: a batched graph of waypoints on hexagons about the obstacles.

Passing an obstacle too closely costs a soft penalty, so that there is always a way, even for a
start or an end that is hemmed in. Lengths in m.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from entitybench.types import Array

SAMPLES = 6  # waypoints about each obstacle
# A hexagon through these points keeps its edges outside the clearance circle.
SPREAD = 1.02 / np.cos(np.pi / SAMPLES)
CROWDING = 150.0  # 1/m, how much worse a way is by the metre, a metre deep in a clearance circle
CRAMPED = 25.0  # m of detour that are worth taking for a metre more room to push from
OUTSIDE = 5.0  # m of detour that are worth taking to stay inside the limits
REACHED = 0.015  # m, from a waypoint; more than half of what a pusher moves in a step
RELAXATIONS = 6  # the most waypoints on a way, less one

_ANGLES = 2 * np.pi * (np.arange(SAMPLES) + 0.5) / SAMPLES


def route(
    start: Array,
    goal: Array,
    obstacles: Array,
    clearance: float,
    limit: float,
    *,
    previous: Array,
    turn: Array,
    loyalty: float,
    departure: tuple[float, float] | None = None,
) -> Array:
    """The first waypoint (B, 2) of the best way from start to goal, both (B, 2).

    Args:
        obstacles: (B, n, 2), kept `clearance` away from.
        limit: waypoints beyond +-limit are avoided.
        previous: (B, 2), the waypoint chosen before, which is kept unless another is better by
            `loyalty`; NaN where there is none.
        turn: (B,) rad, by which the hexagons are turned: another try, another way.
        departure: (distance, clearance): leaving the start in a direction also asks for room at
            this distance on the opposite side, where a pusher would have to stand.
    """
    previous = np.where(np.isnan(previous), start, previous)
    ends = np.stack([goal, start, previous], axis=1).astype(np.float32)
    obstacles = obstacles.astype(np.float32)
    angles = turn[:, None] + _ANGLES
    hexagon = np.stack([np.cos(angles), np.sin(angles)], axis=-1).astype(np.float32)
    ring = obstacles[:, :, None] + np.float32(SPREAD * clearance) * hexagon[:, None]
    nodes = np.concatenate([ends, ring.reshape(len(start), -1, 2)], axis=1)  # (B, M, 2)
    cost = _edge_costs(nodes, obstacles, clearance)
    outside = np.any(np.abs(nodes) > limit, axis=-1)  # (B, M)
    outside[:, :3] = False
    cost += np.float32(OUTSIDE) * outside[:, None]
    if departure is not None:
        cost[:, 1] += _departure_costs(nodes, obstacles, *departure)
    value = cost[:, :, 0]  # to the goal directly
    for _ in range(RELAXATIONS):
        value = np.minimum(value, np.min(cost + value[:, None], axis=-1))
    value[:, 0] = 0
    onward = cost[:, 1] + value
    onward[:, 2] -= np.float32(loyalty)
    here = np.hypot(*np.moveaxis(nodes - nodes[:, 1:2], -1, 0)) < REACHED
    here[:, 0] = False
    onward[here] = np.inf  # not to where one is: a waypoint that is reached must not call one back
    best = np.argmin(onward, axis=-1)
    return nodes[np.arange(len(start)), best].astype(np.float64)


def _edge_costs(nodes: Array, obstacles: Array, clearance: float) -> Array:
    """Costs (B, M, M) of the straight lines between nodes (B, M, 2).

    Length plus the line integral of CROWDING (R^2 - r^2) / R, r the distance from an obstacle,
    where r < R. An integral, since costs then add up along a way: someone under way keeps to it.
    """
    x, y = nodes[..., 0], nodes[..., 1]
    dx = x[:, None, :] - x[:, :, None]
    dy = y[:, None, :] - y[:, :, None]
    length = np.sqrt(dx * dx + dy * dy)
    dx /= length + np.float32(1e-9)
    dy /= length + np.float32(1e-9)
    crowding = np.zeros_like(length)
    for j in range(obstacles.shape[1]):
        ox = (obstacles[:, j, 0, None] - x)[:, :, None]
        oy = (obstacles[:, j, 1, None] - y)[:, :, None]
        foot = ox * dx + oy * dy  # where on the line the obstacle is nearest
        half = np.maximum(clearance**2 - ox * ox - oy * oy + foot * foot, 0)  # half chord, squared
        chord = np.sqrt(half)
        enter = np.clip(-foot, -chord, chord)
        leave = np.clip(length - foot, -chord, chord)
        crowding += (leave - enter) * (half - (leave * leave + leave * enter + enter * enter) / 3)
    return length + np.float32(CROWDING / clearance) * crowding


def _departure_costs(nodes: Array, obstacles: Array, distance: float, clearance: float) -> Array:
    """Costs (B, M) of the room missing behind the start when it leaves towards each node."""
    start = nodes[:, 1, None]
    course = nodes - start
    course /= np.maximum(np.hypot(course[..., :1], course[..., 1:]), np.float32(1e-9))
    stand = start - np.float32(distance) * course
    gap = stand[:, :, None] - obstacles[:, None]
    missing = np.maximum(np.float32(clearance) - np.hypot(gap[..., 0], gap[..., 1]), 0)
    return np.float32(CRAMPED) * missing.sum(axis=-1)
