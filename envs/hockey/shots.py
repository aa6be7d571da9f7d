"""How a mallet strikes a puck so that it leaves with a wanted velocity, and which one to want.

Batched numpy, every row by itself. Lengths in m, times in s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.hockey.predict import Surroundings, predict
from entitybench.envs.hockey.table import (
    BLOCK_HALF_EDGE,
    HALF_LENGTH,
    MALLET_SPEED,
)

if TYPE_CHECKING:
    from entitybench.types import Array

# A mallet that moves at s along the line of centres changes the puck's speed along it from v to
# v + GAIN (s - v): (1 + restitution) times the mallet's share of the mass; measured 1.249.
GAIN = 1.249
RUN_UP = 0.15  # s, for which a mallet moves straight before it strikes
LAG = 0.0097  # s, by which a mallet runs late after a change of what it is told
# m, of overlap at the planned contact. Contacts are found at physics steps only, and plans are for
# such a time, so that the line of centres is as planned.
OVERLAP = 0.002
FLIGHT, FLIGHT_STEP = 70, 0.02  # predicted places of a shot, and s between them
ANGLES = np.linspace(-1.25, 1.25, 61)  # rad, of shots, from the table's length
PACES = (2.7, 2.3, 1.9, 1.5)  # m/s, of shots


def dot(a: Array, b: Array) -> Array:
    """Inner product (...) of vectors (..., 2)."""
    return a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1]


def norm(a: Array) -> Array:
    """Length (...) of vectors (..., 2)."""
    return np.sqrt(dot(a, a))


def unit(a: Array) -> Array:
    """Vectors (..., 2) of length 1; zero stays zero."""
    return a / np.maximum(norm(a), 1e-9)[..., None]


def strike(arriving: Array, leaving: Array) -> tuple[Array, Array]:
    """How to turn a puck's velocity (..., 2) into another.

    Returns:
        The line of centres (..., 2) from mallet to puck, and the mallet's speed (...) along it.
    """
    change = leaving - arriving
    line = unit(change)
    return line, norm(change) / GAIN + dot(arriving, line)


@dataclass(frozen=True)
class Aim:
    """What a shot is for: a place to pass within `radius`, or a goal mouth to enter."""

    around: Surroundings
    place: Array  # (B, 2) m
    radius: float  # m
    mouth: bool = False
    haste: float = 0.05  # 1/s, what time costs
    guarded: bool = False  # whether the obstacles are mallets, which move away, or nearer


def best_shots(
    aim: Aim,
    places: Array,
    arriving: Array,
    times: Array,
    mallet: Array,
    blocks: Array,
    reach: Reach,
) -> Shots:
    """The best shot of each row from each of K places where the puck could be struck.

    Args:
        aim: what the shots are for.
        places: (B, K, 2) of the puck when it is struck.
        arriving: (B, K, 2), its velocities then.
        times: (B, K), s until then.
        mallet: (B, 2), where it is now.
        blocks: (B, n, 2).
        reach: where the mallet can be.
    """
    angle = np.repeat(ANGLES, len(PACES))
    pace = np.tile(PACES, len(ANGLES))
    leaving = pace[:, None] * np.stack([np.cos(angle), np.sin(angle)], -1)  # (C, 2)
    line, speed = strike(arriving[:, :, None], leaving)
    contact = places[:, :, None] - (reach.touch - OVERLAP) * line
    begin = contact - (RUN_UP * speed)[..., None] * line
    possible = (speed < 0.95 * MALLET_SPEED) & (speed > 0.1) & (line[..., 0] > 0.25)
    possible &= reach.holds(contact) & reach.holds(begin)
    walk = norm(begin - mallet[:, None, None]) / (0.8 * MALLET_SPEED)
    possible &= walk + RUN_UP + 0.02 < times[:, :, None]

    cost = np.full(possible.shape, np.inf)
    row, _, shot = index = np.nonzero(possible)  # P shots worth trying
    puck = np.concatenate([places[index[:2]], leaving[shot]], -1)
    path, speeds = predict(puck, aim.around, FLIGHT, step=FLIGHT_STEP)
    if aim.mouth:
        found, end = _mouth_cost(aim, path)
    else:
        found, end = _pass_cost(aim, aim.place[row], path, speeds)
    # Errors are smaller the straighter the puck is hit.
    came, along = arriving[index[:2]], line[index]
    askew = came[..., 0] * along[..., 1] - came[..., 1] * along[..., 0]
    cost[index] = found + _crowding(aim, path, end, blocks[row]) + 0.05 * np.abs(askew)
    best = np.argmin(cost, axis=-1)
    return Shots(np.take_along_axis(cost, best[..., None], -1)[..., 0], leaving[best])


@dataclass(frozen=True)
class Shots:
    """Shots (...): what each costs (infinite: impossible) and the puck's velocity (..., 2)."""

    cost: Array
    leaving: Array


