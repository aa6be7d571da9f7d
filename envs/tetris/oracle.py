"""The scripted solver: one piece after the other, by pushes that a model of the oil film foresees.

Each row of a batch is worked on by itself, with arrays of its own size, so that no rounding depends
on the rows beside it.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.api import world_as
from entitybench.envs.parts.observed import goal_of
from entitybench.envs.push.oracle import choice_costs
from entitybench.envs.push.routes import REACHED, route
from entitybench.envs.tetris.pushes import (
    STAND_OFF,
    best_length,
    clearance,
    contacts,
    follow,
    miss,
    place,
    plan,
    twists,
)
from entitybench.envs.tetris.scene import PUSHER_RADIUS
from entitybench.envs.tetris.shapes import CELL, CELLS, NEAR, SYMMETRY, coverage
from entitybench.envs.tetris.world import EDGE, GRID, RAIL, REACH, TetrisWorld, shapes_of

if TYPE_CHECKING:
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs, TaskSpec

PLACED = 0.93  # of its goal area, covered enough to leave a piece
ASTRAY = 0.90  # covered so little that a piece is taken up again
PRECISE = 0.0018  # m, see pushes.miss
ROUGH = 0.02  # m, near enough to a waypoint
PATIENCE = 160  # control steps for one piece before another has its turn
PIECE_CLEARANCE = 0.12  # m, between the centres of a pushed piece and one that it passes
LOYALTY = (0.15, 0.03)  # m, what another waypoint must save: for a piece, for the pusher
# m, between the centres of a pusher and a cell that it passes
CLEARANCE = CELL / 2**0.5 + PUSHER_RADIUS + 0.003
CELLS_SEEN = 12  # cells near the pusher's way that it walks round
ROOM = 0.13  # m, between a place to park at and other pieces
GAIN = 1.6  # targets are that much further than where the pusher should be after a step
MOST = 0.02  # m, of a piece's way in a control step
DONE = 0.0006  # m, a push is at its end
SAFE = 0.87  # of every goal area, covered enough to stand still
STUCK = 0.0004  # m, of a piece's motion in a control step: less is none
TOUCHING = 1.1 * CELL  # between the centres of cells of two pieces: a push goes no further
LOST = 60  # control steps after which a walk or a push is given up
REROUTE = 4  # control steps for which the pusher keeps to its waypoint
BOLD = 0.0015  # m by which a pusher aims deeper for each step in which nothing moved
CHOICES = np.array([0.0, -0.38, -0.27, -0.18, -0.09, 0.09, 0.18, 0.27, 0.38])  # slopes of forces
PLAN, WALK, PUSH, LEAVE = range(4)


@dataclass(slots=True)
class Memory:
    """What one episode is at."""

    phase: int = PLAN
    rest: Array | None = None  # the pieces' rows in which nothing was to be done; None: there was
    piece: int = -1  # that is being moved; -1: none
    age: int = 0  # control steps spent on it
    park: Array | None = None  # (2,) m, where it is put aside, if it is
    turn: float = 0.0  # rad, see routes.route
    target: Array = field(default_factory=lambda: np.full(2, np.nan))  # the piece's waypoint
    care: float = 1.0  # how much its yaw counts on the present leg
    contact: int = 0  # where it is pushed
    end: Array = field(default_factory=lambda: np.zeros(3))  # its pose after the push
    way: Array = field(default_factory=lambda: np.full(2, np.nan))  # the pusher's waypoint
    steps: int = 0  # control steps in the present phase
    bold: float = 0.0  # m, how much deeper the pusher aims
    before: Array = field(default_factory=lambda: np.zeros(3))  # the piece's pose a step ago
    failed: int = -1  # the contact of the last push, if it did not work
    begin: Array | None = None  # (2,), where the pusher was at first
    late: bool | None = None  # whether actions come a control step late; None: not known yet
    # What the last action moves, by the model: the pusher (2,) and the piece (3,).
    ahead: Array = field(default_factory=lambda: np.zeros(2))
    drift: Array = field(default_factory=lambda: np.zeros(3))


@dataclass(slots=True)
class Scene:
    """What one episode looks like. n: pieces, those present only."""

    pusher: Array  # (2,)
    shapes: Array  # (n,)
    poses: Array  # (n, 3)
    goals: Array  # (n, 3)
    rows: Array  # (2, n, 4), x, y and cosine and sine as observed: of the pieces, of their goals

    @property
    def near(self) -> Array:
        """Whether the pieces are so near their goals that they can cover them, (n,)."""
        gap = self.poses[:, :2] - self.goals[:, :2]
        return np.hypot(gap[:, 0], gap[:, 1]) < NEAR

    def covered(self) -> Array:
        """The shares of their goal areas that the pieces cover (n,), 0 for those far away."""
        share, near = np.zeros(len(self.shapes)), self.near
        if near.any():
            share[near] = coverage(self.shapes[near], *self.rows[:, near])
        return share

    def cells(self, pose: Array, piece: int) -> Array:
        """Centres of a piece's cells (4, 2) at a pose (3,)."""
        return place(pose, CELLS[self.shapes[piece]])

    def others(self, piece: int) -> Array:
        """Centres of all other pieces' cells (4 (n - 1), 2)."""
        found = [self.cells(self.poses[i], i) for i in range(len(self.shapes)) if i != piece]
        return np.concatenate(found) if found else np.zeros((0, 2))


