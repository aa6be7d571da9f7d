"""Blocks on a table, a round pusher, and a place for every block.

Everything moves in the plane, so a block has three joints (x, y, yaw), and table friction is the
friction of these joints: no contact with the table is computed. The blocks' slides end at a rail
that the pusher passes over, so the pusher always fits behind a block and no block can become
unreachable.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.core.starts import drawn, spread
from entitybench.envs.core.world import GoalWorld, Start, World
from entitybench.envs.drawing.edges import check_observed
from entitybench.envs.parts.asked import Asked
from entitybench.envs.push.sizes import COLORS, HALF_EDGE
from entitybench.errors import BadValue
from entitybench.seeding import generator

if TYPE_CHECKING:
    import mujoco

    from entitybench.types import Array

IDS = 16  # codes an entity can have; the pusher's is 0
SPACING = 0.13  # m, smallest distance between the centres of two blocks or of two goals
PUSHER_SPACING = (
    0.10  # m, smallest distance between the pusher and the centre of a block at the start
)
REACH = 0.04  # m, how far ahead of the pusher an action of 1 sets its target
VIEWS = ("top", "side")
# An array, since numpy is slow at making one of a number; with an axis, since numpy 1 takes those
# without for numbers, which do not make a result float64.
_REACH = np.full(2, REACH)
TOLERANCE = 0.06  # m, three quarters of an edge


class PushTable(World):
    """The table that all push worlds share: a pusher, `blocks` blocks, then perhaps other things.

    Entities: pusher, then blocks, then `others`. Features: x, y (m), cos and sin of four times the
    yaw (a square looks the same after a quarter turn), one-hot id; worlds with others add features.
    Each episode gives its entities random distinct ids.
    """

    feature_names: tuple[str, ...] = (
        "x",
        "y",
        "cos4yaw",
        "sin4yaw",
        *(f"id{i}" for i in range(IDS)),
    )
    action_dim = 2
    control_dt = 0.1
    physics_dt = 0.01
    tolerance = TOLERANCE
    others: tuple[str, ...] = ()  # names of entities that are no blocks

    def __init__(
        self, blocks: int, *, pixels: int | None = None, view: str = "top", sleep: bool = False
    ) -> None:
        most = IDS - 1 - len(self.others)
        if not isinstance(blocks, int) or not 1 <= blocks <= most:
            raise BadValue(f"a push world has 1 to {most} blocks: got {blocks!r}.")
        check_observed(pixels, view, VIEWS)
        self._near = np.full(blocks, self.tolerance**2, np.float32)
        self._four = np.full(blocks, 4.0)
        self.pixels = pixels
        self.view = view
        self.blocks = blocks
        self.entities = 1 + blocks + len(self.others)
        self.rows = slice(1, 1 + blocks)  # of the blocks among the entities
        self.sleep = sleep
        # The room for a block stays the same when there are more of them.
        self.area = 0.32 * max(1.0, math.sqrt(blocks / 5))  # m, starts and goals lie in +-area
        self.rail = self.area + 0.08  # m, where a block's centre stops
        self.edge = self.area + 0.18  # m, where the pusher's centre stops

    def spec(self) -> mujoco.MjSpec:
        from entitybench.envs.push.scene import push_scene

        return push_scene(self.blocks, self.area, self.rail, self.edge, self.physics_dt, self.sleep)

    @property
    def bounds(self) -> Array:
        bounds = np.ones(self.features, np.float32)
        bounds[:2] = self.edge + 0.05  # joint limits are a little soft
        return bounds

    @property
    def bodies(self) -> tuple[str, ...]:
        return ("pusher", *(f"block{i}" for i in range(self.blocks)), *self.others)

    @property
    def movable(self) -> tuple[str, ...]:
        return self.bodies[self.rows]

    @cached_property
    def places(self) -> Array:
        """(1 + blocks, 2): where the x and y of pusher and blocks are in qpos."""
        names = self.bodies[: 1 + self.blocks]
        return np.array([[self.at(f"{name}_{axis}") for axis in "xy"] for name in names])

    @cached_property
    def yaws(self) -> Array:
        """(blocks,): where the blocks' yaws are in qpos."""
        return np.array([self.at(f"{name}_yaw") for name in self.movable])

    def scatter(self, rng: np.random.Generator) -> Array:
        """Places (blocks, 2) for the blocks, uniform in +-area, apart from one another."""
        return spread(rng, self.blocks, -self.area, self.area, SPACING)

    def lay(self, pusher: Array, blocks: Array, yaw: Array) -> Array:
        """Positions (nq,) of a pusher (2,) and blocks (n, 2) with yaws (n,)."""
        qpos = np.zeros(self.model.nq)
        qpos[self.places] = np.vstack([pusher, blocks])
        qpos[self.yaws] = yaw
        return qpos

    def control(self, state: Array, action: Array) -> Array:
        # The actuators' own range keeps the target on the table.
        target = action * _REACH
        target += state.take(self.places[0], axis=-1)
        return target

    def observe(self, state: Array, constants: Array) -> Array:
        observation = constants.copy()
        observation[..., : 1 + self.blocks, :2] = state.take(self.places, axis=-1)
        # A contiguous array, since numpy rounds cosines of strided ones differently.
        angle = state.take(self.yaws, axis=-1)
        angle *= self._four
        observation[..., self.rows, 2] = np.cos(angle)
        observation[..., self.rows, 3] = np.sin(angle)
        return observation

    def paint(self, model: mujoco.MjModel, constants: Array) -> None:
        for i, color in enumerate(self.colors(constants)):
            model.geom(f"block{i}").rgba[:3] = color

    def colors(self, constants: Array) -> list[tuple[float, float, float]]:
        """Each block's colour, which shows its id."""
        return [COLORS[int(np.argmax(row)) - 1] for row in constants[self.rows, 4 : 4 + IDS]]