@dataclass(frozen=True)
class Reach:
    """Where a mallet's centre can be, and how far from a puck's it touches it."""

    x: tuple[float, float]
    y: tuple[float, float]
    touch: float

    def holds(self, point: Array) -> Array:
        """Whether points (..., 2) are within reach: bool (...)."""
        x, y = point[..., 0], point[..., 1]
        return (x > self.x[0]) & (x < self.x[1]) & (y > self.y[0]) & (y < self.y[1])

    def cut(self, point: Array) -> Array:
        """The nearest points (..., 2) within reach."""
        low, high = np.array([self.x, self.y]).T
        return np.minimum(np.maximum(point, low), high)


def _pass_cost(aim: Aim, place: Array, path: Array, speeds: Array) -> tuple[Array, Array]:
    """How well paths (T, P, 2) pass places (P, 2), moving away: costs, and the steps when."""
    miss = norm(path - place)
    miss[speeds[..., 0] < 0.15] = 9.0
    nearest, end = miss.min(axis=0), miss.argmin(axis=0)
    late = aim.haste * end * FLIGHT_STEP
    return np.where(nearest < 0.9 * aim.radius, nearest + late, 9.0), end


def _mouth_cost(aim: Aim, path: Array) -> tuple[Array, Array]:
    """How well paths (T, P, 2) end in the far goal: costs, and the steps when."""
    behind = path[..., 0] > HALF_LENGTH
    end = behind.argmax(axis=0)
    # The way between the last place before the line and the first behind it is short.
    y = np.take_along_axis(path[..., 1], end[None], 0)[0]
    late = aim.haste * end * FLIGHT_STEP
    return np.where(behind.any(axis=0), 0.5 * np.abs(y) + late, 9.0), end


def _crowding(aim: Aim, path: Array, end: Array, blocks: Array) -> Array:
    """What it costs to pass obstacles (P, n, 2) too near on paths (T, P, 2) up to a step (P,)."""
    crowding = np.zeros(path.shape[1])
    after = np.arange(len(path))[:, None] > end
    for i in range(blocks.shape[1]):
        outside = np.maximum(np.abs(path - blocks[:, i]) - BLOCK_HALF_EDGE, 0.0)
        gap = norm(outside)
        gap[after] = 9.0
        gap = gap.min(axis=0) - aim.around.radius
        if aim.guarded:
            crowding += 4.0 * np.maximum(0.1 - gap, 0.0)
        else:
            crowding += np.maximum(0.05 - gap, 0.0) + 9.0 * (gap < 0.01)
    return crowding


def towards(place: Array, now: Array, velocity: Array, time: Array) -> Array:
    """The velocity (..., 2) to tell a mallet so that it is at a place after `time` (...) s.

    Makes up for the servo's lag.
    """
    left = np.maximum(time - LAG, 0.5 * LAG)[..., None]
    return (place - now - LAG * velocity) / left
