"""The scripted solver of pushing: the push worlds' choices and ways, three quarters their size.

The hand goes over the blocks, not round them: up, across, and down behind the next one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.api import world_as
from entitybench.envs.parts.observed import goal_of
from entitybench.envs.push.moves import behind, norm, push_step, unit
from entitybench.envs.push.oracle import OracleState, PushOracle
from entitybench.envs.push.sizes import HALF_EDGE as PUSH_HALF_EDGE
from entitybench.envs.push.world import REACH
from entitybench.envs.robosuite.moves import GAIN
from entitybench.envs.robosuite.pushing import CENTRE, HALF_EDGE, BlocksWorld
from entitybench.envs.robosuite.servo import MOVE

if TYPE_CHECKING:
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs, TaskSpec

SCALE = HALF_EDGE / PUSH_HALF_EDGE
LOW = 0.042  # m, of the hand while it pushes: its palm is 3 cm above, and wide
HIGH = 0.1  # m, over the blocks: the fingertips are 1.5 cm below
RAIL = 0.2  # m, from the middle: blocks are not led beyond
STAND_OFF = 0.1  # between a block and where the hand comes down behind it, in the push worlds' size
ROOM = 0.085  # the same, between that place and other blocks


class HandOracle(PushOracle):
    """Pushes one block after the other, with the hand as the pusher."""

    departure = STAND_OFF, ROOM

    def __init__(self, task: TaskSpec | str) -> None:
        blocks = world_as(task, BlocksWorld).entities - 1
        self._rail = RAIL / SCALE
        self._others = np.array(
            [[i for i in range(blocks) if i != k] for k in range(blocks)], np.int64
        )

    def act(self, obs: Obs, state: OracleState, rng: BatchGenerator) -> tuple[Array, OracleState]:
        rows = obs.get("state", obs["observation"]).astype(np.float64)
        goal = goal_of(obs).astype(np.float64)
        places = (rows[..., :2] - CENTRE) / SCALE
        hand, blocks = places[:, 0], places[:, 1:]
        goals = (goal[:, 1:, :2] - CENTRE) / SCALE
        # A control step is half of one in the push worlds, whose patience counts steps.
        halved = replace(state, age=state.age // 2)
        following = self._choose(hand, blocks, goals, halved, rng)
        following.age = np.where(following.age == 0, 0, state.age + 1)
        height = rows[:, 0, 2]
        way = np.zeros((len(rows), 3))
        way[:, 2] = HIGH - height  # nothing to do: out of the way
        busy = np.flatnonzero(following.block >= 0)
        if len(busy):
            way[busy], following.target[busy] = self._lead(
                hand[busy], height[busy], blocks[busy], goals[busy], following, busy
            )
        action = GAIN * way / MOVE
        action /= np.maximum(np.abs(action).max(axis=1, keepdims=True), 1.0)
        return action, following

    def _lead(
        self,
        hand: Array,
        height: Array,
        blocks: Array,
        goals: Array,
        state: OracleState,
        busy: Array,
    ) -> tuple[Array, Array]:
        """Ways (b, 3) of the hand in m, and the blocks' next waypoints (b, 2)."""
        block, target = self._led(
            blocks, goals, state.block[busy], state.target[busy], state.turn[busy]
        )
        direction = unit(target - block)
        leg = block - STAND_OFF * direction - hand
        above = norm(leg)[:, 0] < 0.015
        down = height < LOW + 0.012
        pushes = down & behind(hand, block, direction)[:, 0]
        lowers = ~pushes & ((above & ~down) | (norm(leg)[:, 0] < 0.05) & (height < HIGH - 0.02))
        crosses = ~pushes & ~lowers & (height > HIGH - 0.02)
        way = np.zeros((len(hand), 3))
        step = push_step(hand, block, target)
        step /= np.maximum(norm(step) / REACH, 1.0)
        way[:, :2] = SCALE * np.where(pushes[:, None], step, 0.0)
        way[:, :2] = np.where((crosses | lowers)[:, None], SCALE * leg, way[:, :2])
        way[:, 2] = np.where(pushes | lowers, LOW, HIGH) - height
        return way, target
