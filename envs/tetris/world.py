"""Tetrominoes on a table, a round pusher, and a pose for every piece.

The world of Push-Tetris (Haramati et al., ICLR 2026), in MuJoCo: pieces are pushed and turned until
they cover their goals. Everything moves in the plane.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.core.starts import drawn
from entitybench.envs.core.world import GoalWorld, Start
from entitybench.envs.drawing.edges import check_observed
from entitybench.envs.tetris.shapes import CELL, CELLS, NAMES, NEAR, SYMMETRY, coverage, turn
from entitybench.errors import BadValue
from entitybench.seeding import generator

if TYPE_CHECKING:
    import mujoco

    from entitybench.types import Array

GRID = 0.24  # m, between nodes: two pieces pass each other between four that stand on nodes
RAIL = 0.36  # m, where a piece's centre stops
EDGE = 0.46  # m, where the pusher's centre stops
REACH = 0.05  # m, how far ahead of the pusher an action of 1 sets its target
COVERED = 0.85  # share of a piece's goal area
SHAPE = slice(5, 5 + len(NAMES))  # where a row says which shape it is
VIEWS = ("top", "side")
_REACH = np.full(2, REACH)
_NODES = GRID * (np.stack(np.meshgrid(range(3), range(3)), axis=-1).reshape(9, 2) - 1.0)


class TetrisWorld(GoalWorld):
    """`pieces` different tetrominoes to be pushed to their poses.

    Entities: pusher, then pieces, in the order I, O, T, S, Z, J, L; each episode draws which of the
    seven there are. Features: x, y (m), cosine and sine of the yaw times the shape's symmetry (2
    for I, S and Z, 4 for O, 1 for T, J and L, so that poses that look the same are the same),
    whether it is the pusher, and the shape, one-hot. A goal's pusher row is zero.
    """

    alone_class = "entitybench.envs.tetris.alone:TetrisAlone"
    feature_names = ("x", "y", "cosyaw", "sinyaw", "pusher", *(f"shape{n}" for n in NAMES))
    action_dim = 2
    control_dt = 0.1
    physics_dt = 0.01

    def __init__(
        self, pieces: int, *, pixels: int | None = None, view: str = "top", sleep: bool = False
    ) -> None:
        if not isinstance(pieces, int) or not 1 <= pieces <= len(NAMES):
            raise BadValue(f"a tetris world has 1 to {len(NAMES)} pieces: got {pieces!r}.")
        check_observed(pixels, view, VIEWS)
        self.pixels = pixels
        self.view = view
        self.pieces = pieces
        self.entities = 1 + pieces
        self.sleep = sleep
        self._scenes: dict[tuple[int, ...], mujoco.MjModel] = {}

    def spec(self) -> mujoco.MjSpec:
        return self._spec(range(self.pieces))

    def _spec(self, shapes: Any) -> mujoco.MjSpec:
        from entitybench.envs.tetris.scene import tetris_scene

        return tetris_scene(shapes, GRID, RAIL, EDGE, self.physics_dt, self.sleep)

    def model_of(self, constants: Array) -> mujoco.MjModel:
        shapes = tuple(int(shape) for shape in shapes_of(constants[1:]))
        if shapes not in self._scenes:
            self._scenes[shapes] = self._spec(shapes).compile()
        return self._scenes[shapes]

    @property
    def fixed_names(self) -> tuple[str, ...]:
        return self.feature_names[4:]

    @property
    def bounds(self) -> Array:
        bounds = np.ones(self.features, np.float32)
        bounds[:2] = EDGE + 0.05  # joint limits are a little soft
        return bounds

    @property
    def bodies(self) -> tuple[str, ...]:
        return ("pusher", *(f"piece{i}" for i in range(self.pieces)))

    @cached_property
    def places(self) -> Array:
        """(N, 2): where the entities' x and y are in qpos."""
        return np.array([[self.at(f"{name}_{axis}") for axis in "xy"] for name in self.bodies])

    @cached_property
    def yaws(self) -> Array:
        """(pieces,): where the pieces' yaws are in qpos."""
        return np.array([self.at(f"{name}_yaw") for name in self.bodies[1:]])

    def start(self, seed: int) -> Start:
        rng = generator(seed, "tetris-start")
        shapes = np.sort(rng.permutation(len(NAMES))[: self.pieces])
        nodes = _NODES[rng.permutation(9)[: self.entities]]
        yaws = rng.uniform(-np.pi, np.pi, self.pieces)
        constants = np.zeros((self.entities, self.features), np.float32)
        constants[0, 4] = 1
        constants[np.arange(1, self.entities), SHAPE.start + shapes] = 1
        qpos = np.zeros(self.model.nq)
        qpos[self.places] = nodes
        qpos[self.yaws] = yaws
        present = self.achieved(self.observe(qpos, constants))

        def draw() -> Array:
            places = _NODES[rng.permutation(9)[: self.pieces]]
            angles = SYMMETRY[shapes] * rng.uniform(-np.pi, np.pi, self.pieces)
            goal = constants.copy()
            goal[0] = 0
            goal[1:, :2] = places
            goal[1:, 2], goal[1:, 3] = np.cos(angles), np.sin(angles)
            return goal

        what = "a goal that is not reached at once"
        goal = drawn(draw, lambda goal: not self.success(present, goal), what)
        return Start(qpos, constants, goal)

    def control(self, state: Array, action: Array) -> Array:
        # The actuators' own range keeps the target on the table.
        target = action * _REACH
        target += state.take(self.places[0], axis=-1)
        return target

    def observe(self, state: Array, constants: Array) -> Array:
        observation = constants.copy()
        observation[..., :2] = state.take(self.places, axis=-1)
        # Contiguous arrays, since numpy rounds cosines of strided ones differently.
        angle = state.take(self.yaws, axis=-1)
        angle *= SYMMETRY[shapes_of(constants[..., 1:, :])]
        observation[..., 1:, 2] = np.cos(angle)
        observation[..., 1:, 3] = np.sin(angle)
        return observation

    def achieved(self, observation: Array) -> Array:
        achieved = observation.copy()
        achieved[..., 0, :] = 0
        return achieved

    def covered(self, achieved: Array, desired: Array) -> Array:
        """The share of each piece's goal area that it covers, (..., pieces); 0 where it is far.

        Far is further than one cell: such pieces cover less than `COVERED` of their goals.
        """
        here, there = achieved[..., 1:, :], desired[..., 1:, :]
        offset = here[..., :2] - there[..., :2]
        offset *= offset
        near = offset[..., 0] + offset[..., 1] <= NEAR**2
        share = np.zeros(near.shape)
        if near.any():
            goal = there[near]
            share[near] = coverage(shapes_of(goal), here[near][:, :4], goal[:, :4])
        return share

    def solved(self, achieved: Array, desired: Array) -> Array:
        return self.covered(achieved, desired) >= COVERED

    def goal_qpos(self, goal: Array) -> Array:
        qpos = np.zeros(self.model.nq)
        qpos[self.places[1:]] = goal[1:, :2]
        cos, sin = turn(shapes_of(goal[1:]), goal[1:].astype(np.float64))
        qpos[self.yaws] = np.arctan2(sin, cos)
        return qpos

    def marks(self, goal: Array) -> list[tuple[Array, ...]]:
        from entitybench.envs.tetris.scene import COLORS

        found: list[tuple[Array, ...]] = []
        size = np.array([CELL / 2, CELL / 2, 0.0005])
        shapes = shapes_of(goal[1:])
        cos, sin = turn(shapes, goal[1:].astype(np.float64))
        for row, shape, c, s in zip(goal[1:], shapes, cos, sin, strict=True):
            turned = np.array([[c, -s], [s, c]])
            frame = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
            color = np.array([*COLORS[shape], 0.45 if row.any() else 0.0])
            for cell in CELLS[shape]:
                x, y = row[:2] + (turned * cell).sum(axis=1)
                found.append((np.array([x, y, 0.001]), size, color, frame))
        return found

    def paint(self, model: mujoco.MjModel, constants: Array) -> None:
        from entitybench.envs.tetris.scene import COLORS

        for i, (shape, row) in enumerate(zip(shapes_of(constants[1:]), constants[1:], strict=True)):
            for j, cell in enumerate(CELLS[shape]):
                geom = model.geom(f"piece{i}_{j}")
                geom.pos[:2] = cell
                geom.rgba[:3] = COLORS[shape]
                geom.rgba[3] = 1.0 if row.any() else 0.0


def shapes_of(rows: Array) -> Array:
    """The shapes (...,) int that rows (..., D) name."""
    found: Array = np.argmax(rows[..., SHAPE], axis=-1)
    return found
