"""The scripted solver of mazes: from cell to cell on the shortest way to the goal's."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.api import world_as
from entitybench.envs.locomotion.maze import PointMaze, blocked

if TYPE_CHECKING:
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs, TaskSpec

AHEAD = 1.5  # 1/s, wanted speed per distance to the next way-point
CRUISE = 1.3  # m/s
GAIN = 3.0  # action per m/s that the speed is off


class MazeOracle:
    """Wants to go to the middle of the next cell, and pushes against the speed that it is off."""

    def __init__(self, task: TaskSpec | str) -> None:
        world = world_as(task, PointMaze)
        self._edge = world.edge
        self._goal = world.goal
        self._next = _ways(world)

    def initial_state(self, batch: int) -> None:
        """Nothing to remember."""

    def act(self, obs: Obs, state: None, rng: BatchGenerator) -> tuple[Array, None]:
        del rng
        point = obs.get("state", obs["observation"])[:, 0, :4].astype(np.float64)
        last = len(self._next) - 1
        row = np.clip(np.floor(self._edge - point[:, 1]), 0, last).astype(np.int64)
        column = np.clip(np.floor(point[:, 0] + self._edge), 0, last).astype(np.int64)
        way = self._next[row, column] - point[:, :2]
        distance = np.sqrt(way[:, :1] ** 2 + way[:, 1:] ** 2)
        speed = np.minimum(AHEAD * distance + 0.3, CRUISE)
        wanted = way * (speed / np.maximum(distance, 1e-6))
        return np.clip(GAIN * (wanted - point[:, 2:]), -1, 1), state


def _ways(world: PointMaze) -> Array:
    """The way-point (cells, cells, 2) of every cell: the middle of the next one, m."""
    plan, cells = world.plan, (len(world.plan) + 1) // 2
    last = next((r // 2, line.index("G") // 2) for r, line in enumerate(plan) if "G" in line)
    ways = np.zeros((cells, cells, 2))
    ways[last] = world.goal
    todo, done = deque([last]), {last}
    while todo:
        here = todo.popleft()
        for down, right in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            there = (here[0] + down, here[1] + right)
            inside = all(0 <= i < cells for i in there)
            if inside and there not in done and not blocked(plan, *here, down, right):
                ways[there] = world.place(*here)
                done.add(there)
                todo.append(there)
    return ways
