"""Play: push a random block to a random place, again and again, noisily. It makes the datasets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.api import world_as
from entitybench.envs.push.moves import drive, norm, to_action
from entitybench.envs.push.variants import PushPostsWorld
from entitybench.envs.push.world import PushTable

if TYPE_CHECKING:
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs, TaskSpec

SUBTASK_STEPS = 60  # control steps after which a sub-task is given up
CLOSE = 0.02  # m, near enough to the place to choose the next sub-task
NOISE = 0.2  # deviation of the Gaussian added to each action
UNIFORM = 0.1  # share of actions that are uniform instead


@dataclass(slots=True)
class PlayState:
    """The sub-task of each of B episodes."""

    block: Array  # (B,) int, the index of the block to push
    place: Array  # (B, 2) m
    age: Array  # (B,) control steps since the sub-task was chosen


class PushPlay:
    """Pushes a random block to a random place, again and again; does not look at the goal.

    After the play data of HECRL (Haramati et al., ICLR 2026).
    """

    def __init__(self, task: TaskSpec | str) -> None:
        world = world_as(task, PushTable)
        self._blocks = world.blocks
        self._area = world.area
        # Posts are in the way like blocks; zones are not.
        self._things = slice(1, None if isinstance(world, PushPostsWorld) else world.rows.stop)

    def initial_state(self, batch: int) -> PlayState:
        return PlayState(
            block=np.zeros(batch, np.int64),
            place=np.zeros((batch, 2)),
            age=np.full(batch, SUBTASK_STEPS),  # so that the first step chooses
        )

    def act(self, obs: Obs, state: PlayState, rng: BatchGenerator) -> tuple[Array, PlayState]:
        entities = obs.get("state", obs["observation"])  # "state": what images are of
        pusher = entities[:, 0, :2].astype(np.float64)
        blocks = entities[:, self._things, :2].astype(np.float64)
        rows = np.arange(len(pusher))
        # Every step draws the same numbers whether it needs them or not: rows stay independent.
        draw = rng.random((len(pusher), 8))

        distance = norm(blocks[rows, state.block] - state.place)[:, 0]
        fresh = (state.age >= SUBTASK_STEPS) | (distance < CLOSE)
        chosen = np.minimum((draw[:, 0] * self._blocks).astype(np.int64), self._blocks - 1)
        block = np.where(fresh, chosen, state.block)
        place = np.where(fresh[:, None], self._area * (2 * draw[:, 1:3] - 1), state.place)
        age = np.where(fresh, 1, state.age + 1)

        action = to_action(drive(pusher, blocks[rows, block], place, blocks))
        action += NOISE * _gaussian(draw[:, 3], draw[:, 4])
        action = np.where(draw[:, 5:6] < UNIFORM, 2 * draw[:, 6:8] - 1, action)
        return np.clip(action, -1.0, 1.0), PlayState(block, place, age)


def _gaussian(a: Array, b: Array) -> Array:
    """Two standard Gaussians (B, 2) from two uniforms on [0, 1), by Box and Muller."""
    radius = np.sqrt(-2 * np.log1p(-np.ascontiguousarray(a)))
    angle = 2 * np.pi * np.ascontiguousarray(b)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
