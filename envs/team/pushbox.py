"""Three round robots, a box too heavy for one, a pillar in the way."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.core.starts import all_apart, drawn
from entitybench.envs.core.world import Start, TeamWorld
from entitybench.envs.drawing.edges import check_observed
from entitybench.envs.team.particles import VIEWS
from entitybench.envs.team.pushbox_sizes import ARENA, BOX_HALF, ROBOT_RADIUS, ROBOTS
from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Callable

    import mujoco

    from entitybench.types import Array

    # Sines, cosines and square roots, of numbers or of arrays, that round alike.
    Functions = tuple[Callable[[Any], Any], Callable[[Any], Any], Callable[[Any], Any]]

NEAR, ALIGNED = 0.05, 0.2  # m, rad: success
TOUCH = 0.01  # m, a robot so near to the box pushes it
PUSHERS = ((0, 1), (0, 2), (1, 2), (0, 1, 2))  # who can: one alone cannot move it
BONUS = 10.0
TURN_COST = 0.3  # per rad and step

# Where things start, m and rad: +-x, and from which to which y.
BOX_START = (0.05, (-0.80, -0.68), 0.15)
GOAL_START = (0.08, (0.68, 0.80), 0.30)
ROBOT_START = (0.50, (-1.15, -1.0))
ROBOT_SPACING = 0.16  # m

SPEED_BOUND = (4.0, 30.0)  # m/s and rad/s, what is observed is cut to
# The memory. What changes: sine and cosine of the box's yaw; the terms of the reward and their sum;
# whether the box is in place, has been so up to now, and how far the task is done. What stays: the
# goal, and two numbers.
CHANGING = (
    *("box_sin", "box_cos", "distance", "turn", "bonus", "reward"),
    *("placed", "reached", "share"),
)
NOTES = (*CHANGING, "goal_x", "goal_y", "goal_yaw", "goal_sin", "goal_cos", "zero", "one")


class PushboxWorld(TeamWorld):
    """Bring the box past the pillar into its place and direction.

    Entities: the robots, the box, the pillar, the goal: x, y (m), sin and cos of the yaw, vx, vy
    (m/s), yaw rate (rad/s), and a one-hot kind. An agent sees its own place and velocity, then from
    its place the box (x, y, sin, cos of the yaw), the box's velocity (vx, vy, yaw rate), the goal
    (x, y, sin, cos) and the two other robots (x, y). The action is the velocity that it wants,
    1 being 1.6 m/s; it gets it as far as its 6 N allow.

    The state is positions and velocities, the goal, and what follows from them and from the past
    (`NOTES`): observations and rewards only pick it up, as numpy's calls would cost more than the
    physics.
    """

    alone_class = "entitybench.envs.team.alone:PushboxAlone"
    agents = tuple(f"robot_{i}" for i in range(ROBOTS))
    bodies = (*(f"robot{i}" for i in range(ROBOTS)), "box", "pillar", "goal")
    movable = ("pillar",)  # a heavier box would be more than two can move
    perturbations = ("colour", "size", "latency")
    driven = tuple(range(ROBOTS))
    conventions = tuple(" and ".join(map(str, pushers)) for pushers in PUSHERS)
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
    physics_dt = 0.025
    reads = ("qpos", "qvel")
    memory = len(NOTES)

    def __init__(
        self, *, pixels: int | None = None, view: str = "top", sleep: bool = False
    ) -> None:
        check_observed(pixels, view, VIEWS)
        self.pixels = pixels
        self.view = view
        self.sleep = sleep
        self._constants = np.zeros((self.entities, self.features), np.float32)
        self._constants[np.arange(self.entities), [7] * ROBOTS + [8, 9, 10]] = 1
        self._constants[[*range(ROBOTS), ROBOTS + 1], 3] = 1  # what is round looks north
        each = [np.tile(self.bounds, self.entities), np.tile(self.agent_bounds, ROBOTS)]
        self._most = np.concatenate(each)
        self._least = -self._most

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
    def robots(self) -> Array:
        """(3, 2) of the robots' x and y."""
        return np.array([[self.at(f"robot{i}_{axis}") for axis in "xy"] for i in range(ROBOTS)])

    @cached_property
    def box(self) -> Array:
        """(3,) of the box's x, y and yaw."""
        return np.array([self.at(f"box_{name}") for name in ("x", "y", "yaw")])

    @cached_property
    def _goal(self) -> Array:
        """(3,) of the goal's x, y and yaw."""
        return np.array([self._note(f"goal_{name}") for name in ("x", "y", "yaw")])

    @cached_property
    def _poses(self) -> tuple[list[int], list[int]]:
        """Of the box and of the goal: x, y, sin and cos of the yaw."""
        return (
            [*self.box[:2], *map(self._note, ("box_sin", "box_cos"))],
            [*self._goal[:2], *map(self._note, ("goal_sin", "goal_cos"))],
        )

    @cached_property
    def rates(self) -> list[int]:
        """(9,) of the velocities: the robots' x and y, the box's x, y and yaw."""
        names = [f"robot{i}_{axis}" for i in range(ROBOTS) for axis in "xy"]
        names += ["box_x", "box_y", "box_yaw"]
        return [self.at(name, velocity=True) for name in names]

    @cached_property
    def picked(self) -> tuple[Array, Array]:
        """Twice (N D + 19 M,): all that is seen is differences of these numbers of the state."""
        rates, (box, goal) = self.rates, self._poses
        zero, one = self._note("zero"), self._note("one")
        entities = np.where(self._constants > 0, one, zero)
        entities[:ROBOTS, :2] = self.robots
        entities[:ROBOTS, 4:6] = np.reshape(rates[:6], (ROBOTS, 2))
        entities[ROBOTS, :7] = [*box, *rates[6:]]
        entities[ROBOTS + 2, :4] = goal
        agents, own_place = np.full((2, ROBOTS, 19), zero)
        for i, own in enumerate(self.robots):
            first, second = (self.robots[j] for j in range(ROBOTS) if j != i)
            speed = rates[2 * i : 2 * i + 2]
            agents[i] = [*own, *speed, *box, *rates[6:], *goal, *first, *second]
            for place in (4, 11, 15, 17):
                own_place[i, place : place + 2] = own
        nothing = np.full(entities.size, zero)
        return (
            np.concatenate([entities.ravel(), agents.ravel()]),
            np.concatenate([nothing, own_place.ravel()]),
        )

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
    def _result(self) -> tuple[Any, Any]:
        return self._note("placed"), self._note("share")

    @cached_property
    def noted(self) -> slice:
        return self.slot("memory")

    @cached_property
    def told(self) -> Array:
        """(7,): what `remember` looks at."""
        return np.array([*self.box, *self._goal, self._note("reached")])

    def start(self, seed: int) -> Start:
        rng = generator(seed, "pushbox-start")
        qpos, notes = np.zeros(self.model.nq), np.zeros(len(NOTES))
        box, goal = (
            rng.uniform((-wide, low, -turn), (wide, high, turn))
            for wide, (low, high), turn in (BOX_START, GOAL_START)
        )
        wide, (low, high) = ROBOT_START
        places = drawn(
            lambda: rng.uniform((-wide, low), (wide, high), (ROBOTS, 2)),
            lambda places: all_apart(places, ROBOT_SPACING),
            f"{ROBOTS} robots, {ROBOT_SPACING:g} m apart",
        )
        qpos[self.robots], qpos[self.box] = places, box
        turned = math.sin(goal[2]), math.cos(goal[2])
        notes[len(CHANGING) :] = [*goal, *turned, 0, 1]
        state = np.concatenate([qpos, np.zeros(self.model.nv), notes])
        constants = self._constants.copy()
        constants[-1, :4] = [*goal[:2], *turned]  # for pictures
        return Start(
            qpos,
            constants,
            np.zeros_like(constants),
            memory=self.remember(state, np.empty(0), state),
        )

    def control(self, state: Array, action: Array) -> Array:
        del state
        square = action * action
        length = np.sqrt(square[..., :1] + square[..., 1:])
        pushed = action / np.maximum(length, _ONE)
        return pushed.reshape(*pushed.shape[:-2], 2 * ROBOTS)

    def remember(self, before: Array, action: Array, after: Array) -> Array:
        del before, action
        found = after[..., self.noted].copy()
        told = after.take(self.told, axis=-1, mode="clip")
        # One episode's are Python's numbers, many are arrays: the same follows from both.
        if told.ndim == 1:
            found[: len(CHANGING)] = notes(told.tolist(), NUMBERS)
        else:
            for place, value in enumerate(notes(np.moveaxis(told, -1, 0), _ARRAYS)):
                found[..., place] = value
        return found

    # What is seen.

    def see(self, state: Array, constants: Array) -> tuple[Array, Array]:
        del constants
        this, less = self.picked
        both = state.take(this, axis=-1, mode="clip")  # a mode that needs no check of the places
        both -= state.take(less, axis=-1, mode="clip")
        both = both.astype(np.float32)
        np.minimum(both, self._most, out=both)
        np.maximum(both, self._least, out=both)
        lead, split = state.shape[:-1], self.entities * self.features
        entities = both[..., :split].reshape(*lead, self.entities, self.features)
        return entities, both[..., split:].reshape(*lead, ROBOTS, -1)

    def observe(self, state: Array, constants: Array) -> Array:
        return self.see(state, constants)[0]

    def observe_agents(self, state: Array, constants: Array) -> Array:
        return self.see(state, constants)[1]

    def paint(self, model: mujoco.MjModel, constants: Array) -> None:
        """Put the goal where the episode has it."""
        goal = model.body("goal")
        x, y, sin, cos = constants[-1, :4]
        goal.pos[:2] = x, y
        half = math.atan2(sin, cos) / 2
        goal.quat[:] = math.cos(half), 0, 0, math.sin(half)

    # Rules.

    def reward_terms(self, before: Array, action: Array, after: Array) -> dict[str, Array]:
        """All agents get the same."""
        del before, action
        paid = after.take(self._terms, axis=-1)
        return {"distance": paid[..., 0, :], "turn": paid[..., 1, :], "in_place": paid[..., 2, :]}

    def reward(self, before: Array, action: Array, after: Array) -> Array:
        del before, action
        return after.take(self._sum, axis=-1, mode="clip").astype(np.float32)

    def status(self, state: Array) -> dict[str, Array]:
        """The share is what is done of the way, less than one until the box is in place."""
        placed, share = self._result
        if state.ndim > 1:
            placed, share = (..., placed), (..., share)
        return {
            "is_success": state[placed] > 0,
            "success_fraction": state[share].astype(np.float32),
        }

    def convention(self, state: Array) -> Array:
        """Which robots push the box."""
        x, y, yaw = np.moveaxis(state[..., self.box], -1, 0)[..., None]
        sin, cos = np.sin(yaw), np.cos(yaw)
        robots = state[..., self.robots]
        right, ahead = robots[..., 0] - x, robots[..., 1] - y
        away = [
            np.maximum(np.abs(part) - half, 0)
            for part, half in zip(
                (cos * right + sin * ahead, cos * ahead - sin * right), BOX_HALF, strict=True
            )
        ]
        near = np.hypot(*away) < ROBOT_RADIUS + TOUCH  # (..., 3)
        which = (near * (1, 2, 4)).sum(axis=-1)
        return _CONVENTION[which]


