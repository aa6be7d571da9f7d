"""Three round robots, a box too heavy for one, a pillar in the way (MAC-Flow sheet, 8.2)."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.core.world import Start, TeamWorld
from entitybench.envs.team.particles import check_pictures
from entitybench.seeding import generator

if TYPE_CHECKING:
    import mujoco

    from entitybench.types import Array

ROBOTS = 3
ROBOT_RADIUS = 0.06  # m
ROBOT_MASS = 0.1  # kg: light, so that a blow at full speed moves the box by less than 1 mm
FORCE = 6.0  # N, the most that a robot pushes with, in any direction
FASTEST = 1.6  # m/s, of a robot that nothing holds
DAMPING = FORCE / FASTEST  # N s/m
BOX_HALF = (0.12, 0.08)  # m, half its edges
BOX_MASS = 4.0  # kg
FRICTION = 0.219  # of box and floor: 8.6 N hold it, 1.43 robots
TWIST = 0.14  # m, torque over force of that friction: by a corner one robot cannot turn it either
PILLAR = 0.05  # m, its radius
HEIGHT = 0.10  # m, of everything
ARENA = 1.2  # m, where centres stop
NEAR, ALIGNED = 0.05, 0.2  # m, rad: success
BONUS = 10.0
TURN_COST = 0.3  # per rad and step

# Where things start, m and rad: +-x, and from which to which y.
BOX_START = (0.05, (-0.80, -0.68), 0.15)
GOAL_START = (0.08, (0.68, 0.80), 0.30)
ROBOT_START = (0.50, (-1.15, -1.0))
ROBOT_SPACING = 0.16  # m

SPEED_BOUND = (4.0, 30.0)  # m/s and rad/s, what is observed is cut to
# The memory: sines and cosines of the yaws; the terms of the reward and their sum; whether the box
# is in place, has been so up to now, and how far the task is done; and a zero.
NOTES = (
    *("box_sin", "box_cos", "goal_sin", "goal_cos"),
    *("distance", "turn", "bonus", "reward"),
    *("placed", "reached", "share", "zero"),
)


class PushboxWorld(TeamWorld):
    """Bring the box past the pillar into its place and direction.

    Entities: the robots, the box, the pillar, the goal: x, y (m), sin and cos of the yaw, vx, vy
    (m/s), yaw rate (rad/s), and a one-hot kind. An agent sees its own place and velocity, then from
    its place the box (x, y, sin, cos of the yaw), the box's velocity (vx, vy, yaw rate), the goal
    (x, y, sin, cos) and the two other robots (x, y). The action is the velocity that it wants,
    1 being 1.6 m/s; it gets it as far as its 6 N allow.

    The state is positions and velocities, and what follows from them and from the past (`NOTES`):
    observations and rewards only pick it up, since numpy's calls would cost more than the physics.
    """

    agents = tuple(f"robot_{i}" for i in range(ROBOTS))
    bodies = (*(f"robot{i}" for i in range(ROBOTS)), "box", "pillar", "goal")
    movable = ("pillar",)  # a heavier box, or more friction, would be more than two can move
    driven = tuple(range(ROBOTS))
    entities = ROBOTS + 3
    feature_names = (
        *("x", "y", "sin", "cos", "vx", "vy", "turning"),
        *("robot", "box", "pillar", "goal"),
    )
    agent_feature_names = (
        *("x", "y", "vx", "vy"),
        *("box_x", "box_y", "box_sin", "box_cos"),
        *("box_vx", "box_vy", "box_turning"),
        *("goal_x", "goal_y", "goal_sin", "goal_cos"),
        *("other_0_x", "other_0_y", "other_1_x", "other_1_y"),
    )
    action_dim = 2
    control_dt = 0.05
    physics_dt = 0.05 / 3
    reads = ("qpos", "qvel")
    memory = len(NOTES)

    def __init__(
        self, *, pixels: int | None = None, view: str = "top", sleep: bool = False
    ) -> None:
        check_pictures(pixels, view)
        self.pixels = pixels
        self.view = view
        self.sleep = sleep
        self._constants = np.zeros((self.entities, self.features), np.float32)
        for row, kind in enumerate([0] * ROBOTS + [1, 2, 3]):
            self._constants[row, 7 + kind] = 1
        self._constants[:ROBOTS, 3] = self._constants[ROBOTS + 1, 3] = (
            1  # what is round looks north
        )
        self._most = self.bounds.astype(np.float64)
        self._agents_most = self.agent_bounds.astype(np.float64)

    def spec(self) -> mujoco.MjSpec:
        from entitybench.envs.team.pushbox_scene import pushbox_scene

        return pushbox_scene(self.physics_dt, self.sleep)

    @property
    def bounds(self) -> Array:
        bounds = np.ones(self.features, np.float32)
        bounds[:2] = ARENA + 0.1
        bounds[4:6], bounds[6] = SPEED_BOUND
        return bounds

    @property
    def agent_bounds(self) -> Array:
        speed, turn = SPEED_BOUND
        own, other = [ARENA + 0.1] * 2, [2 * ARENA + 0.2] * 2
        box = [*other, 1, 1]
        return np.array(
            [*own, speed, speed, *box, speed, speed, turn, *box, *other * 2], np.float32
        )

    # Where things are in the state.

    def _note(self, name: str) -> int:
        return self.slot("memory").start + NOTES.index(name)

    @cached_property
    def _robots(self) -> Array:
        """(3, 2) of the robots' x and y."""
        return np.array([[self.at(f"robot{i}_{axis}") for axis in "xy"] for i in range(ROBOTS)])

    @cached_property
    def _box(self) -> Array:
        """(3,) of the box's x, y and yaw."""
        return np.array([self.at(f"box_{name}") for name in ("x", "y", "yaw")])

    @cached_property
    def _goal(self) -> Array:
        return np.array([self.at(f"goal_{name}") for name in ("x", "y", "yaw")])

    @cached_property
    def _yaws(self) -> Array:
        return np.array([self._box[2], self._goal[2]])

    def _pose(self, body: str) -> list[int]:
        """x, y, sin and cos of the yaw."""
        return [self.at(f"{body}_x"), self.at(f"{body}_y"), *map(self._note, _TURNS[body])]

    @cached_property
    def _rates(self) -> list[int]:
        """(9,) of the velocities: the robots' x and y, the box's x, y and yaw."""
        names = [f"robot{i}_{axis}" for i in range(ROBOTS) for axis in "xy"]
        names += ["box_x", "box_y", "box_yaw"]
        return [self.at(name, velocity=True) for name in names]

    @cached_property
    def _seen(self) -> Array:
        """(N, D): where in the state the entities' features are."""
        rates, zero = self._rates, self._note("zero")
        found = np.full((self.entities, self.features), zero)
        found[:ROBOTS, :2] = self._robots
        found[:ROBOTS, 4:6] = np.reshape(rates[:6], (ROBOTS, 2))
        found[ROBOTS, :4] = self._pose("box")
        found[ROBOTS, 4:7] = rates[6:]
        found[ROBOTS + 2, :4] = self._pose("goal")
        return found

    @cached_property
    def _agents_seen(self) -> tuple[Array, Array]:
        """(M, 19) twice: an agent's features are differences of these numbers of the state."""
        rates, zero = self._rates, self._note("zero")
        plus, minus = np.full((2, ROBOTS, 19), zero)
        for i, own in enumerate(self._robots):
            first, second = (self._robots[j] for j in range(ROBOTS) if j != i)
            plus[i] = [
                *(*own, *rates[2 * i : 2 * i + 2], *self._pose("box"), *rates[6:]),
                *(*self._pose("goal"), *first, *second),
            ]
            for place in (4, 11, 15, 17):
                minus[i, place : place + 2] = own
        return plus, minus

    @cached_property
    def _terms(self) -> Array:
        """(3, M): where the terms of the reward are, which all agents share."""
        return np.repeat([[self._note(name)] for name in ("distance", "turn", "bonus")], ROBOTS, 1)

    @cached_property
    def _sum(self) -> Array:
        return np.full(ROBOTS, self._note("reward"))

    @cached_property
    def _reached(self) -> int:
        return self._note("reached")

    @cached_property
    def _result(self) -> tuple[int, int]:
        return self._note("placed"), self._note("share")

    def start(self, seed: int) -> Start:
        rng = generator(seed, "pushbox-start")
        qpos = np.zeros(self.model.nq)
        for slots, (wide, (low, high), turn) in ((self._box, BOX_START), (self._goal, GOAL_START)):
            qpos[slots] = rng.uniform((-wide, low, -turn), (wide, high, turn))
        wide, (low, high) = ROBOT_START
        while True:
            places = rng.uniform((-wide, low), (wide, high), (ROBOTS, 2))
            gaps = np.hypot(*np.moveaxis(places[:, None] - places[None], -1, 0))
            if (gaps + 9 * np.eye(ROBOTS) >= ROBOT_SPACING).all():
                break
        qpos[self._robots] = places
        state = np.concatenate([qpos, np.zeros(self.state_size - len(qpos))])
        return Start(
            qpos,
            self._constants,
            np.zeros_like(self._constants),
            memory=self.remember(state, np.empty(0), state),
        )

    def control(self, state: Array, action: Array) -> Array:
        del state
        length = np.hypot(action[..., :1], action[..., 1:])
        pushed = action / np.maximum(length, _ONE)
        return pushed.reshape(*pushed.shape[:-2], 2 * ROBOTS)

    def remember(self, before: Array, action: Array, after: Array) -> Array:
        del action
        found = np.zeros((*after.shape[:-1], len(NOTES)))
        # Contiguous arrays, since numpy rounds sines of strided ones differently.
        yaws = after.take(self._yaws, axis=-1)
        np.sin(yaws, out=found[..., 0:4:2])
        np.cos(yaws, out=found[..., 1:4:2])
        gap = after.take(self._box, axis=-1)
        gap -= after.take(self._goal, axis=-1)
        # One episode's are Python's numbers, many are arrays: what follows is the same for both.
        x, y, yaw = gap.tolist() if gap.ndim == 1 else np.moveaxis(gap, -1, 0)
        reached = before[..., self._reached]
        for place, value in enumerate(_notes(x, y, yaw, reached), start=4):
            found[..., place] = value
        return found

    # What is seen.

    def observe(self, state: Array, constants: Array) -> Array:
        found = state.take(self._seen, axis=-1)
        found += constants
        return _cut(found, self._most)

    def observe_agents(self, state: Array, constants: Array) -> Array:
        del constants
        plus, minus = self._agents_seen
        found = state.take(plus, axis=-1)
        found -= state.take(minus, axis=-1)
        return _cut(found, self._agents_most)

    # Rules.

    def reward_terms(self, before: Array, action: Array, after: Array) -> dict[str, Array]:
        """All agents get the same."""
        del before, action
        paid = after.take(self._terms, axis=-1)
        return {"distance": paid[..., 0, :], "turn": paid[..., 1, :], "in_place": paid[..., 2, :]}

    def reward(self, before: Array, action: Array, after: Array) -> Array:
        del before, action
        return after.take(self._sum, axis=-1).astype(np.float32)

    def status(self, state: Array) -> dict[str, Array]:
        """The share is what is done of the way, less than one until the box is in place."""
        placed, share = self._result
        return {
            "is_success": state[..., placed] > 0,
            "success_fraction": state[..., share].astype(np.float32),
        }


def _notes(x: Any, y: Any, yaw: Any, reached: Any) -> tuple[Any, ...]:
    """NOTES from "distance" on, of where the box is from its goal and whether it has been there.

    Nothing but what rounds alike for numbers and arrays.
    """
    far = np.sqrt(x * x + y * y)
    turned = abs((yaw + np.pi) % (2 * np.pi) - np.pi)
    placed = (far < NEAR) & (turned < ALIGNED)
    bonus = BONUS * (placed > reached)
    left = _LEFT - _LEFT * far / _FAR
    share = np.where(placed, 1.0, (left + abs(left)) / 2)
    paid = (-far, -TURN_COST * turned, bonus)
    return (*paid, paid[0] + paid[1] + bonus, placed, placed | (reached > 0), share)


def _cut(found: Array, most: Array) -> Array:
    """Float32, in +-most."""
    np.minimum(found, most, out=found)
    np.maximum(found, -most, out=found)
    return found.astype(np.float32)


_TURNS = {"box": ("box_sin", "box_cos"), "goal": ("goal_sin", "goal_cos")}
_ONE = np.ones(1)
_FAR = 1.48  # m, from the middle of the starts to that of the goals
_LEFT = 0.99
