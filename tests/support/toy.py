"""A learner in numpy: the smallest thing that can be trained, alone or side by side."""

import dataclasses
import json
import time

import numpy as np

from entitybench.errors import BadValue, CheckpointError
from entitybench.seeding import generator
from entitybench.types import AgentSpec


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    agent: str
    preset: str
    updates: int = 60
    rate: float = 0.1
    pause_s: float = 0.0
    lost: int = -1  # the seed whose loss is no number from update 30 on


class Toy:
    """Linear regression by momentum: the weights depend on the order of every single update."""

    unit = "updates"

    def __init__(self, config, seed):
        self.config, self.seed, self.step = config, seed, 0
        self.total = config.updates
        self.weights, self.momentum = np.zeros(4), np.zeros(4)

    @classmethod
    def configure(cls, spec, preset, task, **changes):
        known = {field.name for field in dataclasses.fields(Config)}
        if set(changes) - known:
            raise BadValue(f"no such setting: {set(changes) - known}.")
        return Config(agent=spec.id, preset=preset, **changes)

    @classmethod
    def create(cls, config, task, *, seed, data, parts, device):
        agent = cls(config, seed)
        agent.weights = generator(seed, "init").normal(size=4)
        return agent

    def batch(self, dataset):
        rows = generator(self.seed, "update", self.step).integers(len(dataset), size=8)
        return {"x": dataset[rows, :4], "y": dataset[rows, 4]}

    def ready(self, data):
        pass

    def advance(self, data):
        batch = self.batch(data)
        time.sleep(self.config.pause_s)
        error = batch["x"] @ self.weights - batch["y"]
        self.momentum = 0.9 * self.momentum + batch["x"].T @ error / len(error)
        self.weights = self.weights - self.config.rate * self.momentum
        self.step += 1
        lost = self.seed == self.config.lost and self.step >= 30
        return {"loss": np.nan if lost else float(np.mean(error**2))}

    def policy(self, *, greedy=True):
        return Still()

    def save(self, folder, *, training=True):
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "weights.npy", self.weights)
        if training:
            np.save(folder / "momentum.npy", self.momentum)
        meta = {"agent": "toy", "seed": self.seed, "step": self.step}
        meta["config"] = dataclasses.asdict(self.config)
        (folder / "agent.json").write_text(json.dumps(meta))

    @classmethod
    def load(cls, folder, *, task=None, device="cpu", **changes):
        try:
            meta = json.loads((folder / "agent.json").read_text())
        except ValueError as error:
            raise CheckpointError(f"{folder} is corrupt.") from error
        agent = cls(Config(**meta["config"]), meta["seed"])
        agent.step = meta["step"]
        agent.weights = np.load(folder / "weights.npy")
        agent.momentum = np.load(folder / "momentum.npy")
        return agent


class Still:
    def initial_state(self, batch):
        return None

    def act(self, obs, state, rng):
        return np.zeros((len(obs["observation"]), 2)), state


SPEC = AgentSpec(id="toy", kind="goal-control", target=f"{__file__}:Toy", presets=("small",))


class Rows(np.ndarray):
    """What toys learn from: it tells, as datasets do, which it is."""

    id, content_hash = "toy/rows-v1", "0123456789abcdef"


DATA = np.random.default_rng(0).normal(size=(50, 5)).view(Rows)


class Beside:
    """Joins toys; what each learns does not depend on the others."""

    def __init__(self, learners):
        self.learners = learners

    @staticmethod
    def joins(target):
        return True

    @property
    def step(self):
        return self.learners[0].step

    def advance(self, data):
        return [learner.advance(data) for learner in self.learners]

    def ready(self, data):
        pass

    def save(self, folders, *, training=True):
        for learner, folder in zip(self.learners, folders, strict=True):
            learner.save(folder, training=training)


class Together(Toy):
    """A toy that can learn beside others."""

    together = f"{__file__}:Beside"
