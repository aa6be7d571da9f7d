"""Worlds of a hand and cubes: `pick-Ncubes` (places on the table) and `stack-Ncubes` (a tower)."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.core.starts import drawn, spread
from entitybench.envs.core.world import GoalWorld, Start, World
from entitybench.envs.drawing.edges import check_observed
from entitybench.envs.pick.hand import JOINTS, OPEN, TIP
from entitybench.envs.pick.scene import HALF
from entitybench.envs.push.sizes import COLORS
from entitybench.envs.push.world import IDS, VIEWS
from entitybench.errors import BadValue
from entitybench.seeding import generator

if TYPE_CHECKING:
    import mujoco

    from entitybench.types import Array

# A square as large as the HECRL paper's 0.25 m x 0.60 m: pictures of it are square.
AREA = 0.195  # m, starts and goals lie in +-AREA
REACH = AREA + 0.09  # m, where the hand's x and y stop
WALL = AREA + 0.11  # m, what stops cubes
HEIGHTS = (TIP + 0.002, 0.34)  # m, between which the grip point is
CEILING = 0.6  # m, heights are reported up to here
SPACING = 0.057  # m, smallest distance between the centres of two cubes or of two goals
SUNK = 1e-4  # m, by which a cube of a tower sinks into what it stands on
TOLERANCE = 0.04  # m, a cube's distance from its goal; twice as strict in height, see `solved`
# What an action of 1 sets the targets ahead by: x, y, z (m), yaw (rad), each finger (m).
STEPS = np.array([0.05, 0.05, 0.05, 0.3, 0.02, 0.02])
SOURCE = np.array([0, 1, 2, 3, 4, 4])  # the action of each joint
HAND_FEATURES = ("x", "y", "z", "cos", "sin", "opening")


class PickTable(World):
    """The table that all pick worlds share: a hand and `cubes` cubes.

    Entities: hand, then cubes. Features: x, y, z (m) of the grip point and of cubes' centres; cos
    and sin of the hand's yaw, and of four times a cube's yaw (it looks the same after a quarter
    turn, on whatever face it stands); the hand's opening, 0 to 1; one-hot id.
    """

    feature_names = (*HAND_FEATURES, *(f"id{i}" for i in range(IDS)))
    action_dim = 5
    control_dt = 0.05
    physics_dt = 0.005
    first_id = len(HAND_FEATURES)  # where the one-hot begins

    def __init__(
        self,
        cubes: int,
        *,
        pixels: int | None = None,
        view: str = "top",
        sleep: bool = False,
    ) -> None:
        if not isinstance(cubes, int) or not 1 <= cubes <= IDS - 1:
            raise BadValue(f"a pick world has 1 to {IDS - 1} cubes: got {cubes!r}.")
        check_observed(pixels, view, VIEWS)
        self.pixels, self.view, self.sleep = pixels, view, sleep
        self.cubes = cubes
        self.entities = 1 + cubes
        self.rows = slice(1, 1 + cubes)  # of the cubes among the entities

    def spec(self) -> mujoco.MjSpec:
        from entitybench.envs.pick.scene import pick_scene

        return pick_scene(f"pick-{self.cubes}", self.cubes, REACH, WALL, HEIGHTS, self.sleep)

    @property
    def bounds(self) -> Array:
        bounds = np.ones(self.features, np.float32)
        bounds[:3] = BOX
        bounds[5] = 1.2  # joint limits are a little soft
        return bounds

    @property
    def bodies(self) -> tuple[str, ...]:
        return ("hand", *(f"cube{i}" for i in range(self.cubes)))

    @property
    def movable(self) -> tuple[str, ...]:
        return self.bodies[self.rows]

    @cached_property
    def robot(self) -> Array:
        """Where the hand's joints are in the state."""
        return np.array([self.at(joint) for joint in JOINTS])

    @cached_property
    def centres(self) -> Array:
        """(1 + cubes, 3): where x, y, z of hand and cubes are in the state."""
        cubes = [self.at(name) + np.arange(3) for name in self.movable]
        return np.vstack([self.robot[:3], *cubes])

    @cached_property
    def turns(self) -> Array:
        """(4, cubes): where w, x, z and y of the cubes' quaternions are in the state."""
        return np.array([[self.at(name) + i for name in self.movable] for i in (3, 4, 6, 5)])

    def lay(self, hand: Array, cubes: Array, yaw: Array) -> Array:
        """Positions (nq,) of a hand's joints (6,) and cubes (n, 3) with yaws (n,)."""
        qpos = self.model.qpos0.copy()
        qpos[self.robot] = hand
        qpos[self.centres[1:]] = cubes
        qpos[self.turns[0]] = np.cos(yaw / 2)
        qpos[self.turns[2]] = np.sin(yaw / 2)
        return qpos

    def for_pictures(self, model: mujoco.MjModel) -> None:
        # As the scene has it, everything bright is white from above.
        model.geom("table").rgba[:3] = 0.5
        model.vis.headlight.diffuse[:] = 0.3
        model.light_diffuse[:] = 0.2

    def control(self, state: Array, action: Array) -> Array:
        # The actuators' own range keeps the targets within the joints'.
        target = state.take(self.robot, axis=-1)
        # One target for both fingers: they give way to both sides alike, and so stay centred.
        middle = 0.5 * (target[..., 4] + target[..., 5])
        target[..., 4] = middle
        target[..., 5] = middle
        target += STEPS * action.take(SOURCE, axis=-1)
        return target

    def observe(self, state: Array, constants: Array) -> Array:
        observation = constants.copy()
        # Whatever is thrown or jammed, observations keep to the bounds.
        places = np.minimum(np.maximum(state.take(self.centres, axis=-1), -BOX), BOX)
        observation[..., : 1 + self.cubes, :3] = places
        # Contiguous arrays, since numpy rounds cosines of strided ones differently.
        yaw = state.take(self.robot[3:4], axis=-1)
        observation[..., :1, 3] = np.cos(yaw)
        observation[..., :1, 4] = np.sin(yaw)
        opening = np.add.reduce(state.take(self.robot[4:], axis=-1), -1) * WIDEST
        observation[..., 0, 5] = np.minimum(np.maximum(opening, -0.2), 1.2)
        observation[..., self.rows, 3], observation[..., self.rows, 4] = fourfold(
            state.take(self.turns, axis=-1)
        )
        return observation

    def paint(self, model: mujoco.MjModel, constants: Array) -> None:
        for i, color in enumerate(self.colors(constants)):
            model.geom(f"cube{i}").rgba[:3] = color

    def colors(self, constants: Array) -> list[tuple[float, float, float]]:
        """Each cube's colour, which shows its id."""
        ids = constants[self.rows, self.first_id : self.first_id + IDS]
        return [COLORS[int(np.argmax(row)) - 1] for row in ids]

    def draw_ids(self, rng: np.random.Generator) -> Array:
        """Constants (N, D): id 0 for the hand, distinct others for the cubes."""
        ids = 1 + rng.permutation(IDS - 1)[: self.cubes]
        constants = np.zeros((self.entities, self.features), np.float32)
        constants[0, self.first_id] = 1
        constants[np.arange(1, 1 + self.cubes), self.first_id + ids] = 1
        return constants

    def draw_hand(self, rng: np.random.Generator) -> Array:
        """The joints (6,) of a hand somewhere above the cubes, half open."""
        x, y = rng.uniform(-AREA, AREA, 2)
        yaw = rng.uniform(-np.pi / 2, np.pi / 2)
        return np.array([x, y, rng.uniform(0.10, 0.20), yaw, OPEN / 2, OPEN / 2])


