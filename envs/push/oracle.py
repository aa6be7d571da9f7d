"""The scripted solver: with the goal in hand, push one block after the other round the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.api import world_as
from entitybench.envs.parts.observed import goal_of
from entitybench.envs.push.moves import (
    CLEARANCE,
    STAND_OFF,
    behind,
    dot,
    norm,
    push_step,
    to_action,
    unit,
)
from entitybench.envs.push.routes import route
from entitybench.envs.push.variants import PushPostsWorld
from entitybench.envs.push.world import REACH, PushTable

if TYPE_CHECKING:
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs, TaskSpec

PLACED = 0.012  # m, near enough to its goal to leave a block
ASTRAY = 0.035  # m, far enough from its goal to take a block up again
PATIENCE = 80  # control steps for one block before another has its turn
BLOCK_CLEARANCE = 0.115  # m, between the centres of a pushed block and one that it passes
ROOM = 0.075  # m, between a block and the place to begin a push of another from
OCCUPIED = 0.10  # m, a goal with another block so near is not free
FAR = 9.0  # m, where blocks are put that an episode lacks
LOYALTY = (0.15, 0.05)  # m, what another waypoint must save: for the block, for the pusher


@dataclass(slots=True)
class OracleState:
    """What each of B episodes is at. A waypoint of NaN means that there is none yet."""

    block: Array  # (B,) int, the block being pushed; -1: none
    age: Array  # (B,) control steps spent on it
    turn: Array  # (B,) rad, see routes.route
    target: Array  # (B, 2) m, the block's next waypoint
    way: Array  # (B, 2) m, the pusher's next waypoint


class PushOracle:
    """Solves push tasks from the positions of the entities and of their goals.

    Those of pixel tasks are in obs["state"] and obs["goal_state"], which `Worlds` adds.
    """

    departure = STAND_OFF, ROOM  # of blocks; see routes.route

    def __init__(self, task: TaskSpec | str) -> None:
        world = world_as(task, PushTable)
        self._rail = world.rail
        self._edge = world.edge
        self._blocks = world.rows
        self._regions = getattr(world, "regions", None)  # of tasks without a goal
        # What is in the way without being a block: posts.
        self._posts = slice(world.rows.stop, None if isinstance(world, PushPostsWorld) else 0)
        # Row k: what is in the way of block k.
        things = world.blocks + (len(world.others) if self._posts.stop is None else 0)
        self._others = np.array(
            [[i for i in range(things) if i != k] for k in range(world.blocks)], np.int64
        )

    def initial_state(self, batch: int) -> OracleState:
        return OracleState(
            block=np.full(batch, -1),
            age=np.zeros(batch, np.int64),
            turn=np.zeros(batch),
            target=np.full((batch, 2), np.nan),
            way=np.full((batch, 2), np.nan),
        )

    def act(self, obs: Obs, state: OracleState, rng: BatchGenerator) -> tuple[Array, OracleState]:
        entities = obs.get("state", obs["observation"])  # "state": what images are of
        pusher = entities[:, 0, :2].astype(np.float64)
        blocks = entities[:, self._blocks, :2].astype(np.float64)
        posts = entities[:, self._posts, :2].astype(np.float64)
        goals, wanted = self.goals(obs, blocks)
        if "mask" in obs:  # what is not there is in nobody's way
            gone = ~obs["mask"][:, self._blocks]
            wanted &= ~gone
            blocks[gone] = FAR
        goals = np.where(wanted[..., None], goals, blocks)
        state = self._choose(pusher, blocks, goals, state, rng)
        action = np.zeros((len(pusher), 2))
        rows = np.flatnonzero(state.block >= 0)
        if len(rows):
            action[rows], state.target[rows], state.way[rows] = self._move(
                pusher[rows],
                np.concatenate([blocks[rows], posts[rows]], axis=1),
                goals[rows],
                OracleState(
                    state.block[rows],
                    state.age[rows],
                    state.turn[rows],
                    state.target[rows],
                    state.way[rows],
                ),
            )
        return action, state

    def goals(self, obs: Obs, blocks: Array) -> tuple[Array, Array]:
        """Where the blocks should be (B, n, 2), and which are asked for, bool (B, n)."""
        if self._regions is not None:
            goals = np.broadcast_to(self._regions, blocks.shape)
            return goals, np.ones(blocks.shape[:2], bool)
        goal = goal_of(obs)
        goal = goal[:, self._blocks]
        return goal[..., :2].astype(np.float64), np.logical_or.reduce(goal != 0, -1)

    def _choose(
        self, pusher: Array, blocks: Array, goals: Array, state: OracleState, rng: BatchGenerator
    ) -> OracleState:
        """Go on with the present block, or take the cheapest of those that are astray."""
        batch, count = blocks.shape[:2]
        rows = np.arange(batch)
        # As many draws every step as there may be use for: rows stay independent.
        draw = rng.random((batch, count + 1))
        distance = norm(blocks - goals)[..., 0]
        tired = state.age > PATIENCE
        leave = (state.block < 0) | tired | (distance[rows, state.block] < PLACED)

        cost = choice_costs(pusher, blocks, goals) + 0.02 * draw[:, :count]
        # Another block's turn, if there is another: it may be in the way of this one.
        cost += 10.0 * (tired[:, None] & (np.arange(count) == state.block[:, None]))
        cost[distance < ASTRAY] = np.inf
        best = np.argmin(cost, axis=1)
        best[~np.isfinite(cost[rows, best])] = -1
        return OracleState(
            block=np.where(leave, best, state.block),
            age=np.where(leave, 0, state.age + 1),
            turn=np.where(leave, np.pi / 3 * draw[:, count], state.turn),
            target=np.where(leave[:, None], np.nan, state.target),
            way=np.where(leave[:, None], np.nan, state.way),
        )

    def _led(
        self, blocks: Array, goals: Array, chosen: Array, previous: Array, turn: Array
    ) -> tuple[Array, Array]:
        """The chosen blocks (b,) and where each is led next: both (b, 2).

        `previous` (b, 2) and `turn` (b,) as in routes.route.
        """
        rows = np.arange(len(chosen))
        block, target = blocks[rows, chosen], goals[rows, chosen]
        if blocks.shape[1] == 1:
            return block, target
        return block, route(
            block,
            target,
            blocks[rows[:, None], self._others[chosen]],
            BLOCK_CLEARANCE,
            self._rail,
            previous=previous,
            turn=turn,
            loyalty=LOYALTY[0],
            departure=self.departure,
        )

    def _move(
        self, pusher: Array, blocks: Array, goals: Array, state: OracleState
    ) -> tuple[Array, Array, Array]:
        """Action and next waypoints of block and pusher, each (b, 2).

        `blocks` (b, things, 2) has whatever else is in the way after the blocks.
        """
        block, target = self._led(blocks, goals, state.block, state.target, state.turn)
        direction = unit(target - block)
        step = push_step(pusher, block, target)
        way = np.full_like(pusher, np.nan)
        walk = np.flatnonzero(~behind(pusher, block, direction)[:, 0])
        if len(walk):
            place = (block - STAND_OFF * direction)[walk]
            way[walk] = route(
                pusher[walk],
                place,
                blocks[walk],
                CLEARANCE,
                self._edge,
                previous=state.way[walk],
                turn=state.turn[walk],
                loyalty=LOYALTY[1],
            )
            leg = way[walk] - pusher[walk]
            arriving = norm(way[walk] - place) < 1e-6
            step[walk] = np.where(arriving, leg, REACH * unit(leg))
        return to_action(step), target, way


def choice_costs(pusher: Array, blocks: Array, goals: Array) -> Array:
    """What pushing each block to its goal next would cost, (B, n), in m of way.

    The straight way, half the way of the pusher to its beginning, and penalties for blocks beside
    the way and on the goal.

    Args:
        pusher: (B, 2).
        blocks: (B, n, 2).
        goals: (B, n, 2).
    """
    way = goals - blocks
    length = norm(way)
    course = unit(way)
    walk = norm(blocks - STAND_OFF * course - pusher[:, None])[..., 0]
    # Block j seen from block i: (B, i, j, ...).
    offset = blocks[:, None] - blocks[:, :, None]
    along = np.clip(dot(offset, course[:, :, None]), 0.0, length[:, :, None])
    beside = norm(offset - along * course[:, :, None])[..., 0]
    on_goal = norm(goals[:, :, None] - blocks[:, None])[..., 0]
    itself = np.arange(blocks.shape[1])
    beside[:, itself, itself] = np.inf
    on_goal[:, itself, itself] = np.inf
    return (
        length[..., 0]
        + 0.5 * walk
        + 4.0 * np.maximum(BLOCK_CLEARANCE - beside, 0.0).sum(axis=-1)
        + 20.0 * np.maximum(OCCUPIED - on_goal, 0.0).sum(axis=-1)
    )
