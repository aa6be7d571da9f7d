"""How much room there is about cubes, for fingers and to put a cube down. Lengths in m.

For one episode at a time: a plan is made once for many steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.pick.hand import THICK, TIP, WIDE
from entitybench.envs.pick.scene import HALF
from entitybench.envs.pick.world import AREA

if TYPE_CHECKING:
    from entitybench.types import Array

WIDE_OPEN, NARROW = 0.031, 0.0255  # of each finger: to reach for a cube, the latter in a crowd
ENOUGH = 0.003  # between fingers or a held cube and other cubes
# Where a cube may be put instead of its goal: displacements, the nearest first.
_ASIDE = np.array(
    [[0.0, 0.0]]
    + [
        [r * np.cos(a), r * np.sin(a)]
        for r in (0.007, 0.014, 0.020)
        for a in np.arange(8) * np.pi / 4
    ]
)
_SQUARE = HALF * np.array([[x, y] for x in (-1, 0, 1) for y in (-1, 0, 1) if x or y])
_GRID = np.array([[x, y] for x in np.linspace(-1, 1, 11) for y in np.linspace(-1, 1, 11)])


def turned(points: Array, yaw: float) -> Array:
    """Points (n, 2), turned by a yaw."""
    c, s = np.cos(yaw), np.sin(yaw)
    return np.stack([c * points[:, 0] - s * points[:, 1], s * points[:, 0] + c * points[:, 1]], -1)


def gap(points: Array, centres: Array, yaws: Array) -> float:
    """Smallest distance from points (n, 2) to squares (m, 2) with yaws (m,); negative inside."""
    if not len(centres):
        return 1.0
    offset = points[:, None] - centres  # (n, m, 2)
    c, s = np.cos(yaws), np.sin(yaws)
    x = np.abs(c * offset[..., 0] + s * offset[..., 1]) - HALF
    y = np.abs(c * offset[..., 1] - s * offset[..., 0]) - HALF
    outside = np.hypot(np.maximum(x, 0), np.maximum(y, 0))
    return float(np.min(outside + np.minimum(np.maximum(x, y), 0)))


def fingers(opening: float) -> Array:
    """Corners (12, 2) of both fingers' sections, in the hand's frame."""
    return np.array(
        [
            [x, side * y]
            for side in (1, -1)
            for x in (-WIDE, 0, WIDE)
            for y in (opening, opening + 2 * THICK)
        ]
    )


def in_the_way(cubes: Array, height: float) -> Array:
    """Which cubes (n, 3) fingers that hold a cube at this height would meet: bool (n,)."""
    return np.asarray(cubes[:, 2] + HALF > height - TIP)


def grasp(cubes: Array, yaws: Array, index: int, flip: bool) -> tuple[float, float, float]:
    """How to take a cube: the hand's yaw, the fingers' opening, and the room that there is.

    Args:
        cubes: (n, 3).
        yaws: (n,).
        index: of the cube to take.
        flip: whether to prefer the second-best pair of faces.
    """
    others = in_the_way(cubes, cubes[index, 2])
    others[index] = False
    found = []
    for opening in (WIDE_OPEN, NARROW):
        for turn in (0.0, np.pi / 2):
            yaw = yaws[index] + turn
            points = cubes[index, :2] + turned(fingers(opening), yaw)
            found.append((gap(points, cubes[others, :2], yaws[others]), yaw, opening))
        found[-2:] = sorted(found[-2:], key=lambda f: -min(f[0], 0.02))
        if found[-2][0] > ENOUGH:
            break
    room, yaw, opening = found[-1] if flip else max(found, key=lambda f: min(f[0], ENOUGH))
    return yaw, opening, room


def put(
    cubes: Array, yaws: Array, index: int, place: Array, yaw: float, *, exact: bool
) -> tuple[Array, float, float]:
    """Where to put a held cube down: place (3,), the hand's yaw, and the room that there is.

    Args:
        cubes: (n, 3).
        yaws: (n,).
        index: of the held cube.
        place: (3,) where it should be.
        yaw: of the hand now: among equals the nearest turn wins.
        exact: whether it must be there, and not 2 cm aside: a tower stands on it.
    """
    others = in_the_way(cubes, place[2])
    others[index] = False
    centres, angles = cubes[others, :2], yaws[others]
    near = np.hypot(*(centres - place[:2]).T) < 0.12
    centres, angles = centres[near], angles[near]
    best = (place, yaw, -1.0)
    for aside in _ASIDE[:1] if exact else _ASIDE:
        for turn in _TURNS:
            shape = np.vstack([_SQUARE, fingers(NARROW + 0.002)])
            room = gap(place[:2] + aside + turned(shape, yaw + turn), centres, angles)
            if room > best[2]:
                best = (place + np.append(aside, 0.0), yaw + turn, room)
            if room > ENOUGH:
                return best
    return best


_TURNS = np.array([0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6]) * np.pi / 12


def spare(cubes: Array, goals: Array, index: int) -> Array:
    """A place (3,) on the table, away from all cubes (n, 3) and goals (m, 3), for a cube."""
    spots = AREA * _GRID
    others = np.delete(cubes, index, axis=0)
    taken = np.vstack([others[:, :2], goals[:, :2]])
    room = np.min(np.hypot(*(spots[:, None] - taken).transpose(2, 0, 1)), axis=1)
    away = np.hypot(*(spots - cubes[index, :2]).T)
    best = np.argmax(10 * np.minimum(room, 0.08) - away)
    return np.array([*spots[best], HALF])