class PushWorld(PushTable, GoalWorld):
    """`blocks` square blocks to be pushed to their places.

    A goal shares the blocks' ids. Its yaw features are zero, and its rows of all but blocks: the
    task does not ask for them.
    """

    alone_class = "entitybench.envs.push.alone:PushAlone"

    def start(self, seed: int) -> Start:
        rng = generator(seed, "push-start")
        ids = 1 + rng.permutation(IDS - 1)[: self.blocks]
        yaw = rng.uniform(0, np.pi / 2, self.blocks)
        blocks = self.scatter(rng)
        goals = drawn(
            lambda: self.scatter(rng),
            lambda goals: np.any(np.hypot(*(blocks - goals).T) > self.tolerance),
            f"a goal farther than {self.tolerance:g} m from its block",
        )
        pusher = free_place(rng, blocks, self.area)

        constants = np.zeros((self.entities, self.features), np.float32)
        constants[0, 4] = 1
        constants[np.arange(1, self.entities), 4 + ids] = 1
        goal = constants.copy()
        goal[0] = 0
        goal[1:, :2] = goals
        return Start(self.lay(pusher, blocks, yaw), constants, goal)

    @cached_property
    def _asked(self) -> Asked:
        asked = np.zeros((self.entities, self.features), bool)
        asked[self.rows] = True
        asked[:, 2:4] = False
        return Asked(asked)

    def achieved(self, observation: Array) -> Array:
        return self._asked(observation)

    def solved(self, achieved: Array, desired: Array) -> Array:
        # All rows of one column at a time: numpy is fast where a loop is long.
        x, y = achieved[..., 0] - desired[..., 0], achieved[..., 1] - desired[..., 1]
        x *= x
        y *= y
        x += y
        return x[..., self.rows] <= self._near

    def goal_qpos(self, goal: Array) -> Array:
        qpos = np.zeros(self.model.nq)
        qpos[self.places[1:]] = goal[self.rows, :2]
        return qpos

    def marks(self, goal: Array) -> list[tuple[Array, ...]]:
        size = np.array([HALF_EDGE, HALF_EDGE, 0.0005])
        return [
            (np.array([x, y, 0.001]), size, np.array([*color, 0.45]))
            for (x, y), color in zip(goal[self.rows, :2], self.colors(goal), strict=True)
        ]


def free_place(rng: np.random.Generator, blocks: Array, area: float) -> Array:
    """A place (2,) for the pusher, uniform in +-area, away from the blocks (n, 2)."""
    return drawn(
        lambda: rng.uniform(-area, area, 2),
        lambda point: np.all(np.hypot(*(blocks - point).T) >= PUSHER_SPACING),
        f"a place of the pusher, {PUSHER_SPACING:g} m from {len(blocks)} blocks, in +-{area:g} m",
    )
