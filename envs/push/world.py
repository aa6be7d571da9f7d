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

from entitybench.envs.core.world import Start, World
from entitybench.errors import BadValue
from entitybench.seeding import generator

if TYPE_CHECKING:
    import mujoco

    from entitybench.types import Array

IDS = 16  # codes an entity can have; the pusher's is 0
HALF_EDGE = 0.04  # m, of a block
PUSHER_RADIUS = 0.02  # m
SPACING = 0.13  # m, smallest distance between the centres of two blocks or of two goals
PUSHER_SPACING = (
    0.10  # m, smallest distance between the pusher and the centre of a block at the start
)
REACH = 0.04  # m, how far ahead of the pusher an action of 1 sets its target
TOLERANCE = 0.06  # m, three quarters of an edge
COLORS = (
    (0.90, 0.10, 0.10),
    (0.10, 0.65, 0.15),
    (0.10, 0.25, 0.95),
    (0.95, 0.80, 0.05),
    (0.65, 0.10, 0.75),
    (0.05, 0.75, 0.80),
    (0.95, 0.45, 0.05),
    (0.95, 0.45, 0.75),
    (0.45, 0.30, 0.10),
    (0.55, 0.85, 0.35),
    (0.05, 0.35, 0.35),
    (0.55, 0.55, 0.95),
    (0.50, 0.05, 0.20),
    (0.95, 0.90, 0.60),
    (0.35, 0.35, 0.40),
)


class PushWorld(World):
    """`blocks` square blocks to be pushed to their places.

    Entities: pusher, then blocks. Features: x, y (m), cos and sin of four times the yaw (a square
    looks the same after a quarter turn), one-hot id. Each episode gives its blocks random distinct
    ids, which their goals share. A goal's pusher row and yaw features are zero: the task does not
    ask for them.
    """

    feature_names = ("x", "y", "cos4yaw", "sin4yaw", *(f"id{i}" for i in range(IDS)))
    action_dim = 2
    control_dt = 0.1
    physics_dt = 0.01
    tolerance = TOLERANCE

    def __init__(self, blocks: int, *, sleep: bool = False) -> None:
        if not 1 <= blocks < IDS:
            raise BadValue(f"a push world has 1 to {IDS - 1} blocks: got {blocks}.")
        self.blocks = blocks
        self.entities = 1 + blocks
        self.sleep = sleep
        # The room for a block stays the same when there are more of them.
        self.area = 0.32 * max(1.0, math.sqrt(blocks / 5))  # m, starts and goals lie in +-area
        self.rail = self.area + 0.08  # m, where a block's centre stops
        self.edge = self.area + 0.18  # m, where the pusher's centre stops

    def spec(self) -> mujoco.MjSpec:
        from entitybench.envs.push.scene import push_scene

        return push_scene(self.blocks, self.area, self.rail, self.edge, self.physics_dt, self.sleep)

    @cached_property
    def _pusher_adr(self) -> Array:
        return np.array([self.model.joint(f"pusher_{axis}").qposadr[0] for axis in "xy"])

    @cached_property
    def _block_adr(self) -> Array:
        """(3, blocks): the addresses of x, y and yaw in qpos."""
        joints = [[f"block{i}_{axis}" for i in range(self.blocks)] for axis in ("x", "y", "yaw")]
        return np.array([[self.model.joint(name).qposadr[0] for name in row] for row in joints])

    def start(self, seed: int) -> Start:
        rng = generator(seed, "push-start")
        ids = 1 + rng.permutation(IDS - 1)[: self.blocks]
        yaw = rng.uniform(0, np.pi / 2, self.blocks)
        blocks = _spread(rng, self.blocks, self.area)
        goals = _spread(rng, self.blocks, self.area)
        while np.all(np.hypot(*(blocks - goals).T) <= self.tolerance):  # nothing to do: draw again
            goals = _spread(rng, self.blocks, self.area)
        pusher = _free_place(rng, blocks, self.area)

        qpos = np.zeros(self.model.nq)
        qpos[self._pusher_adr] = pusher
        qpos[self._block_adr] = np.vstack([blocks.T, yaw])
        constants = np.zeros((self.entities, self.features), np.float32)
        constants[0, 4] = 1
        constants[np.arange(1, self.entities), 4 + ids] = 1
        goal = constants.copy()
        goal[0] = 0
        goal[1:, :2] = goals
        return Start(qpos, constants, goal)

    def control(self, qpos: Array, action: Array) -> Array:
        target = qpos[..., self._pusher_adr] + REACH * np.clip(action, -1.0, 1.0)
        return np.clip(target, -self.edge, self.edge)

    def observe(self, qpos: Array, constants: Array) -> Array:
        observation = constants.copy()
        observation[..., 0, :2] = qpos[..., self._pusher_adr]
        observation[..., 1:, 0] = qpos[..., self._block_adr[0]]
        observation[..., 1:, 1] = qpos[..., self._block_adr[1]]
        # Contiguous, since numpy rounds cosines of strided arrays differently.
        angle = 4.0 * np.ascontiguousarray(qpos[..., self._block_adr[2]])
        observation[..., 1:, 2] = np.cos(angle)
        observation[..., 1:, 3] = np.sin(angle)
        return observation

    def achieved(self, observation: Array) -> Array:
        achieved = observation.copy()
        achieved[..., 0, :] = 0
        achieved[..., 2:4] = 0
        return achieved

    def solved(self, achieved: Array, desired: Array) -> Array:
        delta = achieved[..., 1:, :2] - desired[..., 1:, :2]
        square = delta * delta
        return square[..., 0] + square[..., 1] <= np.float32(self.tolerance**2)


def _spread(rng: np.random.Generator, count: int, area: float) -> Array:
    """Points (count, 2), uniform in +-area, at least SPACING apart."""
    while True:
        points = np.empty((0, 2))
        for _ in range(50 * count):
            point = rng.uniform(-area, area, 2)
            if np.all(np.hypot(*(points - point).T) >= SPACING):
                points = np.vstack([points, point])
                if len(points) == count:
                    return points


def _free_place(rng: np.random.Generator, blocks: Array, area: float) -> Array:
    """A place (2,) for the pusher, uniform in +-area, away from the blocks (n, 2)."""
    while True:
        point = rng.uniform(-area, area, 2)
        if np.all(np.hypot(*(blocks - point).T) >= PUSHER_SPACING):
            return point