def notes(told: Any, how: Functions) -> tuple[Any, ...]:
    """CHANGING, of seven numbers or arrays: the box's pose, the goal's, and "reached" before.

    Nothing but what rounds alike for numbers and arrays.
    """
    x, y, yaw, to_x, to_y, to_yaw, reached = told
    sin, cos, sqrt = how
    x, y = x - to_x, y - to_y
    far = sqrt(x * x + y * y)
    turned = abs((yaw - to_yaw + math.pi) % (2 * math.pi) - math.pi)
    placed = (far < NEAR) & (turned < ALIGNED)
    bonus = BONUS * (placed > reached)
    left = _LEFT - _LEFT * far / _FAR
    share = placed + (1 - placed) * (left + abs(left)) / 2
    paid = -far, -TURN_COST * turned, bonus
    return (
        *(sin(yaw), cos(yaw), *paid, paid[0] + paid[1] + bonus),
        *(placed, placed | (reached > 0), share),
    )


def _each(function: Callable[[float], float]) -> Callable[[Array], Array]:
    """A function of numbers for arrays: numpy's sines round otherwise, by what is beside them."""

    def of(values: Array) -> Array:
        found = [function(value) for value in values.ravel().tolist()]
        return np.array(found).reshape(values.shape)

    return of


NUMBERS: Functions = (math.sin, math.cos, math.sqrt)
_ARRAYS: Functions = (_each(math.sin), _each(math.cos), np.sqrt)
_ONE = np.ones(1)
_CONVENTION = np.full(2**ROBOTS, -1)  # by the sum of 2^i over the robots i that push
_CONVENTION[[sum(2**robot for robot in pushers) for pushers in PUSHERS]] = range(len(PUSHERS))
_FAR = 1.48  # m, from the middle of the starts to that of the goals
_LEFT = 0.99
