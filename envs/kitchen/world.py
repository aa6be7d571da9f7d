"""A kitchen with nine things to operate, before an arm or a gantry's hand.

`KitchenWorld` has goals: values that the elements asked for should have. `KitchenTasksWorld` has
FrankaKitchen's and D4RL's reward instead: 1 for each element of a list when it is first done.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.core.world import GoalWorld, RewardWorld, Start, World
from entitybench.envs.drawing.edges import check_observed
from entitybench.envs.kitchen import elements as k
from entitybench.envs.kitchen import panda
from entitybench.errors import BadValue, unknown
from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Sequence

    import mujoco

    from entitybench.types import Array

VIEWS = ("top", "side", "front")
ROBOTS = ("arm", "gripper")
SPEED = 2.0  # rad/s (fingers: m/s) by which an action of 1 moves a joint's target, as the peer's
REACH = (0.06, 0.06, 0.06, 0.3)  # m and rad, how far ahead a gantry's action of 1 sets its target
# The arm's posture at the start: the hand before the stove, pointing forward and down.
HOME = (0.23, -0.71, 0.47, -2.80, -0.13, 2.73, 1.48)
HAND_HOME = (-0.25, 0.24, 0.45, 0.0)  # of the gantry: x, y, z of the body it carries, and yaw
# Where it starts if the slide cabinet is all that is asked for: from HAND_HOME the largest action
# in every dimension leads to the cabinet's bar, and opened it at 90 of 100 starts.
HAND_ASIDE = (0.05, 0.24, 0.45, 0.0)
JITTER = 0.05  # rad and m, how far the robot's joints are from there at the start, at most
KETTLE_JITTER = 0.02  # m, likewise the kettle's place, in x and y


_COUNT = np.arange(len(k.ELEMENTS) + 1)
# By how many are done and how many are asked for: their share, 1 where nothing is asked for.
_SHARES = np.where(_COUNT > 0, _COUNT[:, None] / np.maximum(_COUNT, 1), 1.0).astype(np.float32)
_NEAR = np.full(len(k.ELEMENTS), k.THRESHOLD**2, np.float32)


class KitchenBase(World):
    """The kitchen, whatever is scored.

    Entities: the robot, then the elements in the order of `elements.NAMES`. Features: see
    `feature_names`; positions in m are those of the grip point and of the handles.
    """

    control_dt = 0.08
    physics_dt = 0.005
    reads = ("qpos", "site_xpos", "site_xmat")
    entities = 1 + len(k.ELEMENTS)

    def __init__(
        self,
        robot: str = "arm",
        *,
        pixels: int | None = None,
        view: str = "top",
        sleep: bool = False,
    ) -> None:
        if robot not in ROBOTS:
            raise unknown("robot", robot, ROBOTS, see="docs/kitchen.md")
        check_observed(pixels, view, VIEWS)
        self.robot, self.pixels, self.view, self.sleep = robot, pixels, view, sleep
        arm = robot == "arm"
        self.home: tuple[float, ...] = HOME if arm else HAND_HOME
        self.action_dim = 9 if arm else 5
        self.feature_names = (
            *("x", "y", "z", "turn0", "turn1", "value0", "value1", "asked", "finger0", "finger1"),
            *((f"joint{i + 1}" for i in range(panda.JOINTS)) if arm else ()),
            *(f"is_{name}" for name in ("robot", *k.NAMES)),
        )
        self._kinds = len(self.feature_names) - self.entities  # where the one-hot begins
        # What a value in an observation is in rad or m; of the rest, what counts towards a goal.
        self._scale = np.zeros((self.entities, 7), np.float32)
        for element in k.ELEMENTS:
            for i, (low, high) in enumerate(element.ranges):
                self._scale[k.ROW[element.name], 5 + i] = high if high > 0 else low
        self._scale[k.ROW["kettle"], :5] = 1

    def spec(self) -> mujoco.MjSpec:
        from entitybench.envs.kitchen.scene import kitchen_scene

        return kitchen_scene(self.robot, self.physics_dt, self.sleep)

    @property
    def fixed_names(self) -> tuple[str, ...]:
        return self.feature_names[self._kinds :]

    @property
    def bodies(self) -> tuple[str, ...]:
        return ("robot", *k.NAMES)

    @property
    def bounds(self) -> Array:
        bounds = np.full(self.features, 1.5, np.float32)  # joint limits are a little soft
        bounds[:3] = 2.0
        return bounds

    @cached_property
    def _joints(self) -> tuple[str, ...]:
        """The robot's joints, fingers last: the order of its actuators."""
        names = [f"panda{i + 1}" for i in range(panda.JOINTS)]
        if self.robot == "gripper":
            names = [f"robot_{axis}" for axis in ("x", "y", "z", "yaw")]
        return (*names, "finger_left", "finger_right")

    @cached_property
    def _robot(self) -> Array:
        """Where the robot's joints are in the state."""
        return np.array([self.at(joint) for joint in self._joints])

    @cached_property
    def _targets(self) -> tuple[Array, Array]:
        """By how much an action of 1 changes the robot's targets, and which action each takes."""
        if self.robot == "arm":
            return np.full(9, SPEED * self.control_dt), np.arange(9)
        return np.array([*REACH, *[SPEED * self.control_dt] * 2]), np.array([0, 1, 2, 3, 4, 4])

    @cached_property
    def _places(self) -> Array:
        """(N, 3): where the entities' positions are in the state."""
        first = self.slot("site_xpos").start
        sites = [self.model.site(name).id for name in ("grip", *k.NAMES)]
        return first + 3 * np.array(sites)[:, None] + np.arange(3)

    @cached_property
    def _values(self) -> tuple[Array, Array, Array]:
        """Rows, columns 0 or 1 and places in the state of the values, and what 1 is, (4, n)."""
        rows, columns, places, units = [], [], [], []
        for element in k.ELEMENTS:
            for i, (low, high) in enumerate(element.ranges):
                joint = element.joints[min(i, len(element.joints) - 1)]
                rows.append(k.ROW[element.name])
                columns.append(5 + i)
                places.append(self.at(joint))
                unit = high if high > 0 else low
                units.append(unit / element.follows if i and element.follows else unit)
        index = np.array(rows) * self.features + np.array(columns)
        return index, np.array(places), 1 / np.array(units)

    @cached_property
    def _turns(self) -> tuple[Array, Array]:
        """Where in the state the hand's direction (x, y), and the kettle's cos and sin are."""
        first = self.slot("site_xmat").start
        hand, kettle = (first + 9 * self.model.site(name).id for name in ("grip", "kettle"))
        return np.array([hand + 2, hand + 5]), np.array([kettle, kettle + 3])

    def refresh(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        import mujoco

        mujoco.mj_kinematics(model, data)

    def control(self, state: Array, action: Array) -> Array:
        # As the peer does: the target is ahead of where the joint is, not of its last target.
        step, source = self._targets
        return state.take(self._robot, axis=-1) + step * action.take(source, axis=-1)

    def observe(self, state: Array, constants: Array) -> Array:
        observation = constants.copy()
        observation[..., :3] = state.take(self._places, axis=-1)
        hand, kettle = self._turns
        observation[..., 0, 3:5] = state.take(hand, axis=-1)
        row = k.ROW["kettle"]
        observation[..., row, 3], observation[..., row, 4] = _half(state.take(kettle, axis=-1))
        index, places, units = self._values
        flat = observation.reshape(*observation.shape[:-2], -1)
        flat[..., index] = state.take(places, axis=-1) * units
        joints = state.take(self._robot, axis=-1)
        observation[..., 0, 8:10] = joints[..., -2:] / k.OPEN
        if self.robot == "arm":
            observation[..., 0, 10:17] = joints[..., :7] / np.pi
        return observation

    def _begin(self, seed: int) -> tuple[Array, Array]:
        """Positions and constants of a start."""
        rng = generator(seed, "kitchen-start")
        qpos = np.zeros(self.model.nq)
        qpos[self._robot[:-2]] = self.home + rng.uniform(-JITTER, JITTER, len(self.home))
        kettle = np.array(k.KETTLE_START) + rng.uniform(-KETTLE_JITTER, KETTLE_JITTER, 2)
        qpos[[self.at("kettle_x"), self.at("kettle_y")]] = kettle
        qpos[self._robot[-2:]] = k.OPEN / 2
        constants = np.zeros((self.entities, self.features), np.float32)
        constants[np.arange(self.entities), self._kinds + np.arange(self.entities)] = 1
        return qpos, constants

    def goal_rows(self) -> Array:
        """(N, D): the goal that asks for everything; the robot's row is zero."""
        goal = np.zeros((self.entities, self.features), np.float32)
        for element in k.ELEMENTS:
            row = k.ROW[element.name]
            for i, value in enumerate(element.goal):
                goal[row, 5 + i] = value / self._scale[row, 5 + i]
            goal[row, self._kinds + row] = 1
        kettle = k.ROW["kettle"]
        goal[kettle, :3] = (*k.KETTLE_GOAL, k.KETTLE_HEIGHT)
        goal[kettle, 3:5] = k.KETTLE_QUATERNION
        goal[1:, 7] = 1
        return goal

    def near(self, entities: Array, desired: Array) -> Array:
        """Which elements are where the rows (..., N, D) want them, asked or not: bool (..., N - 1).

        The distance of the peer: Euclidean over an element's values in rad and m.
        """
        gap = entities[..., 1:, :7] - desired[..., 1:, :7]
        gap *= self._scale[1:]
        gap *= gap
        return np.add.reduce(gap, -1) < _NEAR


class KitchenWorld(KitchenBase, GoalWorld):
    """Goals: values of some elements. Rows of elements that are not asked for are zero."""

    def __init__(
        self,
        robot: str = "arm",
        *,
        asked: str | Sequence[str] | None = None,
        pixels: int | None = None,
        view: str = "top",
        sleep: bool = False,
    ) -> None:
        """Make it.

        Args:
            robot: "arm" or "gripper".
            asked: the element, or elements, that goals ask for; None: some, drawn for each episode.
        """
        super().__init__(robot, pixels=pixels, view=view, sleep=sleep)
        self.asked = (asked,) if isinstance(asked, str) else tuple(asked or ())
        for name in self.asked:
            if name not in k.NAMES:
                raise unknown("element", name, k.NAMES, see="docs/kitchen.md")
        if robot == "gripper" and self.asked == ("slide-cabinet",):
            self.home = HAND_ASIDE

    def start(self, seed: int) -> Start:
        qpos, constants = self._begin(seed)
        rows = [k.ROW[name] for name in self.asked]
        if not rows:
            rng = generator(seed, "kitchen-goal")
            count = int(rng.integers(1, len(k.ELEMENTS) + 1))
            rows = [1 + int(i) for i in rng.permutation(len(k.ELEMENTS))[:count]]
        goal = np.zeros_like(constants)
        goal[rows] = self.goal_rows()[rows]
        return Start(qpos, constants, goal)

    def achieved(self, observation: Array) -> Array:
        achieved = observation.copy()
        achieved[..., 0, :] = 0
        achieved[..., 8 : self._kinds] = 0
        achieved[..., 1:, 7] = 1
        # A goal says where the kettle should be, and of the others what values they should have.
        achieved[..., 1:, :5] *= self._scale[1:, :5]
        return achieved

    def solved(self, achieved: Array, desired: Array) -> Array:
        """An element that is not asked for is well as it is."""
        return self.near(achieved, desired) | (desired[..., 1:, 7] < 0.5)

    def success_fraction(self, achieved: Array, desired: Array) -> Array:
        """The share of the elements asked for that are done: float32 (...)."""
        asked = desired[..., 1:, 7] >= 0.5
        done = np.add.reduce(asked & self.near(achieved, desired), -1)
        return _SHARES[done, np.add.reduce(asked, -1)]

    def judge(self, achieved: Array, desired: Array) -> dict[str, Array]:
        asked = desired[..., 1:, 7] >= 0.5
        count = np.add.reduce(asked, -1)
        done = np.add.reduce(asked & self.near(achieved, desired), -1)
        success = done == count
        terms = self.reward_terms(achieved, desired, success)
        return {
            "reward": terms["unsolved"],
            "is_success": success,
            "success_fraction": _SHARES[done, count],
        }

    def goal_qpos(self, goal: Array) -> Array:
        qpos = np.zeros(self.model.nq)
        qpos[[self.at("kettle_x"), self.at("kettle_y")]] = k.KETTLE_START
        for element in k.ELEMENTS:
            row = goal[k.ROW[element.name]]
            if row[7] < 0.5:
                continue
            if element.name == "kettle":
                yaw = 2 * np.arctan2(row[4], row[3])
                qpos[[self.at(joint) for joint in element.joints]] = (row[0], row[1], yaw)
            else:
                for i, joint in enumerate(element.joints):
                    qpos[self.at(joint)] = row[5 + i] * self._scale[k.ROW[element.name], 5 + i]
        return qpos

    def marks(self, goal: Array) -> list[tuple[Array, Array, Array]]:
        return _marks(self, np.flatnonzero(goal[1:, 7] >= 0.5) + 1)


class KitchenTasksWorld(KitchenBase, RewardWorld):
    """A list of elements: reward 1 when one is first done, which takes it off the list.

    The feature "asked" of an element is 1 while it is on the list. The episode ends when the list
    is empty.
    """

    memory = len(k.ELEMENTS)  # 1 for each element that is still on the list
    terminates = True

    def __init__(
        self,
        robot: str = "arm",
        *,
        tasks: Sequence[str] = k.FOUR,
        pixels: int | None = None,
        view: str = "top",
        sleep: bool = False,
    ) -> None:
        super().__init__(robot, pixels=pixels, view=view, sleep=sleep)
        for name in tasks:
            if name not in k.NAMES:
                raise unknown("element", name, k.NAMES, see="docs/kitchen.md")
        if not tasks or len(set(tasks)) < len(tasks):
            raise BadValue(f"tasks are elements, at least one, each once: got {list(tasks)}.")
        self.tasks = tuple(tasks)

    def start(self, seed: int) -> Start:
        qpos, constants = self._begin(seed)
        todo = np.array([float(name in self.tasks) for name in k.NAMES])
        return Start(qpos, constants, np.zeros_like(constants), memory=todo)

    def without(self, start: Start, absent: Array) -> Start:
        """Elements that are absent are on no list."""
        assert start.memory is not None
        return replace(start, absent=absent, memory=np.where(absent[1:], 0.0, start.memory))

    def observe(self, state: Array, constants: Array) -> Array:
        observation = super().observe(state, constants)
        observation[..., 1:, 7] = state[..., self.slot("memory")]
        return observation

    def remember(self, before: Array, action: Array, after: Array) -> Array:
        del before, action
        todo = after[..., self.slot("memory")]
        return np.where(self._done(after), 0.0, todo)

    @cached_property
    def _wanted(self) -> tuple[Array, Array, Array]:
        """Places in the state (N - 1, 2) of the values, factors that make them rad or m, goals."""
        places = np.zeros((len(k.ELEMENTS), 2), np.intp)
        factors, goals = np.zeros((2, len(k.ELEMENTS), 2))
        for i, element in enumerate(k.ELEMENTS):
            if element.name == "kettle":  # its yaw is no value of the peer's
                places[i] = [self.at("kettle_x"), self.at("kettle_y")]
                factors[i], goals[i] = 1, k.KETTLE_GOAL
                continue
            for j, goal in enumerate(element.goal):
                places[i, j] = self.at(element.joints[min(j, len(element.joints) - 1)])
                factors[i, j] = element.follows if j and element.follows else 1
                goals[i, j] = goal
        return places, factors, goals

    def _done(self, state: Array) -> Array:
        """Which elements are at their goals: bool (..., N - 1). As `near`, straight from states."""
        places, factors, goals = self._wanted
        gap = state.take(places, axis=-1)
        gap *= factors
        gap -= goals
        gap *= gap
        total = np.add.reduce(gap, -1)
        w, z = _half(state.take(self._turns[1], axis=-1))
        w, z = w - k.KETTLE_QUATERNION[0], z - k.KETTLE_QUATERNION[1]
        total[..., k.ROW["kettle"] - 1] += w * w + z * z
        return total < k.THRESHOLD**2

    def reward_terms(self, before: Array, action: Array, after: Array) -> dict[str, Array]:
        del action
        slot = self.slot("memory")
        return {"done": np.add.reduce(before[..., slot] - after[..., slot], -1)}

    def status(self, state: Array) -> dict[str, Array]:
        left = np.add.reduce(state[..., self.slot("memory")], -1)
        count = len(self.tasks)
        return {
            "is_success": left == 0,
            "success_fraction": ((count - left) / count).astype(np.float32),
        }

    def terminated(self, state: Array) -> Array:
        return np.add.reduce(state[..., self.slot("memory")], -1) == 0


def _half(turn: Array) -> tuple[Array, Array]:
    """Cosine and sine (...) of half an angle whose cosine and sine (..., 2) are given."""
    # Without a trigonometric function: a square root is rounded alike everywhere.
    cos = 0.5 * turn[..., 0]
    sin = np.copysign(np.sqrt(np.maximum(0.5 - cos, 0.0)), turn[..., 1])
    return np.sqrt(np.maximum(0.5 + cos, 0.0)), sin


def _marks(world: KitchenBase, rows: Array) -> list[tuple[Array, Array, Array]]:
    """A small green lamp beside each element that is asked for."""
    marks = []
    for row in rows:
        body = world.model.body(world.bodies[row])
        place = np.array(body.pos) + np.array([0.0, -0.02, 0.0])
        if world.bodies[row] == "kettle":
            place = np.array([*k.KETTLE_GOAL, 0.002])
        marks.append((place, np.array([0.02, 0.02, 0.002]), np.array([0.1, 0.8, 0.2, 0.7])))
    return marks
