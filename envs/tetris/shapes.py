"""The seven tetrominoes: their cells, their symmetry, and how much of one place another covers.

Lengths in m. A piece's frame has its origin at the centre of its area.
"""

from __future__ import annotations

from functools import lru_cache
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

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
KEPT = 512  # poses of pieces whose coverage is not counted again: most rest where they are
SAMPLES = 16  # points along a cell's edge with which coverage is measured
NEAR = CELL  # m; pieces further apart cover less than 85 % of each other, whatever their yaws

_cells = np.array(_GRID, float)
_centres = _cells.mean(axis=1)
CELLS: Array = CELL * (_cells - _centres[:, None])  # (7, 4, 2), the cells' centres
# How often a piece looks the same in a full turn.
SYMMETRY: Array = np.array([2, 4, 1, 2, 2, 1, 1])
SYMMETRIES: list[int] = SYMMETRY.tolist()
# (7,), m^2: mean square distance of the area from its centre.
SPREAD: Array = (CELLS**2).sum(axis=-1).mean(axis=1) + CELL**2 / 6
# (7,), m: of the smallest circle about the centre that holds the piece.
RADIUS: Array = np.hypot(*np.moveaxis(np.abs(CELLS) + CELL / 2, -1, 0)).max(axis=1)

_ticks = CELL * ((np.arange(SAMPLES) + 0.5) / SAMPLES - 0.5)
# x (7, 4, SAMPLES, 1) and y (7, 4, 1, SAMPLES) of the points in each cell: a grid.
_X, _Y = (CELLS[..., axis, None] + _ticks for axis in (0, 1))
_GRIDS = list(zip(_X[..., None], _Y[..., None, :], strict=True))
POINTS = 4 * SAMPLES**2  # of a piece
# (7, 18 * 18): whether a piece has a cell there, with a border so wide that no point of a goal lies
# outside. Pieces further APART do not touch.
APART = 5 * CELL  # m
_BORDER, _EDGE = 7, 18
_FILLED = np.zeros((len(NAMES), _EDGE, _EDGE), bool)
for _shape, _grid in enumerate(_GRID):
    for _x, _y in _grid:
        _FILLED[_shape, _x + _BORDER, _y + _BORDER] = True
_TABLES = [table.ravel() for table in _FILLED]
# (7, 2): to the centre of a piece from the corner of a table with a border of one, and where that
# corner is.
_CORNERS = (CELL * (1.5 + _centres)).tolist()
_FIRST = (_BORDER - 1) * (_EDGE + 1)


def coverage(shape: Array, here: Array, there: Array) -> Array:
    """The share of pieces' goal areas that they cover, (K,).

    Counted on a grid of points of the piece at its goal: off by 0.4 % (root mean square) where the
    yaws differ, by 1.5 % and 4 % at most where edges are parallel. Only additions, products,
    quotients and roots: equal on any machine and for any K.

    Args:
        shape: (K,) int.
        here: (K, 4), x, y and cosine and sine of `SYMMETRY` times the yaw, where pieces are.
        there: (K, 4), the same of their goals.
    """
    places = (map(tuple, rows.astype(np.float64).tolist()) for rows in (here, there))
    each = zip(shape.tolist(), *places, strict=True)
    return np.array([_kept_coverage(*one) for one in each], np.float64)


def coverage_of_one(shape: int, here: Sequence[float], there: Sequence[float]) -> float:
    """`coverage` of one piece.

    Args:
        shape: its number.
        here: x, y and cosine and sine of its yaw, as `coverage` has them.
        there: the same of its goal.
    """
    often = SYMMETRIES[shape]
    cos, sin = turn_one(often, here[2], here[3])
    cos_goal, sin_goal = turn_one(often, there[2], there[3])
    c = cos_goal * cos + sin_goal * sin
    s = sin_goal * cos - cos_goal * sin
    dx, dy = there[0] - here[0], there[1] - here[1]
    if dx * dx + dy * dy > APART**2:
        return 0.0
    x, y = _CORNERS[shape]
    numbers = np.array([c, s, -s, c, cos * dx + sin * dy + x, cos * dy - sin * dx + y])
    by_x, by_y, start = numbers.reshape(3, 2, 1, 1, 1)
    xs, ys = _GRIDS[shape]
    place = by_x * xs + by_y * ys  # what is subtracted is added with the other sign
    place += start
    place /= CELL
    cells = place.astype(np.intp)  # towards zero: what is before the border's first cell stays out
    index = cells[0]
    index *= _EDGE
    index += cells[1]
    index += _FIRST
    return int(np.count_nonzero(_TABLES[shape].take(index))) / POINTS


_kept_coverage = lru_cache(maxsize=KEPT)(coverage_of_one)


def turn(shape: Array, pose: Array) -> tuple[Array, Array]:
    """Cosine and sine (K,) of one of the yaws that poses (K, 4) allow; of no yaw, 1 and 0."""
    shapes, poses = SYMMETRY[shape].tolist(), pose[:, 2:4].tolist()
    found = [turn_one(often, *each) for often, each in zip(shapes, poses, strict=True)]
    cosines, sines = np.array(found).reshape(-1, 2).T
    return cosines, sines


def turn_one(often: int, cos: float, sin: float) -> tuple[float, float]:
    """`turn` of one pose of a piece that looks the same `often` in a full turn."""
    length = sqrt(cos * cos + sin * sin)
    c, s = (1.0, 0.0) if length < 1e-6 else (cos / length, sin / length)
    for least in (2, 4):
        if often >= least:
            large = sqrt((1 + abs(c)) / 2)
            small = s / (2 * large)
            c, s = (large, small) if c >= 0 else (abs(small), -large if s < 0 else large)
    return c, s
