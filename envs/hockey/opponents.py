"""Scripted opponents, by version: pure functions of the state, so that stored episodes stay true.

A version is never changed; a better script is a new version. Written for a team whose own goal is
at negative x, in m and m/s; the world turns the table round for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.hockey.table import HALF_LENGTH, MALLET_RADIUS, PUCK_RADIUS

if TYPE_CHECKING:
    from collections.abc import Callable

    from entitybench.types import Array

TOUCH = MALLET_RADIUS + PUCK_RADIUS
V1_SPEED = 1.0  # m/s, half of what learners have
_KEEPER, _STRIKER = -0.82, -0.5  # m, x of the lines on which they wait


def scripted_v1(mallets: Array, puck: Array) -> Array:
    """The mallet nearest to a puck in the own half plays it; others wait between it and the goal.

    Args:
        mallets: (..., K, 4): x, y, vx, vy.
        puck: (..., 4).

    Returns:
        Velocities (..., K, 2) in m/s, at most V1_SPEED.
    """
    puck = puck[..., None, :]
    place = puck[..., :2] + 0.08 * puck[..., 2:]  # a little ahead
    to_puck = place - mallets[..., :2]
    gap = _norm(to_puck)
    nearest = gap == np.minimum.reduce(gap, axis=-1, keepdims=True)
    plays = nearest & (place[..., 0] < 0.03) & (puck[..., 2] < 1.2)

    # Playing: get behind the puck as seen from the far goal, then drive through it.
    aim = np.array([HALF_LENGTH, 0.0]) - place
    course = aim / _norm(aim)[..., None]
    along = to_puck[..., 0] * course[..., 0] + to_puck[..., 1] * course[..., 1]
    aside = to_puck[..., 1] * course[..., 0] - to_puck[..., 0] * course[..., 1]  # left is positive
    left = np.stack([-course[..., 1], course[..., 0]], axis=-1)
    through = course * V1_SPEED + left * (8 * aside)[..., None]
    ready = (along > 0.8 * gap) & (gap < 0.3)
    stand = place - course * (TOUCH + 0.05)
    # From before the puck: round it on the side where the mallet is.
    detour = np.where(along < 0.5 * TOUCH, np.where(aside > 0, -1.0, 1.0) * (TOUCH + 0.04), 0.0)
    there = 6 * (stand + left * detour[..., None] - mallets[..., :2])
    play = np.where(ready[..., None], through, there)

    # Waiting.
    lines = np.array([_KEEPER, _STRIKER])[: mallets.shape[-2]]
    shade = np.array([0.45, 0.7])[: mallets.shape[-2]]
    wait = np.stack(
        [lines - mallets[..., 0], np.minimum(np.maximum(shade * place[..., 1], -0.16), 0.16)], -1
    )
    wait[..., 1] -= mallets[..., 1]
    velocity = np.where(plays[..., None], play, 6 * wait)
    return velocity * np.minimum(1.0, V1_SPEED / np.maximum(_norm(velocity), 1e-9))[..., None]


def _norm(x: Array) -> Array:
    return np.sqrt(x[..., 0] * x[..., 0] + x[..., 1] * x[..., 1])


SCRIPTS: dict[str, Callable[[Array, Array], Array]] = {"scripted-v1": scripted_v1}
