"""Behaviour cloning by ridge regression: actions as a linear function of the state."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from entitybench import checkpoints
from entitybench.agents.common.config import from_json, make, to_json
from entitybench.registry import tasks
from entitybench.seeding import generator
from entitybench.types import AgentSpec


@dataclass(frozen=True, kw_only=True)
class Config:
    agent: str
    preset: str
    updates: int
    batch_size: int = 256
    ridge: float = 1e-6  # added to the diagonal, a transition


class Ridge:
    """Sums products of states and actions over batches; the weights solve the normal equations."""

    unit = "updates"  # what `step` counts
    presets: ClassVar = {"tiny": {"updates": 4}, "small": {"updates": 40}}

    def __init__(self, config, task, seed, sums, dataset):
        self.config, self.task, self.seed = config, task, seed
        self.sums, self.dataset, self.step = sums, dataset, 0

    @property
    def total(self):
        return self.config.updates

    @classmethod
    def configure(cls, spec, preset, task, **changes):
        """A preset with the changes of `--set`; an unknown one is refused with the nearest name."""
        return make(Config, spec, preset, cls.presets, changes)

    @classmethod
    def create(cls, config, task, *, seed, data, parts, device):
        inputs = 1 + int(np.prod(data.observations.shape[1:]))
        outputs = int(np.prod(data.columns["actions"].shape[1:]))
        sums = {"states": np.zeros((inputs, inputs)), "actions": np.zeros((inputs, outputs))}
        return cls(config, task, seed, sums, {"id": data.id, "content_hash": data.content_hash})

    def advance(self, data):
        """One update: a pure function of the checkpoint, the seed, `step` and the data."""
        rng = generator(self.seed, "update", self.step)
        batch = data.transition_sampler().sample(self.config.batch_size, rng)
        states, actions = _flat(batch["observations"]), batch["actions"].astype(np.float64)
        self.sums["states"] = self.sums["states"] + states.T @ states
        self.sums["actions"] = self.sums["actions"] + states.T @ actions
        self.step += 1
        return {"loss": float(((states @ self.weights() - actions) ** 2).mean())}

    def weights(self):
        seen = max(self.step * self.config.batch_size, 1)
        diagonal = self.config.ridge * seen * np.eye(len(self.sums["states"]))
        return np.linalg.solve(self.sums["states"] + diagonal, self.sums["actions"])

    def ready(self, data):
        """Nothing has to be measured before it acts."""

    def policy(self, *, greedy=True):
        return Linear(self.weights())

    def save(self, folder, *, training=True):
        meta = {
            "agent": self.config.agent,
            "preset": self.config.preset,
            "task": self.task.id,
            "task_version": self.task.version,
            "seed": self.seed,
            "step": self.step,
            "total": self.total,
            "unit": self.unit,
            "dataset": self.dataset,
            "config": to_json(self.config),
        }
        checkpoints.write(Path(folder), meta, self.sums, {} if training else None)

    @classmethod
    def load(cls, folder, *, task=None, device="cpu", **changes):
        checkpoint, sums, _ = checkpoints.read(Path(folder))
        meta = checkpoint.meta
        config, where = from_json(Config, meta["config"]), task or tasks()[meta["task"]]
        agent = cls(config, where, meta["seed"], sums, meta["dataset"])
        agent.step = meta["step"]
        return agent


class Linear:
    """What acts."""

    def __init__(self, weights):
        self.weights = weights

    def initial_state(self, batch):
        return None

    def act(self, obs, state, rng):
        return np.clip(_flat(obs["observation"]) @ self.weights, -1, 1), state


def _flat(states):
    """States (B, N, D) with a one, (B, 1 + N D)."""
    return np.concatenate([np.ones((len(states), 1)), states.reshape(len(states), -1)], axis=1)


AGENTS = (
    AgentSpec(
        id="ridge",
        kind="reward-control",
        target="ridge_agent:Ridge",
        presets=("tiny", "small"),
        needs=frozenset({"entities", "fixed-number"}),
        claims="ridge_claims:CLAIMS",
        summary="behaviour cloning, linear",
    ),
)
