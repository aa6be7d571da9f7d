"""What a push does to a piece, and which pushes bring it where it should be.

On the oil film a force F at the point p of a piece (its own frame) moves it with the velocity F and
the turning rate (p x F) / SPREAD, up to a factor. A pusher that keeps to its point of the edge and
to one direction in the piece's frame thus moves it along an arc, which is known in closed form.
Lengths in m, poses are (x, y, yaw). Functions are of one piece; leading axes are candidates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.tetris.scene import PUSHER_RADIUS
from entitybench.envs.tetris.shapes import CELL, CELLS, RADIUS, SPREAD, SYMMETRY

if TYPE_CHECKING:
    from entitybench.types import Array

SLOPES = np.array([0.0, -0.36, -0.18, 0.18, 0.36])  # of the force against the edge's normal
STAND_OFF = 0.012  # m, between pusher and piece before a push
LENGTHS = np.array([0.005, 0.012, 0.022, 0.035, 0.055, 0.08, 0.12, 0.18, 0.26, 0.36])
# m, between the centres of cells of two pieces, and of a pusher and another piece's cell: less is
# in the way.
APART, PUSHER_APART = 1.4 * CELL, CELL / 2 + PUSHER_RADIUS + 0.006
BEYOND = 0.12  # m, of a push's way beside the distance of its goal: a piece turns in less
LOOKS = 0.03  # m, of a push between two looks at what is in its way
CHECKED = 300  # further pushes of which is looked what is in their way
BEAM = 30  # plans that are followed up
STEP = 0.016  # m that a push moves in a control step
WALK = 0.028  # m that a walk moves
BEGIN = 7.0  # control steps that a further push costs beside its length and the way to it
PRECISE = 0.0018  # m, root mean square, at which a piece is in place


@dataclass(frozen=True, slots=True)
class Contacts:
    """C places on the edge of a piece, and the pushes from them in S directions."""

    point: Array  # (C, 2), on the edge
    normal: Array  # (C, 2), outward
    centre: Array  # (C, 2), of a pusher that touches there
    force: Array  # (C, S, 2), unit
    twist: Array  # (C, S, 3): velocity and turning rate for a metre of the point's way


@lru_cache(maxsize=8)
def contacts(shape: int) -> Contacts:
    """Where a shape can be pushed: three places on each outer edge of a cell."""
    cells = CELLS[shape]
    points, normals = [], []
    for cell in cells:
        for normal in np.array([[1, 0], [-1, 0], [0, 1], [0, -1]], float):
            if np.hypot(*(cells - cell - CELL * normal).T).min() < 1e-6:
                continue  # inside the piece
            along = np.array([-normal[1], normal[0]])
            for offset in (-0.33, 0.0, 0.33):
                points.append(cell + CELL * (normal / 2 + offset * along))
                normals.append(normal)
    point, normal = np.array(points), np.array(normals)
    centre = point + PUSHER_RADIUS * normal
    gap = np.maximum(np.abs(centre[:, None] - cells) - CELL / 2, 0)
    # In a notch the pusher must not touch two edges at once.
    room = np.sort(np.hypot(gap[..., 0], gap[..., 1]), axis=1)
    alone = room[:, 0] > PUSHER_RADIUS - 1e-6
    offset = CELL * 0.02
    beside = [
        np.hypot(*np.maximum(np.abs(c + offset * n - cells) - CELL / 2, 0).T).min()
        for c, n in zip(centre, normal, strict=True)
    ]
    keep = alone & (np.array(beside) > PUSHER_RADIUS + 0.5 * offset)
    point, normal, centre = point[keep], normal[keep], centre[keep]
    along = np.stack([-normal[:, 1], normal[:, 0]], axis=1)
    force = -normal[:, None] + SLOPES[:, None] * along[:, None]
    force /= np.hypot(force[..., 0], force[..., 1])[..., None]
    return Contacts(point, normal, centre, force, twists(shape, point[:, None], force))


def twists(shape: int, point: Array, force: Array) -> Array:
    """Twists (..., 3) of forces at points (..., 2), scaled to a metre of the point's way."""
    x, y = point[..., 0], point[..., 1]
    turning = (x * force[..., 1] - y * force[..., 0]) / SPREAD[shape]
    way = np.hypot(force[..., 0] - turning * y, force[..., 1] + turning * x)
    return _stack(force[..., 0] / way, force[..., 1] / way, turning / way)