class TetrisOracle:
    """Solves tetris tasks from the poses of the pieces and of their goals.

    Those of pixel tasks are in obs["state"] and obs["goal_state"], which `Worlds` adds.
    """

    def __init__(self, task: TaskSpec | str) -> None:
        world_as(task, TetrisWorld)  # refuses others

    def initial_state(self, batch: int) -> list[Memory]:
        return [Memory() for _ in range(batch)]

    def act(self, obs: Obs, state: list[Memory], rng: BatchGenerator) -> tuple[Array, list[Memory]]:
        entities = obs.get("state", obs["observation"])  # "state": what images are of
        goals = goal_of(obs)
        draw = rng.random(len(entities))
        actions, state = np.zeros((len(entities), 2)), list(state)
        for row, memory in enumerate(state):
            if memory.rest is not None and np.array_equal(memory.rest, entities[row, 1:]):
                continue
            state[row] = memory = copy.copy(memory)
            scene = look(entities[row], goals[row])
            if scene.near.all() and (scene.covered() >= SAFE).all():  # nothing to do
                memory.rest, memory.phase, memory.piece = entities[row, 1:].copy(), PLAN, -1
                memory.ahead = np.zeros(2)
            else:
                memory.rest = None
                actions[row] = _respond(scene, memory, float(draw[row]))
        return actions, state


def look(entities: Array, goals: Array) -> Scene:
    """The scene of one episode's rows (N, D) and goal (N, D)."""
    present = np.flatnonzero(goals[1:].any(axis=-1)) + 1
    shapes = shapes_of(goals[present])
    poses, ends = _poses(shapes, entities[present]), _poses(shapes, goals[present])
    rows = np.stack([entities[present, :4], goals[present, :4]])
    return Scene(entities[0, :2].astype(np.float64), shapes, poses, ends, rows)


def _poses(shapes: Array, rows: Array) -> Array:
    return np.array(
        [
            [float(x), float(y), math.atan2(float(s), float(c)) / int(SYMMETRY[shape])]
            for shape, (x, y, c, s) in zip(shapes, rows[:, :4], strict=True)
        ]
    ).reshape(-1, 3)


def _respond(scene: Scene, memory: Memory, draw: float) -> Array:
    """An action (2,); changes `memory` and `scene`."""
    if memory.begin is None:
        memory.begin = scene.pusher
    elif memory.late is None and memory.ahead.any():
        memory.late = bool(np.hypot(*(scene.pusher - memory.begin)) < 1e-6)
    if memory.late:  # act on what will be when the action arrives
        scene.pusher = scene.pusher + memory.ahead
        if memory.piece >= 0:
            scene.poses[memory.piece] += memory.drift
    memory.drift = np.zeros(3)
    step = GAIN * _act(scene, memory, draw) / REACH
    action = step / max(1.0, float(np.abs(step).max()))
    memory.ahead = action * (REACH / GAIN)
    return action


def _act(scene: Scene, memory: Memory, draw: float) -> Array:
    """Where the pusher should go (2,), from where it is; changes `memory`."""
    memory.age += 1
    memory.steps += 1
    for _ in range(6):  # phases that end at once
        if memory.phase == PLAN and not _plan(scene, memory, draw):
            return np.zeros(2)
        if memory.phase == WALK:
            step = _walk(scene, memory)
        elif memory.phase == PUSH:
            step = _push(scene, memory)
        else:
            step = _leave(scene, memory)
        if step is not None:
            return step
    return np.zeros(2)


