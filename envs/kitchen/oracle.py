"""The scripted solver: one element after the other, each by way-points in task space.

An element is approached, entered, grasped if need be, moved along its way, let go and left. The
gantry takes poses as they are; the arm follows them by damped least squares over its Jacobian.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.api import world_as
from entitybench.envs.kitchen import elements as k
from entitybench.envs.kitchen import panda
from entitybench.envs.kitchen.scripts import direction, scripts
from entitybench.envs.kitchen.world import REACH, SPEED, KitchenBase, KitchenTasksWorld
from entitybench.envs.parts.observed import goal_of
from entitybench.envs.parts.vectors import cross

if TYPE_CHECKING:
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs, TaskSpec

BEFORE, ENTER, GRASP, WORK, RELEASE, LEAVE = range(6)  # stages
PATIENCE = np.array([70, 30, 8, 90, 4, 25])  # control steps after which a stage is over anyway
# m and rad/10, near enough to a way-point, by stage.
ARRIVED = np.array([0.03, 0.015, 0.0, 0.0, 0.0, 0.03])
# A posture with room in all joints, which the arm leans to as far as its hand's pose allows.
REST = np.array([0.35, -0.45, 0.15, -2.35, -0.25, 2.75, 0.95])
DONE = 0.27  # distance of an element's values from its goal at which it is left alone
RELEASED = 0.55  # how far fingers open round a handle to let it go: there is a door beside it
USUAL = 0.002  # m, within which a handle is where it usually is
DEEP = 0.012  # m, how far beyond the grip point a handle is taken
LOST = 0.06  # m between a grasped handle and the hand: start again


@dataclass(slots=True)
class OracleState:
    """What each of B episodes is at."""

    element: Array  # (B,) int, index into `elements.NAMES`; -1: none
    stage: Array  # (B,) int
    age: Array  # (B,) control steps in this stage
    last: Array  # (B,) int, the element that was taken up last; -1: none


class KitchenOracle:
    """Solves the kitchen's tasks from the entities and their goals."""

    def __init__(self, task: TaskSpec | str) -> None:
        world = world_as(task, KitchenBase)
        self.world = world
        self.scripts = scripts(world.robot)
        self._goal = world.goal_rows()
        self._grasps = np.array([script.grasps for script in self.scripts])
        self._falls = np.array([script.lead < 0 for script in self.scripts])
        self._targets = np.array([script.target for script in self.scripts])

    def initial_state(self, batch: int) -> OracleState:
        return OracleState(
            element=np.full(batch, -1),
            stage=np.zeros(batch, np.int64),
            age=np.zeros(batch, np.int64),
            last=np.full(batch, -1),
        )

    def act(self, obs: Obs, state: OracleState, rng: BatchGenerator) -> tuple[Array, OracleState]:
        del rng
        entities = obs.get("state", obs["observation"]).astype(np.float64)
        if isinstance(self.world, KitchenTasksWorld):
            goal = np.broadcast_to(self._goal, entities.shape).astype(np.float64)
            todo = entities[:, 1:, 7] > 0.5
        else:
            goal = goal_of(obs).astype(np.float64)
            todo = (goal[:, 1:, 7] > 0.5) & ~self.near(entities, goal, DONE)
        state = self.advance(entities, goal, self.choose(self.wishes(todo, state), state))
        pose, fingers, _ = self.follow(entities, goal, state)
        idle = state.element < 0
        action = self.steer(entities, pose, np.where(state.stage == WORK, 3.0, 1.6))
        action[idle] = 0.0
        # The fingers' own target, from where they are.
        grip = (fingers - entities[:, 0, 8:10].mean(-1)) * k.OPEN / (SPEED * self.world.control_dt)
        grip = np.where(idle, 0.0, np.clip(grip, -1.0, 1.0))
        hands = 2 if self.world.robot == "arm" else 1
        return np.concatenate([action, np.repeat(grip[:, None], hands, axis=1)], axis=1), state

    def wishes(self, todo: Array, state: OracleState) -> Array:
        """Which elements are to be operated, of those that should be: bool (B, N - 1)."""
        del state
        return todo

    def near(self, entities: Array, goal: Array, distance: float) -> Array:
        """Which elements are within a distance of their goals: bool (B, N - 1)."""
        gap = (entities[:, 1:, :7] - goal[:, 1:, :7]) * self.world._scale[1:]
        return (gap * gap).sum(-1) < distance**2

    def choose(self, todo: Array, state: OracleState) -> OracleState:
        """The next element in order, for rows that are at none: after a failure, another one."""
        count = todo.shape[1]
        turn = (np.arange(count) - state.last[:, None] - 1) % count
        first = np.argmin(np.where(todo, turn, count), axis=1)
        first = np.where(todo.any(axis=1), first, -1)
        free = state.element < 0
        return replace(
            state,
            element=np.where(free, first, state.element),
            stage=np.where(free, BEFORE, state.stage),
            age=np.where(free, 0, state.age + 1),
            last=np.where(free & (first >= 0), first, state.last),
        )

    def advance(self, entities: Array, goal: Array, state: OracleState) -> OracleState:
        """What each row is at, now that the entities are there."""
        pose, _, value = self.follow(entities, goal, state)
        hand, stage = entities[:, 0, :3], state.stage
        turned = self.pointing(entities) - direction(pose[:, 3], pose[:, 4])
        gap = _length(hand - pose[:, :3]) + 0.1 * _length(turned)
        handle = entities[np.arange(len(entities)), 1 + state.element, :3]
        grasps, target = self._grasps[state.element], self.ends(state)
        done = np.where(self._falls[state.element], value <= target, value >= target)
        lost = grasps & (stage == WORK) & (_length(hand - handle) > LOST)
        over = np.where(stage == WORK, done, gap < ARRIVED[stage])
        over |= state.age >= PATIENCE[stage]
        after = np.where(over, stage + 1, stage)
        after = np.where((after == GRASP) & ~grasps, WORK, after)
        after = np.where((after == RELEASE) & ~grasps, LEAVE, after)
        after = np.where(lost, RELEASE, after)
        finished = after > LEAVE
        return replace(
            state,
            element=np.where(finished, -1, state.element),
            stage=np.where(finished, BEFORE, after),
            age=np.where(after != stage, 0, state.age),
        )

    def follow(
        self, entities: Array, goal: Array, state: OracleState
    ) -> tuple[Array, Array, Array]:
        """Poses (B, 5), how far the fingers should be open (B,), and the elements' values (B,)."""
        batch = len(entities)
        pose, fingers, values = np.zeros((batch, 5)), np.zeros(batch), np.zeros(batch)
        ends, short = self.ends(state), self.short(state)
        for index, script in enumerate(self.scripts):
            rows = np.flatnonzero(state.element == index)
            if not len(rows):
                continue
            mine, wanted = entities[rows, 1 + index], goal[rows, 1 + index]
            at = state.stage[rows]
            value = values[rows] = self.value(index, mine, wanted)
            lead = np.where(at == WORK, script.aim(value, ends[rows]), 0.0)
            target = script.path(mine, value, lead, wanted)
            if script.grasps:
                # The bar of a smaller or larger door is not where it usually is.
                shift = mine[:, :3] - script.path(mine, value, np.zeros(len(rows)), wanted)[:, :3]
                target[:, :3] += np.where(_length(shift)[:, None] > USUAL, shift, 0.0)
                target[:, :3] += DEEP * direction(target[:, 3], target[:, 4])
                # Letting go, the hand stays where it is.
                target[at == RELEASE, :3] = entities[rows, 0, :3][at == RELEASE]
            back = (at == BEFORE) | (at == LEAVE)
            target[back] = self.pre(target[back], script.back)
            target[:, :3] -= short[rows, None] * direction(target[:, 3], target[:, 4])
            pose[rows] = target
            closed = (at == GRASP) | (at == WORK)
            wide = np.where((at >= RELEASE) & script.grasps, RELEASED, script.fingers)
            fingers[rows] = np.where(closed & script.grasps, 0.0, wide)
        return pose, fingers, values

    def ends(self, state: OracleState) -> Array:
        """The values at which the present elements' work ends, (B,)."""
        return self._targets[state.element]

    def short(self, state: OracleState) -> Array:
        """By how much poses stay short of the element, m (B,): policies that err do."""
        return np.zeros(len(state.element))

    def value(self, index: int, rows: Array, goal: Array) -> Array:
        """The value that a script works on, rad or m; the kettle's is how far it has to go, m."""
        if k.NAMES[index] == "kettle":
            return rows[:, 1] - goal[:, 1]
        column = 6 if k.NAMES[index] == "hinge-cabinet" else 5
        return rows[:, column] * self.world._scale[1 + index, column]

    @staticmethod
    def pre(pose: Array, back: tuple[float, float, float]) -> Array:
        """The pose before an element: aside, and back along where the hand points."""
        out = pose.copy()
        out[:, 0] += back[0]
        out[:, 2] += back[2]
        out[:, :3] += back[1] * direction(pose[:, 3], pose[:, 4])
        return out

    def pointing(self, entities: Array) -> Array:
        """Where the hand points, (B, 3)."""
        if self.world.robot == "arm":
            return panda.forward(entities[:, 0, 10:17] * np.pi, k.GRIP)[1][:, :, 2]
        level = entities[:, 0, 3:5]
        return np.concatenate([level, np.zeros_like(level[:, :1])], axis=1)

    def steer(self, entities: Array, pose: Array, gain: Array) -> Array:
        """Actions without the fingers', (B, 7) or (B, 4), towards poses."""
        if self.world.robot == "gripper":
            level = entities[:, 0, 3:5]
            yaw = np.arctan2(np.ascontiguousarray(-level[:, 0]), np.ascontiguousarray(level[:, 1]))
            here = entities[:, 0, :3].copy()
            here[:, :2] -= k.GRIP * level
            there = pose[:, :3] - k.GRIP * direction(pose[:, 3], np.zeros(len(pose)))
            step = np.concatenate([there - here, (pose[:, 3] - yaw)[:, None]], axis=1)
            action = step / np.array(REACH)
            longest = np.maximum(np.abs(action[:, :3]).max(-1, keepdims=True), 1.0)
            action[:, :3] /= longest
            return np.clip(action, -1, 1)
        q = entities[:, 0, 10:17] * np.pi
        point, axes, jacobian = panda.forward(q, k.GRIP)
        ahead = direction(pose[:, 3], pose[:, 4])
        yaw = np.ascontiguousarray(pose[:, 3])
        aside = np.stack([np.cos(yaw), np.sin(yaw), np.zeros_like(yaw)], axis=-1)
        turn = 0.5 * (
            cross(axes[:, :, 2], ahead)
            + cross(axes[:, :, 1], aside)
            + cross(axes[:, :, 0], cross(aside, ahead))
        )
        twist = np.concatenate([_shorten(pose[:, :3] - point, 0.07), _shorten(turn, 0.3)], axis=1)
        step = panda.joint_steps(jacobian, twist, q, REST)
        action = gain[:, None] * step / (SPEED * self.world.control_dt)
        return action / np.maximum(np.abs(action).max(-1, keepdims=True), 1.0)


def _length(vector: Array) -> Array:
    return np.sqrt((vector * vector).sum(-1))


def _shorten(vector: Array, most: float) -> Array:
    length = np.sqrt((vector * vector).sum(-1, keepdims=True))
    return vector * np.minimum(1.0, most / np.maximum(length, 1e-9))
