"""Data of one-step games of two agents, made by hand: the smallest task of teams.

Choices are halves (or parts) of [-1, 1]; see entitybench.envs.team.matrix.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from entitybench.datasets.api import Dataset
from entitybench.envs.api import make_worlds
from entitybench.envs.team.matrix import GAMES
from entitybench.registry import agent, resolve_agent, tasks
from entitybench.seeding import BatchGenerator, generator

MODES = {
    "rare": ((0, 1), (1, 0), (1, 1)),
    "xor": ((0, 1), (1, 0)),
    "climbing": ((0, 0), (1, 1), (2, 2)),
}
SHARES = {"rare": (0.45, 0.45, 0.1), "xor": (0.5, 0.5), "climbing": (0.45, 0.45, 0.1)}


def task_of(game, *, choices=False):
    """The registered task, or the same with choices in the place of numbers."""
    task = tasks()[f"team-matrix-{game}"]
    if not choices:
        return task
    return dataclasses.replace(task, kwargs={**task.kwargs, "actions": len(GAMES[game])})


def dataset(game, *, episodes=600, uniform=False):
    """Episodes of one step: one of a few pairs of choices, or any."""
    rng = np.random.default_rng(0)
    payoff = np.array(GAMES[game])
    if uniform:
        chosen = rng.integers(len(payoff), size=(episodes, 2))
    else:
        chosen = np.array(MODES[game])[rng.choice(len(MODES[game]), episodes, p=SHARES[game])]
    rows = 2 * episodes
    action = np.zeros((rows, 2, 1), np.float32)
    middle = (2 * chosen + 1) / len(payoff) - 1
    action[::2, :, 0] = middle + rng.normal(0, 0.1, (episodes, 2))
    reward = np.zeros((rows, 2), np.float32)
    reward[::2] = payoff[chosen[:, 0], chosen[:, 1]][:, None]
    ends = np.arange(rows) % 2 == 1
    columns = {
        "observations": np.ones((rows, 2, 1), np.float32),
        "entities": np.zeros((rows, 2, 2), np.float32),
        "actions": action,
        "rewards": reward,
        "masks": np.zeros(rows, bool),
        "terminals": ends,
    }
    manifest = {
        "dataset": f"team-matrix-{game}/hand-v1",
        "task": f"team-matrix-{game}",
        "content_hash": "none",
        "columns": {name: {"per": "row"} for name in columns},
        "splits": {"train": [0, episodes]},
    }
    return Dataset(Path("game"), manifest, columns, 2 * np.arange(episodes + 1))


def seen(game):
    """The same, where an agent sees afterwards what it did."""
    data = dataset(game)
    data.columns["observations"][1::2] = data.columns["actions"][::2]
    return data


def train(id, game, *, choices=False, updates=300, rate=3e-3, uniform=False, data=None, **changes):
    """An agent after some updates on a game, and its last metrics."""
    spec, task = agent(id), task_of(game, choices=choices)
    target = resolve_agent(spec)
    rates = dict.fromkeys(("phases.0.learning_rate", "phases.0.final_learning_rate"), rate)
    small = {"phases.0.updates": updates, "batch_size": 64, "hidden": (32, 32), **rates}
    config = target.configure(spec, "small", task, **{**small, **changes})
    data = dataset(game, uniform=uniform) if data is None else data
    one, metrics = target.create(config, task, seed=0, data=data), {}
    while one.step < one.total:
        metrics = one.advance(data)
    return one, metrics


def variant(one, id):
    """A trained agent that from now on acts as another that uses its weights."""
    object.__setattr__(one, "config", dataclasses.replace(one.config, **agent(id).config))
    return one


def paid(one, game, *, episodes=200):
    """The mean payoff of episodes."""
    worlds = make_worlds(f"team-matrix-{game}", episodes)
    obs, policy = worlds.reset(range(episodes)), one.policy()
    rng = BatchGenerator([generator(0, "episode", k) for k in range(episodes)])
    action, _ = policy.act(obs, policy.initial_state(episodes), rng)
    chosen = worlds.world.choose(action).astype(int)
    return float(worlds.world.payoff[chosen[:, 0], chosen[:, 1]].mean())
