"""Five states in a row, and a reward at the right end: the smallest task of offline learning.

An action above 0 goes right, any other left; the fifth state ends the episode with the reward 1.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

import numpy as np

from entitybench.datasets.api import Dataset
from entitybench.registry import agent, resolve, tasks
from entitybench.seeding import BatchGenerator, generator
from entitybench.types import TaskSpec

STATES, LENGTH = 5, 20


class ChainWorld:
    entities = 1
    feature_names = tuple(f"at{k}" for k in range(STATES))
    action_dim = 1


TASK = TaskSpec(
    id="chain", version=1, kind="reward-control", target=f"{__file__}:ChainWorld", horizon=LENGTH
)


@contextmanager
def registered():
    """The task in the registry meanwhile: what reads checkpoints looks there."""
    tasks().add(TASK)
    try:
        yield
    finally:
        tasks()._specs.pop(TASK.id)


def observe(place):
    """Places (...) as observations (..., 1, 5)."""
    return np.eye(STATES, dtype=np.float32)[place][..., None, :]


def follow(place, action):
    return np.clip(place + np.where(action > 0, 1, -1), 0, STATES - 1)


def episode(act, rng):
    """Places (T + 1,) and actions (T, 1) of an episode from the left end."""
    places, actions = [0], []
    while places[-1] < STATES - 1 and len(actions) < LENGTH:
        actions.append(act(rng))
        places.append(int(follow(places[-1], actions[-1])))
    return np.array(places), np.array(actions, np.float32)[:, None]


def wander(rng):
    return rng.uniform(-1, 1)


def go(rng):
    return rng.uniform(0.3, 0.9)


def dataset(*, episodes=200, good=0.0):
    """Random walks, and a share of episodes that go straight to the reward.

    Where there are none such, the walks of the second half are flagged as an expert's.
    """
    rng, columns = np.random.default_rng(0), {}
    made = [episode(go if k < good * episodes else wander, rng) for k in range(episodes)]
    lengths = np.array([len(actions) for _, actions in made])
    offsets = np.concatenate([[0], np.cumsum(lengths + 1)])
    rows = int(offsets[-1])
    columns["observations"] = observe(np.concatenate([places for places, _ in made]))
    columns["actions"] = np.zeros((rows, 1), np.float32)
    columns["rewards"] = np.zeros(rows, np.float32)
    columns["masks"] = np.ones(rows, bool)
    columns["terminals"] = np.zeros(rows, bool)
    columns["terminals"][offsets[1:] - 1] = True
    columns["expert"] = np.zeros(rows, np.uint8)  # who goes straight
    for k, (first, (places, actions)) in enumerate(zip(offsets, made, strict=False)):
        last = first + len(actions)
        columns["expert"][first:last] = k < good * episodes if good else k >= episodes / 2
        columns["actions"][first:last] = actions
        columns["masks"][last] = False
        if places[-1] == STATES - 1:
            columns["rewards"][last - 1], columns["masks"][last - 1] = 1.0, False
    manifest = {
        "dataset": "chain/walk-v1",
        "task": "chain",
        "content_hash": "none",
        "columns": {name: {"per": "row"} for name in columns},
        "splits": {"train": [0, episodes]},
    }
    return Dataset(Path("chain"), manifest, columns, offsets)


def train(id, data, *, updates=600, preset="small", **changes):
    """An agent after some updates, and its last metrics."""
    target = resolve(agent(id).target)
    small = {"phases.0.updates": updates, "hidden": (32, 32), "batch_size": 64}
    config = target.configure(agent(id), preset, TASK, **{**small, **changes})
    one = target.create(config, TASK, seed=0, data=data)
    metrics = {}
    while one.step < one.total:
        metrics = one.advance(data)
    return one, metrics


def solved(policy):
    """Whether a policy goes straight from the left end to the reward."""
    rows, place = BatchGenerator([generator(0, "episode", 0)]), np.zeros(1, int)
    state = policy.initial_state(1)
    for _ in range(STATES - 1):
        action, state = policy.act({"observation": observe(place)}, state, rows)
        place = follow(place, action[:, 0])
    return bool(place[0] == STATES - 1)
