"""Learners that count over batches of transitions: numpy, no gradient."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from entitybench import checkpoints
from entitybench.agents.common.bounds import bounded
from entitybench.agents.common.config import BATCH, changed, from_json, make, to_json
from entitybench.agents.common.graph.source import GraphSource
from entitybench.errors import BadValue
from entitybench.registry import tasks
from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.seeding import BatchGenerator
    from entitybench.types import AgentSpec, Array, Batch, Metrics, TaskSpec

ACTION = -1  # the column of a graph
BEGIN = 2_000  # transitions that sizes are taken from


@dataclass(frozen=True, kw_only=True)
class CountingConfig:
    """How much is counted."""

    agent: str
    preset: str
    batches: int
    batch_size: int = 512

    def __post_init__(self) -> None:
        bounded(self, batches="[1, inf)", batch_size=BATCH)


class Counting(ABC):
    """Sums over batches; a resumed run goes on from the sums."""

    unit: ClassVar[str] = "batches"
    config_class: ClassVar[type[Any]] = CountingConfig
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"batches": 4, "batch_size": 64},
        "small": {"batches": 200},
        "paper": {"batches": 2000},
    }

    def __init__(self, config: Any, task: TaskSpec, *, seed: int) -> None:
        self.config, self.task, self.seed = config, task, seed
        self.step, self.total = 0, int(config.batches)
        self.sums: dict[str, Array] = {}
        self.dataset: dict[str, Any] = {}
        self._opened: tuple[Any, GraphSource] | None = None

    @abstractmethod
    def begin(self, batch: Batch) -> dict[str, Array]:
        """Sums of nothing; `batch` shows sizes."""

    @abstractmethod
    def count(self, batch: Batch) -> None:
        """Add a batch of `GraphSource` to the sums."""

    @abstractmethod
    def infer(self, transitions: Batch, rng: BatchGenerator) -> Array:
        """Scores (B, N, N + 1); see `entitybench.types.GraphInferrer`."""

    @classmethod
    def configure(cls, spec: AgentSpec, preset: str, task: TaskSpec, **changes: Any) -> Any:
        """The configuration of a registered agent. Raises BadValue for a setting it has not."""
        del task
        return make(cls.config_class, spec, preset, cls.presets, changes)

    @classmethod
    def create(
        cls,
        config: Any,
        task: TaskSpec,
        *,
        seed: int,
        data: Any = None,
        parts: Mapping[str, Path] | None = None,
        device: str = "cpu",
    ) -> Self:
        """An agent that has counted nothing yet; without `data` it can do nothing."""
        del parts, device
        agent = cls(config, task, seed=seed)
        if data is not None:
            agent.dataset = {"id": data.id, "content_hash": data.content_hash}
            agent._source(data).check_interactions()
            agent.sums = agent.begin(agent._source(data).sample(BEGIN, generator(0, "begin")))
        return agent

    def advance(self, data: Any) -> Metrics:
        """Count one batch. Raises BadValue after the last."""
        if self.step >= self.total:
            raise BadValue(f"training is complete: {self.step} of {self.total} batches are done.")
        rng = generator(self.seed, "update", self.step)
        batch = self._source(data).sample(self.config.batch_size, rng)
        self.count(batch)
        self.step += 1
        return {"active": float(batch["truth"].mean())}

    def ready(self, data: Any) -> None:
        """Nothing to measure."""
        del data

    def save(self, folder: Path, *, training: bool = True) -> None:
        """The sums are all there is, to infer and to go on."""
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
            "parts": {},
            "config": to_json(self.config),
        }
        checkpoints.write(Path(folder), meta, self.sums, {} if training else None)

    @classmethod
    def load(
        cls, folder: Path, *, task: TaskSpec | None = None, device: str = "cpu", **changes: Any
    ) -> Self:
        """Read a checkpoint. Raises CheckpointError."""
        del device
        found, sums, _ = checkpoints.read(Path(folder))
        meta = found.meta
        config = changed(from_json(cls.config_class, meta["config"]), changes)
        agent = cls(config, task or tasks()[meta["task"]], seed=meta["seed"])
        agent.step, agent.sums, agent.dataset = meta["step"], sums, meta.get("dataset") or {}
        return agent

    def _source(self, data: Any) -> GraphSource:
        if self._opened is None or self._opened[0] is not data:
            self._opened = (data, GraphSource(data))
        return self._opened[1]


def even_odds(active: Array, asked: Array) -> Array:
    """P(active) of each edge, if half of all edges were active: above a half what is above average.

    By Bayes' rule from how often each was `active` of the times it was `asked`. Constant scores
    cannot have a better balanced accuracy than these.
    """
    every, times = float(active.sum()), float(asked.sum())
    likely = active / max(every, 1.0)
    unlikely = (asked - active) / max(times - every, 1.0)
    found = likely / np.maximum(likely + unlikely, np.finfo(np.float64).tiny)
    return np.asarray(found, np.float64)
