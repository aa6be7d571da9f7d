"""A small dataset of uniform actions for every kind of task."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np

from entitybench.envs.api import world_of
from entitybench.registry import datasets
from entitybench.types import DatasetSpec

KINDS = {
    "hopper": {},  # ends early
    "push-1block-region": {"length": 60},  # ends where it succeeds
    "kitchen-gripper-4tasks": {"length": 20},  # rewards with a memory
    "push-2blocks": {"absent": 0.5, "interactions": True, "world_kwargs": {"blocks": 3}},
    "team-tag": {},
    "team-hopper-3x1": {},  # a team that ends early
    "team-matrix-xor": {"length": 1},
    "team-spread": {"length": 25},
    "hockey-2v2": {"length": 25, "interactions": True},
    "push-1block": {},
    "dag-4": {"interactions": True},
}


class Uniform:
    """Uniform actions; tells how many steps an episode took, and of each action its parity."""

    def __init__(self, task, offset=0):
        self.shape = world_of(task).action_shape
        self.offset = offset

    def initial_state(self, batch):
        return np.full(batch, self.offset)

    def act(self, obs, state, rng):
        return rng.uniform(-1.0, 1.0, (len(rng), *self.shape)), state + 1

    def labels(self, state):
        return {"steps": state, "kind": np.full(len(state), "uniform")}

    def flags(self, state):
        return {"odd": state % 2 == 1}


@contextmanager
def uniform_set(kind, **changes):
    """The spec of a kind's dataset, with these changes, registered meanwhile."""
    changes = {"episodes": 5, "validation_episodes": 1, "length": 45, **KINDS[kind], **changes}
    spec = DatasetSpec(
        id=f"{kind}/uniform-v1",
        task=kind,
        behaviour=f"{__file__}:Uniform",
        behaviour_kwargs={"offset": 100},
        **changes,
    )
    datasets().add(spec)
    try:
        yield spec
    finally:
        datasets()._specs.pop(spec.id)