class PickWorld(PickTable, GoalWorld):
    """Cubes to be brought to their places on the table.

    A goal shares the cubes' ids. Its hand row, yaws and opening are zero: the task does not ask
    for them.
    """

    alone_class = "entitybench.envs.pick.alone:PickAlone"

    def start(self, seed: int) -> Start:
        rng = generator(seed, "pick-start")
        constants = self.draw_ids(rng)
        cubes = on_table(rng, self.cubes)
        goals = drawn(
            lambda: self.draw_goals(rng, cubes),
            lambda goals: not self.solved(self._rows(cubes), self._rows(goals)).all(),
            "a goal that is not reached at once",
        )
        yaw = rng.uniform(0, np.pi / 2, self.cubes)
        goal = constants.copy()
        goal[0] = 0
        goal[self.rows, :3] = goals
        return Start(self.lay(self.draw_hand(rng), cubes, yaw), constants, goal)

    def draw_goals(self, rng: np.random.Generator, cubes: Array) -> Array:
        """Places (n, 3) for cubes that are at (n, 3)."""
        del cubes
        return on_table(rng, self.cubes)

    def _rows(self, places: Array) -> Array:
        rows = np.zeros((self.entities, self.features), np.float32)
        rows[self.rows, :3] = places
        return rows

    @cached_property
    def asked(self) -> Array:
        """(N, D): 1 for what a goal asks for."""
        asked = np.zeros((self.entities, self.features), np.float32)
        asked[self.rows, :3] = 1
        asked[self.rows, self.first_id :] = 1
        return asked

    def achieved(self, observation: Array) -> Array:
        return observation * self.asked

    def solved(self, achieved: Array, desired: Array) -> Array:
        """Within 4 cm, where a height counts twice: one level of a tower is 4 cm."""
        gap = achieved[..., self.rows, :3] - desired[..., self.rows, :3]
        gap *= _WEIGHT
        gap *= gap
        return np.add.reduce(gap, -1) <= _NEAR

    def goal_qpos(self, goal: Array) -> Array:
        hand = np.array([0, 0, HEIGHTS[1], 0, OPEN / 2, OPEN / 2])
        return self.lay(hand, goal[self.rows, :3], np.zeros(self.cubes))

    def marks(self, goal: Array) -> list[tuple[Array, Array, Array]]:
        """Where a goal is: a square on the table, and a frame of nothing but colour above."""
        return [
            (np.array([x, y, z - HALF + 0.001]), np.array([HALF, HALF, 0.0005]), _faint(color))
            for (x, y, z), color in zip(goal[self.rows, :3], self.colors(goal), strict=True)
        ]


