"""What is to be generated: which episodes, with which seeds, in which blocks."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.datasets.store.schema import STATE_EVERY
from entitybench.seeding import generator
from entitybench.types import DatasetSpec, TaskSpec

if TYPE_CHECKING:
    import mujoco

    from entitybench.envs.core.batch import Worlds

SMALL = "small"  # the size that is meant where none is named
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
    def size(self) -> str | None:
        """The name of the registered size that this is; None: of another number of episodes."""
        names = {number: name for name, number in sizes_of(self.dataset).items()}
        return names.get(self.training)

    @property
    def custom(self) -> bool:
        """Whether episodes or seed are not registered ones."""
        return self.size is None or self.seed != self.dataset.seed

    def blocks(self) -> list[range]:
        """The episodes of each block."""
        firsts = range(0, self.episodes, self.block)
        return [range(first, min(first + self.block, self.episodes)) for first in firsts]

    def split(self, episode: int) -> str:
        return "train" if episode < self.training else "validation"

    def start_seed(self, episode: int, attempt: int = 0) -> int:
        """The seed of an episode's start state, at the first attempt or a later one.

        From 2**32 on, so that no episode begins where an evaluation does; below 2**53, so that
        every reader of JSON keeps it.
        """
        names = ("start", episode, attempt) if attempt else ("start", episode)
        return int(generator(self.seed, *names).integers(2**32, 2**53))

    def behaviour_generator(self, episode: int, attempt: int = 0) -> np.random.Generator:
        """All randomness of the behaviour in one episode."""
        names = ("episode", episode, attempt) if attempt else ("episode", episode)
        return generator(self.seed, *names)

    def worlds(self, batch: int) -> Worlds:
        """The simulation of some episodes."""
        return worlds_of(self.task, self.dataset.absent, self.dataset.interactions, batch)

    def arguments(self) -> dict[str, Any]:
        """All that the dataset's bytes depend on; kept blocks are reused where this is equal."""
        from entitybench.envs.api import world_of

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
        task = asdict(self.task)
        sets = {name: sorted(x) for name, x in task.items() if isinstance(x, frozenset)}
        return {**asdict(self), "task": {**task, **sets}}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Plan:
        made: dict[str, Any] = {
            field.name: type(field.default)
            for field in fields(TaskSpec)
            if isinstance(field.default, (tuple, frozenset))
        }
        task = {name: made.get(name, _same)(x) for name, x in value["task"].items()}
        dataset = DatasetSpec(**value["dataset"])
        return cls(**{**value, "dataset": dataset, "task": TaskSpec(**task)})


def sizes_of(dataset: DatasetSpec) -> dict[str, int]:
    """Training episodes by the name of the size."""
    return {SMALL: dataset.episodes, **dataset.sizes}


def worlds_of(task: TaskSpec, absent: float, interactions: bool, batch: int) -> Worlds:
    """Episodes of a task as a dataset has them."""
    from entitybench.envs.api import make_worlds

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
