"""What the kinds share whose items are episodes."""

from __future__ import annotations

import numpy as np
from stores import generated

from entitybench.datasets.api import load_dataset
from entitybench.envs.api import make_worlds
from entitybench.registry import tasks
from entitybench.seeding import BatchGenerator, generator

STEPS = 2


def uniform_data(task, folder):
    """A few episodes of uniform actions."""
    generated(task, folder / "data", episodes=6)
    return load_dataset(folder / "data").split("train")


def starts(task, count):
    """What is observed at the starts of episodes 0, 1, …"""
    worlds = make_worlds(tasks()[task], count)
    try:
        return {name: np.array(x) for name, x in worlds.reset(range(count)).items()}
    finally:
        worlds.close()


def acted(agent, obs, first=0):
    """Actions (B, STEPS, …) on the same observations; row b draws as episode `first + b`."""
    policy, batch = agent.policy(), len(obs["observation"])
    rng = BatchGenerator([generator(0, "episode", first + row) for row in range(batch)])
    state, actions = policy.initial_state(batch), []
    for _ in range(STEPS):
        action, state = policy.act(obs, state, rng)
        actions.append(action)
    return np.stack(actions, 1)