class StackWorld(PickWorld):
    """Cubes to be stacked: all goals lie above one another, in the order of the rows."""

    alone_class = "entitybench.envs.pick.alone:PickAlone"

    def draw_goals(self, rng: np.random.Generator, cubes: Array) -> Array:
        del cubes
        goals = np.empty((self.cubes, 3))
        goals[:, :2] = rng.uniform(-AREA, AREA, 2)
        goals[:, 2] = HALF + 2 * HALF * np.arange(self.cubes)
        return goals

    def goal_qpos(self, goal: Array) -> Array:
        # Pressed together as they rest: boxes that only just do not touch fall onto one another
        # face on, and MuJoCo can throw a tower over then.
        sunk = goal.copy()
        sunk[self.rows, 2] -= SUNK * np.arange(1, 1 + self.cubes)
        return super().goal_qpos(sunk)


BOX = np.array([WALL + 0.1, WALL + 0.1, CEILING])
_WEIGHT = np.array([1, 1, 2], np.float32)
_NEAR = np.float32(TOLERANCE**2)
WIDEST = 0.5 / OPEN


def fourfold(turns: Array) -> tuple[Array, Array]:
    """Cosine and sine (..., n) of four times the yaws of cubes, on whatever faces they stand.

    Args:
        turns: (..., 4, n), w, x, z and y of quaternions.
    """
    # A turn by the angle a about the vertical turns (w, z) and (x, y) by a / 2 in their planes, and
    # a cube's own symmetries turn them by multiples of 45 degrees: so the eighth powers of w + iz
    # and x + iy do not see the symmetries. Without trigonometric functions: those can round
    # differently for other batch sizes.
    re, im = turns[..., :2, :], turns[..., 2:, :]
    for _ in range(3):
        re, im = re * re - im * im, 2 * (re * im)
    re, im = re[..., 0, :] + re[..., 1, :], im[..., 0, :] + im[..., 1, :]
    size = np.sqrt(re * re + im * im)
    size += 1e-12
    return re / size, im / size


def on_table(rng: np.random.Generator, count: int) -> Array:
    """Centres (count, 3) of cubes on the table, uniform in +-AREA, at least SPACING apart."""
    places = spread(rng, count, -AREA, AREA, SPACING)
    return np.column_stack([places, np.full(count, HALF)])


def _faint(color: tuple[float, float, float]) -> Array:
    return np.array([*color, 0.45])
