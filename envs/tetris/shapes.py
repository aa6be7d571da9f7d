"""The seven tetrominoes: their cells, their symmetry, and how much of one place another covers.

Lengths in m. A piece's frame has its origin at the centre of its area.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Any

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
FEW = 4  # pieces: no more are turned number by number, quicker than by arrays
SOME = 8  # pieces: of no more, coverage is counted one by one
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
# x and y (7, 4, SAMPLES) of the points in each cell: a grid, so each x goes with each y.
GRID_X, GRID_Y = (CELLS[..., axis, None] + _ticks for axis in (0, 1))
POINTS = 4 * SAMPLES**2  # of a piece
# (7, 6, 6): whether a piece has a cell there; a border of one on all sides.
_FILLED = np.zeros((len(NAMES), 6, 6), bool)
for _shape, _grid in enumerate(_GRID):
    for _x, _y in _grid:
        _FILLED[_shape, _x + 1, _y + 1] = True
_CORNER = CELL * (1.5 + _centres)  # (7, 2): from that table's corner to the centre of a piece
_CORNERS = _CORNER.tolist()
# The same with a wide border, for a piece that is looked at alone: no point of its goal lies
# outside, and pieces further APART than that do not touch.
APART = 5 * CELL  # m
_BORDER, _EDGE = 6, 18
_WIDE = np.zeros((len(NAMES), _EDGE, _EDGE), bool)
_WIDE[:, _BORDER : _BORDER + 6, _BORDER : _BORDER + 6] = _FILLED
_WIDE_TABLES = [table.ravel() for table in _WIDE]
_GRIDS = [(x[..., None], y[..., None, :]) for x, y in zip(GRID_X, GRID_Y, strict=True)]
_FIRST = _BORDER * (_EDGE + 1)  # where the first of `_FILLED` is


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
    here, there = here.astype(np.float64), there.astype(np.float64)
    if len(shape) <= SOME:
        each = zip(shape.tolist(), here.tolist(), there.tolist(), strict=True)
        return np.array([coverage_of_one(*one) for one in each], np.float64)
    (cos, sin), (cos_goal, sin_goal) = turn(shape, here), turn(shape, there)
    # Points of the goal, seen from the piece: first by the difference of the yaws, then by place.
    c = cos_goal * cos + sin_goal * sin
    s = sin_goal * cos - cos_goal * sin
    dx, dy = there[:, 0] - here[:, 0], there[:, 1] - here[:, 1]
    corner = _CORNER[shape]
    x0 = cos * dx + sin * dy + corner[:, 0]
    y0 = cos * dy - sin * dx + corner[:, 1]
    column, row = (each[:, None, None] for each in (c, s))
    filled = _hits(GRID_X[shape], GRID_Y[shape], column, row, np.array([x0, y0]), 36 * shape)
    # One after the other: numpy adds up bools much slower than it counts them.
    return np.array([np.count_nonzero(each) for each in filled], np.float64) / POINTS


def coverage_of_one(shape: int, here: list[float], there: list[float]) -> float:
    """`coverage` of one piece: the same operations.

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
    return int(np.count_nonzero(_WIDE_TABLES[shape].take(index))) / POINTS


def _hits(x: Array, y: Array, c: Any, s: Any, start: Array, first: Any) -> Array:
    """Which points of goals lie in pieces, bool (..., 4, SAMPLES, SAMPLES).

    Args:
        x: (..., 4, SAMPLES), of the points of each cell, in the goal's frame.
        y: the same; each goes with each x.
        c: (..., 1, 1), cosine of the goal's yaw as seen from the piece.
        s: the same, its sine.
        start: (2, ...), x and y of the goal's middle, from the corner of the piece's table.
        first: (...), where that table begins among those of all shapes.
    """
    # In place, since these arrays of a thousand numbers a piece are what a step of the task costs.
    place = np.empty((2, *x.shape, SAMPLES))
    np.subtract((c * x)[..., None], (s * y)[..., None, :], out=place[0])
    np.add((s * x)[..., None], (c * y)[..., None, :], out=place[1])
    flat = place.reshape(*start.shape, -1)
    flat += start[..., None]
    flat /= CELL
    np.maximum(flat, 0.0, out=flat)
    np.minimum(flat, 5.0, out=flat)
    cells = flat.astype(np.intp)  # rounds down what is not negative
    index = cells[0]
    index *= 6
    index += cells[1]
    index += np.asarray(first)[..., None]
    return _FILLED.take(index)


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
    """`turn`, number by number."""
    shapes, poses = SYMMETRY[shape].tolist(), pose[:, 2:4].tolist()
    found = [turn_one(often, *each) for often, each in zip(shapes, poses, strict=True)]
    cosines, sines = np.array(found).reshape(-1, 2).T
    return cosines, sines


def turn_one(often: int, cos: float, sin: float) -> tuple[float, float]:
    """`turn` of one pose of a piece that looks the same `often` in a full turn.

    The same additions, products, quotients and roots.
    """
    length = sqrt(cos * cos + sin * sin)
    c, s = (1.0, 0.0) if length < 1e-6 else (cos / length, sin / length)
    for least in (2, 4):
        if often >= least:
            large = sqrt((1 + abs(c)) / 2)
            small = s / (2 * large)
            c, s = (large, small) if c >= 0 else (abs(small), -large if s < 0 else large)
    return c, s


def _half(cos: Array, sin: Array) -> tuple[Array, Array]:
    """Cosine and sine of half an angle between -pi and pi."""
    # The larger of the two by a root, the other by a quotient: neither loses digits.
    large = np.sqrt((1 + np.abs(cos)) / 2)
    small = sin / (2 * large)
    ahead = cos >= 0
    sign = np.where(sin < 0, -1.0, 1.0)
    return np.where(ahead, large, np.abs(small)), np.where(ahead, small, sign * large)
