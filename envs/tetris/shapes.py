"""The seven tetrominoes: their cells, their symmetry, and how much of one place another covers.

Lengths in m. A piece's frame has its origin at the centre of its area.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from entitybench.types import Array

CELL = 0.03  # m, edge of a cell
NAMES = ("I", "O", "T", "S", "Z", "J", "L")
# Cells by column and row.
_GRID = (
    ((0, 0), (1, 0), (2, 0), (3, 0)),
    ((0, 0), (1, 0), (0, 1), (1, 1)),
    ((0, 0), (1, 0), (2, 0), (1, 1)),
    ((0, 0), (1, 0), (1, 1), (2, 1)),
    ((1, 0), (2, 0), (0, 1), (1, 1)),
    ((0, 0), (1, 0), (2, 0), (0, 1)),
    ((0, 0), (1, 0), (2, 0), (2, 1)),
)
FEW = 4  # pieces: fewer are turned number by number, quicker than by arrays
SAMPLES = 16  # points along a cell's edge with which coverage is measured
NEAR = CELL  # m; pieces further apart cover less than 85 % of each other, whatever their yaws

_cells = np.array(_GRID, float)
_centres = _cells.mean(axis=1)
CELLS: Array = CELL * (_cells - _centres[:, None])  # (7, 4, 2), the cells' centres
# How often a piece looks the same in a full turn.
SYMMETRY: Array = np.array([2, 4, 1, 2, 2, 1, 1])
# (7,), m^2: mean square distance of the area from its centre.
SPREAD: Array = (CELLS**2).sum(axis=-1).mean(axis=1) + CELL**2 / 6
# (7,), m: of the smallest circle about the centre that holds the piece.
RADIUS: Array = np.hypot(*np.moveaxis(np.abs(CELLS) + CELL / 2, -1, 0)).max(axis=1)

_ticks = CELL * ((np.arange(SAMPLES) + 0.5) / SAMPLES - 0.5)
_tile = np.stack(np.meshgrid(_ticks, _ticks, indexing="ij"), axis=-1).reshape(-1, 2)
# (7, 4 * SAMPLES^2, 2): a fixed grid of points on each piece.
POINTS: Array = (CELLS[:, :, None] + _tile).reshape(len(NAMES), -1, 2)
_X, _Y = (np.ascontiguousarray(POINTS[..., axis]) for axis in (0, 1))
# (7, 6, 6): whether a piece has a cell there; a border of one on all sides.
_FILLED = np.zeros((len(NAMES), 6, 6), bool)
for _shape, _grid in enumerate(_GRID):
    for _x, _y in _grid:
        _FILLED[_shape, _x + 1, _y + 1] = True
_CORNER = CELL * (1.5 + _centres)  # (7, 2): from that table's corner to the centre of a piece


def coverage(shape: Array, here: Array, there: Array) -> Array:
    """The share of pieces' goal areas that they cover, (K,).

    Counted on the grid `POINTS` of the piece at its goal: off by 0.4 % (root mean square) where the
    yaws differ, by 1.5 % and 4 % at most where edges are parallel. Only additions, products,
    quotients and roots: equal on any machine and for any K.

    Args:
        shape: (K,) int.
        here: (K, 4), x, y and cosine and sine of `SYMMETRY` times the yaw, where pieces are.
        there: (K, 4), the same of their goals.
    """
    here, there = here.astype(np.float64), there.astype(np.float64)
    (cos, sin), (cos_goal, sin_goal) = turn(shape, here), turn(shape, there)
    # Points of the goal, seen from the piece: first by the difference of the yaws, then by place.
    c = (cos_goal * cos + sin_goal * sin)[:, None]
    s = (sin_goal * cos - cos_goal * sin)[:, None]
    dx, dy = there[:, 0] - here[:, 0], there[:, 1] - here[:, 1]
    corner = _CORNER[shape]
    x0 = (cos * dx + sin * dy + corner[:, 0])[:, None]
    y0 = (cos * dy - sin * dx + corner[:, 1])[:, None]
    px, py = _X[shape], _Y[shape]
    # In place, since these arrays of a thousand numbers a piece are what a step of the task costs.
    column = c * px
    column -= s * py
    row = np.multiply(px, s, out=px)
    row += np.multiply(py, c, out=py)
    for place, start in ((column, x0), (row, y0)):
        place += start
        place /= CELL
        np.floor(place, out=place)
        np.minimum(np.maximum(place, 0, out=place), 5, out=place)
    column *= 6
    column += row
    column += 36 * shape[:, None]
    return np.add.reduce(_FILLED.take(column.astype(np.intp)), -1) / column.shape[1]


def turn(shape: Array, pose: Array) -> tuple[Array, Array]:
    """Cosine and sine (K,) of one of the yaws that poses (K, 4) allow; of no yaw, 1 and 0."""
    if len(shape) <= FEW:
        return _turn_few(shape, pose)
    cos, sin = pose[:, 2], pose[:, 3]
    length = np.sqrt(cos * cos + sin * sin)
    none = length < 1e-6
    length = np.where(none, 1.0, length)
    cos, sin = np.where(none, 1.0, cos / length), np.where(none, 0.0, sin / length)
    for least in (2, 4):
        c, s = _half(cos, sin)
        often = SYMMETRY[shape] >= least
        cos, sin = np.where(often, c, cos), np.where(often, s, sin)
    return cos, sin


def _turn_few(shape: Array, pose: Array) -> tuple[Array, Array]:
    """`turn`, number by number: the same additions, products, quotients and roots."""
    found = []
    for often, cos, sin in zip(SYMMETRY[shape].tolist(), *pose[:, 2:4].T.tolist(), strict=True):
        length = sqrt(cos * cos + sin * sin)
        c, s = (1.0, 0.0) if length < 1e-6 else (cos / length, sin / length)
        for least in (2, 4):
            if often >= least:
                large = sqrt((1 + abs(c)) / 2)
                small = s / (2 * large)
                c, s = (large, small) if c >= 0 else (abs(small), -large if s < 0 else large)
        found.append((c, s))
    cosines, sines = np.array(found).reshape(-1, 2).T
    return cosines, sines


def _half(cos: Array, sin: Array) -> tuple[Array, Array]:
    """Cosine and sine of half an angle between -pi and pi."""
    # The larger of the two by a root, the other by a quotient: neither loses digits.
    large = np.sqrt((1 + np.abs(cos)) / 2)
    small = sin / (2 * large)
    ahead = cos >= 0
    sign = np.where(sin < 0, -1.0, 1.0)
    return np.where(ahead, large, np.abs(small)), np.where(ahead, small, sign * large)