def follow(pose: Array, twist: Array, length: Array) -> Array:
    """Poses (..., 3) after following twists (..., 3) in the piece's frame for lengths (...)."""
    # The chord of the arc, which looks half the turn ahead.
    half = 0.5 * twist[..., 2] * length + 1e-30  # sin(h) / h is 1 there
    chord = np.sin(half) / half * length
    yaw = pose[..., 2] + half
    cos, sin = np.cos(yaw) * chord, np.sin(yaw) * chord
    return _stack(
        pose[..., 0] + cos * twist[..., 0] - sin * twist[..., 1],
        pose[..., 1] + sin * twist[..., 0] + cos * twist[..., 1],
        yaw + half,
    )


def place(pose: Array, point: Array) -> Array:
    """Points (..., 2) of pieces with poses (..., 3), in the world."""
    cos, sin = np.cos(pose[..., 2]), np.sin(pose[..., 2])
    return _stack(
        pose[..., 0] + cos * point[..., 0] - sin * point[..., 1],
        pose[..., 1] + sin * point[..., 0] + cos * point[..., 1],
    )


def miss(shape: int, pose: Array, goal: Array, care: float) -> Array:
    """How far (...) m poses (..., 3) are from a goal (3,).

    The root mean square distance of the piece's points from where they should be.

    Args:
        care: how much the yaw counts, 0 to 1.
    """
    dx, dy = goal[0] - pose[..., 0], goal[1] - pose[..., 1]
    turn = _turn(shape, pose, goal)
    return np.sqrt(dx * dx + dy * dy + turn * turn * (care * care * SPREAD[shape]))


def best_length(
    shape: int, pose: Array, twist: Array, goal: Array, care: float, rounds: int = 3
) -> Array:
    """How long to push (...) along twists (..., 3) from poses (..., 3) to come near the goal."""
    weight = care * care * SPREAD[shape]
    x, y, turning = twist[..., 0], twist[..., 1], twist[..., 2]
    speed = x * x + y * y + weight * turning * turning
    end, length = pose, np.zeros(())
    for _ in range(rounds):
        cos, sin = np.cos(end[..., 2]), np.sin(end[..., 2])
        gain = (
            (goal[0] - end[..., 0]) * (cos * x - sin * y)
            + (goal[1] - end[..., 1]) * (sin * x + cos * y)
            + _turn(shape, end, goal) * (weight * turning)
        )
        length = np.minimum(np.maximum(length + gain / speed, 0.0), 0.8)
        end = follow(pose, twist, length)
    return length


def _turn(shape: int, pose: Array, goal: Array) -> Array:
    """The least turn (...) from poses (..., 3) to one that looks like the goal (3,)."""
    period = 2 * np.pi / SYMMETRY[shape]
    turn = goal[2] - pose[..., 2]
    return turn - period * np.rint(turn / period)


def _stack(*parts: Array) -> Array:
    """`np.stack(parts, axis=-1)` of parts of one shape, which is slow for small ones."""
    found = np.empty((*np.shape(parts[0]), len(parts)))
    for i, part in enumerate(parts):
        found[..., i] = part
    return found


@dataclass(frozen=True, slots=True)
class Push:
    """The first push of a plan."""

    contact: int
    end: Array  # (3,), the pose of the piece after it


