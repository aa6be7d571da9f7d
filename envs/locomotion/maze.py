"""A point mass in a maze: it is to come to a region at the other end.

The walls are thin and lie between cells of 1 m. Border: a wall all round, which is no entity.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.core.world import RewardWorld, Start
from entitybench.envs.drawing.edges import check_observed
from entitybench.errors import unknown
from entitybench.seeding import generator

if TYPE_CHECKING:
    import mujoco

    from entitybench.types import Array

# Cells of 1 m: S start, G goal; a `-` or `|` between two cells is a wall. Rows from north to south.
MAZES = {
    "u": (
        "G . . .",
        "- - -  ",
        ". . . .",
        "       ",
        ". . . .",
        "       ",
        "S . . .",
    ),
    "medium": (
        ". . .|. . G",
        "  -     - -",
        ".|. .|.|. .",
        "    -      ",
        ".|.|. . .|.",
        "  -   - -  ",
        ". . .|. . .",
        "- -     -  ",
        ". . . .|. .",
        "  - - -    ",
        "S . . . .|.",
    ),
}
THICKNESS = 0.2  # m, of a wall
RADIUS = 0.1  # m, of the point
GOAL_RADIUS = 0.4  # m
FORCE = 2.0  # N, of an action of 1
SPREAD = 0.3  # m, starts are uniform in +-SPREAD about the middle of the first cell
SPEED = 10.0  # m/s, observed velocities are cut to it; the fastest possible is 2.9
VIEWS = ("top", "side")


class PointMaze(RewardWorld):
    """A round mass of 1 kg, pushed by forces. Reward 1 at the goal, which ends the episode.

    Entities: the point, the inner walls, the goal region. Features: place, velocity, half sizes (of
    point and goal: the radius), and what it is.
    """

    alone_class = "entitybench.envs.locomotion.alone:MazeAlone"
    feature_names = ("x", "y", "vx", "vy", "half_x", "half_y", "wall", "goal")
    action_dim = 2
    control_dt = 0.05
    physics_dt = 0.01
    reads = ("qpos", "qvel")
    terminates = True
    perturbations = ("colour", "mass", "friction", "latency")

    def __init__(
        self, maze: str, *, pixels: int | None = None, view: str = "top", sleep: bool = False
    ) -> None:
        if maze not in MAZES:
            raise unknown("maze", maze, list(MAZES), see="docs/locomotion.md")
        check_observed(pixels, view, VIEWS)
        self.pixels, self.view, self.sleep = pixels, view, sleep
        self.plan = MAZES[maze]
        self.edge = (len(self.plan) + 1) / 4  # m, half the maze
        self.walls = _walls(self.plan)  # x, y, half x, half y, m
        self.entities = 2 + len(self.walls)
        self.begin_at = self.place(*_find(self.plan, "S"))
        self.goal = self.place(*_find(self.plan, "G"))

    def place(self, row: int, column: int) -> Array:
        """The middle (2,) of a cell, m."""
        return np.array([column + 0.5 - self.edge, self.edge - row - 0.5])

    def spec(self) -> mujoco.MjSpec:
        from entitybench.envs.locomotion.maze_scene import maze_scene

        return maze_scene(
            self.edge,
            self.walls,
            self.goal,
            self.physics_dt,
            radius=RADIUS,
            goal_radius=GOAL_RADIUS,
            sleep=self.sleep,
        )

    @property
    def bounds(self) -> Array:
        bounds = np.ones(self.features, np.float32)
        bounds[:2] = self.edge
        bounds[2:4] = SPEED
        bounds[4:6] = self.edge
        return bounds

    @cached_property
    def limit(self) -> Array:
        """(4,) float32: what the point's observed place and velocity are cut to."""
        return self.bounds[:4]

    @property
    def bodies(self) -> tuple[str, ...]:
        return ("point", *(f"wall{i}" for i in range(len(self.walls))), "goal")

    @property
    def obstacles(self) -> tuple[str, ...]:
        borders = tuple(f"border{i}" for i in range(4))
        return (*(f"wall{i}" for i in range(len(self.walls))), *borders)

    @property
    def movable(self) -> tuple[str, ...]:
        return ()

    @property
    def varied(self) -> tuple[str, ...]:
        return ("point",)

    @cached_property
    def _constants(self) -> Array:
        constants = np.zeros((self.entities, self.features), np.float32)
        constants[0, 4:6] = RADIUS
        constants[1:-1, :2] = self.walls[:, :2]
        constants[1:-1, 4:6] = self.walls[:, 2:]
        constants[1:-1, 6] = 1
        constants[-1, :2] = self.goal
        constants[-1, 4:6] = GOAL_RADIUS
        constants[-1, 7] = 1
        return constants

    def start(self, seed: int) -> Start:
        rng = generator(seed, "point-maze-start")
        place = self.begin_at + rng.uniform(-SPREAD, SPREAD, 2)
        nothing = np.zeros((self.entities, self.features), np.float32)
        return Start(place, self._constants, nothing, np.zeros(2))

    def control(self, state: Array, action: Array) -> Array:
        del state
        return action * FORCE

    def observe(self, state: Array, constants: Array) -> Array:
        observation = np.empty((*state.shape[:-1], self.entities, self.features), np.float32)
        observation[...] = constants
        observation[..., 0, :4] = state
        point = observation[..., 0, :4]
        limit = self.limit
        np.minimum(np.maximum(point, -limit), limit, out=point)
        return observation

    def reward_terms(self, before: Array, action: Array, after: Array) -> dict[str, Array]:
        del before, action
        return {"goal": self.terminated(after) * 1.0}

    def status(self, state: Array) -> dict[str, Array]:
        there = self.terminated(state)
        return {"is_success": there, "success_fraction": there.astype(np.float32)}

    def terminated(self, state: Array) -> Array:
        gap = state[..., :2] - self.goal
        return gap[..., 0] ** 2 + gap[..., 1] ** 2 <= GOAL_RADIUS**2


def _find(plan: tuple[str, ...], sign: str) -> tuple[int, int]:
    """Row and column of the cell with a sign."""
    return next((r // 2, line.index(sign) // 2) for r, line in enumerate(plan) if sign in line)


def blocked(plan: tuple[str, ...], row: int, column: int, down: int, right: int) -> bool:
    """Whether a wall is between a cell and the one `down` below it and `right` of it."""
    return plan[2 * row + down][2 * column + right] in "-|"


def _walls(plan: tuple[str, ...]) -> Array:
    """Boxes (walls, 4): x, y, half x, half y in m. Neighbouring pieces are one wall."""
    edge = (len(plan) + 1) / 4
    cells = (len(plan) + 1) // 2
    half, found = THICKNESS / 2, []
    for lying, sign in ((True, "-"), (False, "|")):
        for line in range(cells - 1):
            pieces = [
                plan[2 * line + 1][2 * i] if lying else plan[2 * i][2 * line + 1]
                for i in range(cells)
            ]
            begin = 0
            while begin < cells:
                end = begin
                while end < cells and pieces[end] == sign:
                    end += 1
                if end > begin:
                    middle, reach = (begin + end) / 2 - edge, (end - begin) / 2 + half
                    across = line + 1 - edge
                    found.append(
                        (middle, -across, reach, half) if lying else (across, -middle, half, reach)
                    )
                begin = end + 1
    return np.array(found)
