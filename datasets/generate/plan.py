"""What is to be generated: which episodes, with which seeds, in which blocks."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.datasets.store.schema import STATE_EVERY
from entitybench.seeding import generator
from entitybench.types import DatasetSpec, TaskSpec

if TYPE_CHECKING:
    import mujoco

    from entitybench.envs.core.batch import Worlds

BLOCK = 64  # episodes that run side by side; no result depends on it


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One dataset with its arguments resolved. Training episodes come first, then validation."""

    dataset: DatasetSpec
    task: TaskSpec
    training: int  # episodes
    validation: int  # episodes
    seed: int
    block: int = BLOCK

    @property
    def episodes(self) -> int:
        return self.training + self.validation

    @property
    def custom(self) -> bool:
        """Whether episodes or seed are not the registered ones."""
        spec = self.dataset
        registered = (spec.episodes, spec.validation_episodes, spec.seed)
        return (self.training, self.validation, self.seed) != registered

    def blocks(self) -> list[range]:
        """The episodes of each block."""
        firsts = range(0, self.episodes, self.block)
        return [range(first, min(first + self.block, self.episodes)) for first in firsts]

    def split(self, episode: int) -> str:
        return "train" if episode < self.training else "validation"

    def start_seed(self, episode: int) -> int:
        """The seed of an episode's start state.

        From 2**32 on, so that no episode begins where an evaluation does; below 2**53, so that
        every reader of JSON keeps it.
        """
        return int(generator(self.seed, "start", episode).integers(2**32, 2**53))

    def behaviour_generator(self, episode: int) -> np.random.Generator:
        """All randomness of the behaviour in one episode."""
        return generator(self.seed, "episode", episode)

    def worlds(self, batch: int) -> Worlds:
        """The simulation of some episodes."""
        return worlds_of(self.task, self.dataset.absent, self.dataset.interactions, batch)

    def arguments(self) -> dict[str, Any]:
        """All that the dataset's bytes depend on; kept blocks are reused where this is equal."""
        from entitybench.envs.core.api import world_of

        facts = {
            "dataset": self.dataset.id,
            "behaviour": behaviour_name(self.dataset.behaviour),
            "behaviour_kwargs": dict(self.dataset.behaviour_kwargs),
            "absent": self.dataset.absent,
            "interactions": self.dataset.interactions,
            "length": self.dataset.length,
            "task": self.task.id,
            "task_version": self.task.version,
            "kwargs": dict(self.task.kwargs),
            "seed": self.seed,
            "training": self.training,
            "validation": self.validation,
            "block": self.block,
            "state_every": STATE_EVERY,
            **physics_of(world_of(self.task).model),
        }
        known: dict[str, Any] = json.loads(json.dumps(facts))  # as it is read again
        return known

    def json(self) -> dict[str, Any]:
        """For a worker process."""
        task = {**asdict(self.task), "tags": sorted(self.task.tags)}
        return {**asdict(self), "task": task}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Plan:
        made = {"tags": frozenset, "datasets": tuple, "metrics": tuple}
        task = {name: made.get(name, _same)(x) for name, x in value["task"].items()}
        dataset = DatasetSpec(**value["dataset"])
        return cls(**{**value, "dataset": dataset, "task": TaskSpec(**task)})


def worlds_of(task: TaskSpec, absent: float, interactions: bool, batch: int) -> Worlds:
    """Episodes of a task as a dataset has them."""
    from entitybench.envs.core.api import make_worlds

    return make_worlds(task, batch, absent=absent, interactions=interactions)


def _same(value: Any) -> Any:
    return value


def behaviour_name(target: str) -> str:
    """A target without the folders of a user's file: they say nothing about the data."""
    return target.replace("\\", "/").rpartition("/")[2]


def physics_of(model: mujoco.MjModel) -> dict[str, str]:
    """MuJoCo's version and the hash of the compiled model (the bytes of `mj_saveModel`)."""
    import mujoco

    buffer = np.zeros(mujoco.mj_sizeModel(model), np.uint8)
    mujoco.mj_saveModel(model, None, buffer)
    return {
        "mujoco": mujoco.__version__,
        "model_hash": hashlib.sha256(buffer.tobytes()).hexdigest(),
    }