def _enter(memory: Memory, phase: int) -> None:
    memory.phase, memory.steps, memory.bold = phase, 0, 0.0
    memory.way = np.full(2, np.nan)


def _plan(scene: Scene, memory: Memory, draw: float) -> bool:
    """Choose a piece, if need be, and its next push. False: all is done."""
    piece = memory.piece
    if piece >= 0:
        arrived = scene.covered()[piece] >= PLACED
        if memory.park is not None:
            arrived = np.hypot(*(scene.poses[piece, :2] - memory.park)) < ROUGH
        if arrived or memory.age > PATIENCE:
            tired = piece if memory.age > PATIENCE else -1
            piece = -1
            if not _choose(scene, memory, draw, tired):
                memory.piece = -1
                return False
    elif not _choose(scene, memory, draw, -1):
        return False
    if piece != memory.piece:
        memory.failed = -1
    piece = memory.piece
    pose, shape = scene.poses[piece], int(scene.shapes[piece])
    goal, memory.care, precise = _leg(scene, memory)
    push = plan(
        shape,
        pose,
        goal,
        scene.pusher,
        scene.others(piece),
        care=memory.care,
        precise=precise,
        rail=RAIL,
        edge=EDGE,
        avoid=memory.failed,
    )
    memory.contact, memory.end = push.contact, push.end
    _enter(memory, WALK)
    return True


def _leg(scene: Scene, memory: Memory) -> tuple[Array, float, float]:
    """The next pose for the chosen piece, how much its yaw counts, and how precisely."""
    piece = memory.piece
    pose, goal = scene.poses[piece], scene.goals[piece]
    aim = goal[:2] if memory.park is None else memory.park
    other = np.array([i for i in range(len(scene.shapes)) if i != piece], np.int64)
    if len(other):
        waypoint = route(
            pose[None, :2],
            aim[None],
            scene.poses[None, other, :2],
            PIECE_CLEARANCE,
            RAIL,
            previous=memory.target[None],
            turn=np.array([memory.turn]),
            loyalty=LOYALTY[0],
        )[0]
        memory.target = waypoint
        if np.hypot(*(waypoint - aim)) > 1e-6:
            return np.array([*waypoint, goal[2]]), 0.2, ROUGH
    if memory.park is not None:
        return np.array([*aim, goal[2]]), 0.2, ROUGH
    return goal, 1.0, PRECISE


def _choose(scene: Scene, memory: Memory, draw: float, tired: int) -> bool:
    """Take up the piece that is cheapest to bring home, or put aside what is in its way."""
    astray = np.flatnonzero(scene.covered() < ASTRAY)
    if not len(astray):
        return False
    places = scene.poses[None, :, :2], scene.goals[None, :, :2]
    costs = choice_costs(scene.pusher[None], *places)[0, astray] + 10.0 * (astray == tired)
    blockers = [
        [i for i in range(len(scene.shapes)) if i != piece and _overlap(scene, piece, i)]
        for piece in astray.tolist()
    ]
    costs += [len(found) for found in blockers]
    best = int(np.argmin(costs))
    memory.piece, memory.age, memory.park = int(astray[best]), 0, None
    memory.turn, memory.target = draw * np.pi / 3, np.full(2, np.nan)
    if blockers[best]:
        blocker = min(
            blockers[best], key=lambda i: float(np.hypot(*(scene.pusher - scene.poses[i, :2])))
        )
        memory.piece = int(blocker)
        memory.park = _parking(scene, int(blocker))
    return True


def _overlap(scene: Scene, piece: int, other: int) -> bool:
    """Whether another piece is where a piece should be."""
    goal = scene.cells(scene.goals[piece], piece)
    gap = goal[:, None] - scene.cells(scene.poses[other], other)
    return bool(np.hypot(gap[..., 0], gap[..., 1]).min() < 1.3 * CELL)


def _parking(scene: Scene, piece: int) -> Array:
    """Where a piece is nobody's trouble: far from others and from all goals, near by."""
    ticks = np.array([-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5]) * GRID
    spots = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    spots = spots[np.abs(spots).max(axis=1) < RAIL + 1e-9]
    others = np.array([i for i in range(len(scene.shapes)) if i != piece], np.int64)

    def gap(points: Array) -> Array:
        offset = spots[:, None] - points
        return np.hypot(offset[..., 0], offset[..., 1]).min(axis=1)

    cost = np.hypot(*(spots - scene.poses[piece, :2]).T)
    cost += 20.0 * np.maximum(ROOM - gap(scene.poses[others, :2]), 0)
    cost += 20.0 * np.maximum(ROOM - gap(scene.goals[others, :2]), 0)
    cost += 0.3 * (np.abs(spots).max(axis=1) > GRID + 1e-9)
    return spots[int(np.argmin(cost))]


