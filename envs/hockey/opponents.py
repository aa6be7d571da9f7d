"""Scripted opponents, by version: pure functions of the state, so that stored episodes stay true.

A version is never changed; a better script is a new version. Written for a team whose own goal is
at negative x, in m and m/s; the world turns the table round for them.
"""

from __future__ import annotations

from math import isfinite, nan, sqrt
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.hockey.table import HALF_LENGTH, MALLET_RADIUS, PUCK_RADIUS

if TYPE_CHECKING:
    from collections.abc import Callable

    from entitybench.types import Array

TOUCH = MALLET_RADIUS + PUCK_RADIUS
V1_SPEED = 1.0  # m/s, half of what learners have
_LINES = np.array([-0.82, -0.5])  # m, x of the lines on which keeper and striker wait
_SHADES = np.array([0.45, 0.7])  # by which they follow the puck's y
_WAIT = list(zip(_LINES.tolist(), _SHADES.tolist(), strict=True))
_STAND = TOUCH + 0.05  # m, behind the puck, where a drive begins
_ROUND = TOUCH + 0.04  # m, beside the puck, on the way there
_GOAL_X = HALF_LENGTH


def scripted_v1(mallets: Array, puck: Array) -> Array:
    """The mallet nearest to a puck in the own half plays it; others wait between it and the goal.

    Args:
        mallets: (..., K, 4): x, y, vx, vy.
        puck: (..., 4).

    Returns:
        Velocities (..., K, 2) in m/s, at most V1_SPEED.
    """
    if mallets.ndim == 2:
        seen = [*mallets.ravel().tolist(), *puck.tolist()]
        if isfinite(sum(seen)):
            return np.array(v1_alone(seen)).reshape(-1, 2)
    count = mallets.shape[-2]
    x, y = mallets[..., 0], mallets[..., 1]  # (..., K)
    px = puck[..., 0:1] + 0.08 * puck[..., 2:3]  # (..., 1), a little ahead
    py = puck[..., 1:2] + 0.08 * puck[..., 3:4]
    dx, dy = px - x, py - y
    gap = np.sqrt(dx * dx + dy * dy)
    plays = (gap == np.minimum.reduce(gap, axis=-1, keepdims=True)) & (px < 0.03)
    plays &= puck[..., 2:3] < 1.2

    # Playing: get behind the puck as seen from the far goal, then drive through it.
    cx, cy = _GOAL_X - px, -py
    length = np.sqrt(cx * cx + cy * cy)
    cx, cy = cx / length, cy / length
    along = dx * cx + dy * cy
    aside = dy * cx - dx * cy  # left is positive
    ready = (along > 0.8 * gap) & (gap < 0.3)
    turn = 8 * aside
    # From before the puck: round it on the side where the mallet is.
    detour = np.where(along < 0.5 * TOUCH, np.where(aside > 0, -_ROUND, _ROUND), 0.0)
    play_x = np.where(ready, V1_SPEED * cx - turn * cy, 6 * (dx - _STAND * cx - detour * cy))
    play_y = np.where(ready, V1_SPEED * cy + turn * cx, 6 * (dy - _STAND * cy + detour * cx))

    # Waiting.
    shade = np.minimum(np.maximum(_SHADES[:count] * py, -0.16), 0.16)
    velocity = np.empty((*x.shape, 2))
    vx = velocity[..., 0] = np.where(plays, play_x, 6 * (_LINES[:count] - x))
    vy = velocity[..., 1] = np.where(plays, play_y, 6 * (shade - y))
    speed = np.sqrt(vx * vx + vy * vy)
    velocity *= np.minimum(V1_SPEED / np.maximum(speed, 1e-9), 1.0)[..., None]
    return velocity


def v1_alone(seen: list[float]) -> list[float]:
    """`scripted_v1` of one state, number by number, which is ten times as quick.

    The same additions, products, quotients and roots in the same order, and so the same bits.

    Args:
        seen: (4 K + 4,), the mallets, then the puck; finite.

    Returns:
        Velocities (2 K,).
    """
    last = len(seen) - 4
    x, y, vx, vy = seen[last:]
    px, py = x + 0.08 * vx, y + 0.08 * vy
    gaps: list[float] = []
    if px < 0.03 and vx < 1.2:
        for i in range(0, last, 4):
            dx, dy = px - seen[i], py - seen[i + 1]
            gaps.append(sqrt(dx * dx + dy * dy))
    nearest = min(gaps, default=nan)
    found: list[float] = []
    for i in range(0, last, 4):
        x, y = seen[i], seen[i + 1]
        if gaps and gaps[i // 4] == nearest:
            vx, vy = _play(px, py, px - x, py - y, nearest)
        else:
            line, shade = _WAIT[i // 4]
            shade = min(max(shade * py, -0.16), 0.16)
            vx, vy = 6 * (line - x), 6 * (shade - y)
        share = min(V1_SPEED / max(sqrt(vx * vx + vy * vy), 1e-9), 1.0)
        found += (vx * share, vy * share)
    return found


def _play(px: float, py: float, dx: float, dy: float, gap: float) -> tuple[float, float]:
    """The velocity (m/s) of a mallet that plays a puck at px, py, which is dx, dy away from it."""
    cx, cy = _GOAL_X - px, -py
    length = sqrt(cx * cx + cy * cy)
    cx, cy = (cx / length, cy / length) if length else (nan, nan)
    along, aside = dx * cx + dy * cy, dy * cx - dx * cy
    if along > 0.8 * gap and gap < 0.3:
        turn = 8 * aside
        return V1_SPEED * cx - turn * cy, V1_SPEED * cy + turn * cx
    side = -_ROUND if aside > 0 else _ROUND
    detour = side if along < 0.5 * TOUCH else 0.0
    return 6 * (dx - _STAND * cx - detour * cy), 6 * (dy - _STAND * cy + detour * cx)


SCRIPTS: dict[str, Callable[[Array, Array], Array]] = {"scripted-v1": scripted_v1}
# The same of one state, number by number.
ALONE = {"scripted-v1": v1_alone}