def plan(
    shape: int,
    pose: Array,
    goal: Array,
    pusher: Array,
    obstacles: Array,
    *,
    care: float,
    precise: float,
    rail: float,
    edge: float,
    avoid: int = -1,
) -> Push:
    """The first of up to three pushes that bring a piece from a pose (3,) to a goal (3,).

    A beam search over contacts, directions and lengths. Costs are control steps.

    Args:
        pusher: (2,).
        obstacles: (m, 2), centres of the cells of other pieces.
        care: see `miss`.
        precise: m, the size of a miss that is good enough.
        rail: where the piece's centre stops.
        edge: where the pusher's centre stops.
        avoid: a contact that did not work, or -1.
    """
    reach = min(float(np.hypot(*(goal[:2] - pose[:2]))) + BEYOND, LENGTHS[-1])
    about = np.hypot(*(obstacles - pose[:2]).T)
    obstacles = obstacles[about < reach + RADIUS[shape] + APART + 2 * PUSHER_RADIUS]
    at = contacts(shape)
    twist = at.twist.reshape(-1, 3)  # (A, 3)
    which = np.repeat(np.arange(len(at.point)), len(SLOPES))  # (A,), the contact of each
    length = np.minimum(best_length(shape, pose[None], twist, goal, care), reach)[:, None]
    grid = LENGTHS[reach >= LENGTHS]
    lengths = np.concatenate([length, np.broadcast_to(grid, (len(twist), len(grid)))], axis=1)
    ends = follow(pose, twist[:, None], lengths)  # (A, L, 3)
    cost = lengths / STEP + BEGIN
    cost += _beginnings(shape, pose, pusher, obstacles, edge)[which][:, None]
    cost += _on_the_way(shape, pose, twist, at.centre[which], lengths, obstacles)
    outside = np.abs(ends[..., :2]).max(axis=-1) > rail
    cost += np.where(outside | (lengths < 0.0008), 1e3, 0.0)
    cost[which == avoid] += 40.0
    total = cost + _to_go(miss(shape, ends, goal, care), precise)
    flat = _least(total)
    first, start = which[flat // lengths.shape[1]], ends.reshape(-1, 3)[flat]
    # The beam: poses, what they cost so far, the last contact, and which first push led there.
    nodes, paid, last, root = start, cost.reshape(-1)[flat], first, np.arange(len(flat))
    value, choice = total.reshape(-1)[flat[0]], 0
    for depth in range(2):
        ends, added, used = _extend(shape, nodes, last, twist, which, goal, care, depth == 1)
        cost = paid[:, None] + added
        total = cost + _to_go(miss(shape, ends, goal, care), precise)
        if len(obstacles):
            _mind(shape, nodes, ends, at.centre[used], obstacles, cost, total)
        flat = _least(total)
        row, column = flat // total.shape[1], flat % total.shape[1]
        if total[row[0], column[0]] < value - 1e-9:
            value, choice = total[row[0], column[0]], int(root[row[0]])
        nodes, paid = ends[row, column], cost[row, column]
        last, root = used[column], root[row]
    return Push(int(first[choice]), start[choice])


def _extend(
    shape: int,
    poses: Array,
    last: Array,
    twist: Array,
    which: Array,
    goal: Array,
    care: float,
    only_best: bool,
) -> tuple[Array, Array, Array]:
    """All further pushes of K plans: poses (K, M, 3), costs (K, M), contacts (M,)."""
    at = contacts(shape)
    length = best_length(shape, poses[:, None], twist, goal, care, rounds=2)[..., None]  # (K, A, 1)
    if not only_best:
        grid = np.broadcast_to(LENGTHS[1:7:2], (*length.shape[:2], 3))
        length = np.concatenate([length, grid], axis=-1)
    ends = follow(poses[:, None, None], twist[:, None], length)  # (K, A, L, 3)
    # From contact to contact: round the piece.
    stand = at.centre + STAND_OFF * at.normal
    way = _round(shape, stand[:, None], stand[None])  # (C, C)
    cost = (way[last][:, which] / WALK)[..., None] + length / STEP + BEGIN
    shape_of = ends.shape
    used = np.repeat(which, shape_of[2])
    return ends.reshape(shape_of[0], -1, 3), cost.reshape(shape_of[0], -1), used


def _least(total: Array) -> Array:
    """Where the `BEAM` least of all values are, in flat indices, the least first."""
    flat = np.argpartition(total, min(BEAM, total.size - 1), axis=None)[:BEAM]
    found: Array = flat[np.argsort(total.reshape(-1)[flat], kind="stable")]
    return found


def _mind(
    shape: int,
    nodes: Array,
    ends: Array,
    centre: Array,
    obstacles: Array,
    cost: Array,
    total: Array,
) -> None:
    """Add to costs and totals (K, M) what is in the way, of those that look best without it."""
    flat = np.argpartition(total, min(CHECKED, total.size - 1), axis=None)[:CHECKED]
    row, column = flat // total.shape[1], flat % total.shape[1]
    poses = np.stack([(nodes[row] + ends[row, column]) / 2, ends[row, column]], axis=1)
    pushers = place(poses, centre[column][:, None])
    extra = _in_the_way(shape, poses, pushers, obstacles).sum(axis=1)
    cost[row, column] += extra
    total[row, column] += extra
    unseen = np.ones(total.size, bool)
    unseen[flat] = False
    total.reshape(-1)[unseen] += 1e3


def _to_go(left: Array, precise: float) -> Array:
    """What bringing a piece nearer will still cost, in control steps."""
    # Smooth, so that a push that came out a little otherwise does not overthrow the plan.
    return 16.0 * (1 - np.exp(-np.maximum(left - precise, 0) / 0.006)) + left / 0.008


def _round(shape: int, here: Array, there: Array) -> Array:
    """The way (...) round a piece between points (..., 2) in its frame."""
    r, s = np.hypot(here[..., 0], here[..., 1]), np.hypot(there[..., 0], there[..., 1])
    cos = (here[..., 0] * there[..., 0] + here[..., 1] * there[..., 1]) / np.maximum(r * s, 1e-9)
    angle = np.arccos(np.clip(cos, -1, 1))
    ring = RADIUS[shape] + PUSHER_RADIUS
    straight = np.hypot(here[..., 0] - there[..., 0], here[..., 1] - there[..., 1])
    return np.maximum(straight, np.maximum(r - ring, 0) * (angle < 1) + ring * angle)


def _beginnings(shape: int, pose: Array, pusher: Array, obstacles: Array, edge: float) -> Array:
    """What it costs (C,) to bring the pusher to each contact of a piece with a pose (3,)."""
    at = contacts(shape)
    stands = place(pose, at.centre + STAND_OFF * at.normal)
    cost = _round(shape, (pusher - pose[:2])[None], stands - pose[:2]) / WALK
    cost += np.where(np.abs(stands).max(axis=-1) > edge, 1e3, 0.0)
    if len(obstacles):
        cost += 400.0 * np.maximum(PUSHER_APART - _gaps(stands, obstacles), 0) / CELL
    return cost


def _on_the_way(
    shape: int, pose: Array, twist: Array, centre: Array, lengths: Array, obstacles: Array
) -> Array:
    """What pushing against other pieces costs (A, L), on all the way of pushes (A, L) long.

    Args:
        twist: (A, 3), from a pose (3,).
        centre: (A, 2), of the pusher in the piece's frame.
    """
    if not len(obstacles):
        return np.zeros(lengths.shape)
    looks = LOOKS * np.arange(1, math.ceil(lengths.max() / LOOKS) + 1)
    poses = follow(pose, twist[:, None], looks)
    cost = _in_the_way(shape, poses, place(poses, centre[:, None]), obstacles)
    # What is in the way of a push is in that of a longer one.
    cost = np.maximum.accumulate(cost, axis=1)
    last = np.clip(np.ceil(lengths / LOOKS).astype(np.int64) - 1, 0, len(looks) - 1)
    return np.take_along_axis(cost, last, axis=1)


def _in_the_way(shape: int, poses: Array, pushers: Array, obstacles: Array) -> Array:
    """What pieces (A, L, 3) and pushers (A, L, 2) cost (A, L) that stand in other pieces."""
    cells = place(poses[:, :, None], CELLS[shape])  # (A, L, 4, 2)
    gap = _gaps(cells, obstacles).min(axis=2)
    cost = 400.0 * np.maximum(APART - gap, 0) / CELL
    gap = _gaps(pushers, obstacles)
    return cost + 200.0 * np.maximum(PUSHER_APART - gap, 0) / CELL


def clearance(shape: int, pose: Array, obstacles: Array) -> float:
    """The least distance between cells of a piece with a pose (3,) and of others (m, 2)."""
    if not len(obstacles):
        return np.inf
    return float(_gaps(place(pose, CELLS[shape]), obstacles).min())


def _gaps(points: Array, obstacles: Array) -> Array:
    """The distance (...) from points (..., 2) to the nearest of obstacles (m, 2)."""
    dx = points[..., None, 0] - obstacles[:, 0]
    dy = points[..., None, 1] - obstacles[:, 1]
    return np.sqrt((dx * dx + dy * dy).min(axis=-1))