def _walk(scene: Scene, memory: Memory) -> Array | None:
    """To where the push begins, round all pieces."""
    stand, pusher = _stand(scene, memory), scene.pusher
    away = np.hypot(*(stand - pusher))
    if away < 0.006:
        _enter(memory, PUSH)
        memory.before = scene.poses[memory.piece]
        return None
    if memory.steps > LOST:
        memory.failed = memory.contact
        _enter(memory, PLAN)
        return None
    cells = np.concatenate([scene.cells(scene.poses[i], i) for i in range(len(scene.shapes))])
    # The nearest of them to the straight way.
    along = (stand - pusher) / max(away, 1e-9)
    offset = cells - pusher
    ahead = np.clip(offset[:, 0] * along[0] + offset[:, 1] * along[1], 0, away)
    gap = np.hypot(*(offset - ahead[:, None] * along).T)
    if gap.min() >= CLEARANCE:
        return stand - pusher
    if not np.hypot(*(memory.way - pusher)) > 2 * REACHED or memory.steps % REROUTE == 0:
        near = cells[np.argsort(gap, kind="stable")[:CELLS_SEEN]]
        memory.way = route(
            pusher[None],
            stand[None],
            near[None],
            CLEARANCE,
            EDGE,
            previous=memory.way[None],
            turn=np.zeros(1),
            loyalty=LOYALTY[1],
        )[0]
    leg = memory.way - pusher
    if np.hypot(*(memory.way - stand)) < 1e-6:
        return leg
    return leg * (REACH / max(np.hypot(*leg), 1e-9))


def _stand(scene: Scene, memory: Memory) -> Array:
    """Where the pusher stands before and after a push (2,)."""
    at, k = contacts(int(scene.shapes[memory.piece])), memory.contact
    return place(scene.poses[memory.piece], at.centre[k] + STAND_OFF * at.normal[k])


def _push(scene: Scene, memory: Memory) -> Array | None:
    """Along the arc that ends nearest to the push's end, with the contact's point held."""
    piece = memory.piece
    shape, pose = int(scene.shapes[piece]), scene.poses[piece]
    at = contacts(shape)
    point, normal = at.point[memory.contact], at.normal[memory.contact]
    along = np.array([-normal[1], normal[0]])
    force = -normal + CHOICES[:, None] * along
    force /= np.hypot(force[:, 0], force[:, 1])[:, None]
    twist = twists(shape, point, force)
    length = best_length(shape, pose[None], twist, memory.end, memory.care)
    left = miss(shape, follow(pose, twist, length), memory.end, memory.care)
    left = left + 0.0005 * np.abs(CHOICES)
    best = int(np.argmin(left))
    moved = miss(shape, memory.before, pose, 1.0)
    memory.before = pose
    if length[best] < DONE or memory.steps > LOST or memory.bold > 0.02:
        memory.failed = memory.contact if memory.bold > 0.02 else -1
        _enter(memory, LEAVE)
        return None
    if memory.steps > 4 and moved < STUCK:
        memory.bold += BOLD
    goal = follow(pose, twist[best], np.minimum(length[best], MOST))
    others = scene.others(piece)
    room = clearance(shape, goal, others)
    if room < min(TOUCHING, clearance(shape, pose, others) - 1e-4):
        memory.failed = memory.contact
        _enter(memory, LEAVE)
        return None
    aim = place(goal, at.centre[memory.contact] - memory.bold * normal)
    step = aim - scene.pusher
    # What of it the pusher has yet to go before it touches.
    gap = np.hypot(*(scene.pusher - place(pose, at.centre[memory.contact])))
    way = min(float(np.hypot(*step)), REACH / GAIN)
    memory.drift = (goal - pose) * max(0.0, 1 - gap / max(way, 1e-9))
    return step


def _leave(scene: Scene, memory: Memory) -> Array | None:
    """Straight off the edge, so that the piece stays where it is."""
    step = _stand(scene, memory) - scene.pusher
    if np.hypot(*step) < 0.006 or memory.steps > 2:
        _enter(memory, PLAN)
        return None
    return step
