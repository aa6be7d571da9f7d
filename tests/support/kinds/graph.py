"""Worlds whose true interactions are known, for the conformance tests; see goal_control.py."""

from __future__ import annotations

import numpy as np

from entitybench.envs.api import make_worlds
from entitybench.registry import tasks
from entitybench.seeding import BatchGenerator, generator
from kinds.control import uniform_data

TASK = "dag-4"


def data(folder):
    return uniform_data(TASK, folder)


def items(count):
    """The first transition of episodes 0, 1, …"""
    worlds = make_worlds(tasks()[TASK], count)
    try:
        obs = {name: np.array(x) for name, x in worlds.reset(range(count)).items()}
        actions = generator(0, "actions").uniform(-1, 1, (count, *worlds.world.action_shape))
        after = np.array(worlds.step(actions)[0]["observation"])
    finally:
        worlds.close()
    now = obs["observation"]
    mask = np.ones(now.shape[:2], bool)
    return {"observations": now, "next_observations": after, "actions": actions, "mask": mask}


def made(agent, items, first=0):
    """Graphs; row b draws as episode `first + b`."""
    count = len(items["observations"])
    rng = BatchGenerator([generator(0, "episode", first + row) for row in range(count)])
    return agent.infer(items, rng)
