"""Worlds whose true interactions are known, for the conformance tests; see goal_control.py."""

from __future__ import annotations

import numpy as np

from entitybench.envs.api import make_worlds
from entitybench.registry import tasks
from entitybench.seeding import generator
from kinds.control import acted, uniform_data

TASK = "dag-4"


def data(folder):
    return uniform_data(TASK, folder)


def items(count):
    """Starts of episodes, for policies, and the first transition of each, for inferrers."""
    worlds = make_worlds(tasks()[TASK], count)
    try:
        obs = {name: np.array(x) for name, x in worlds.reset(range(count)).items()}
        actions = generator(0, "actions").uniform(-1, 1, (count, *worlds.world.action_shape))
        after = np.array(worlds.step(actions)[0]["observation"])
    finally:
        worlds.close()
    now = obs["observation"]
    mask = np.ones(now.shape[:2], bool)
    drawn = {"observations": now, "next_observations": after, "actions": actions, "mask": mask}
    return {**obs, **drawn}


def made(agent, items, first=0):
    return agent.infer(items) if hasattr(agent, "infer") else acted(agent, items, first)
