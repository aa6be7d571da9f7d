"""HInt with graphs that NCII infers, and not with the contacts of the simulation."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from entitybench.agents.common.online.collect import TRUE_GRAPHS
from entitybench.agents.common.online.config import OnlineConfig
from entitybench.agents.hint.agent import HInt
from entitybench.checkpoints import META, WEIGHTS, read_meta
from entitybench.errors import BadValue
from entitybench.registry import agent, resolve_agent
from entitybench.seeding import BatchGenerator, generator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.types import Array, TaskSpec

GRAPHS = "graphs"  # the name of the part
_FILES = (META, WEIGHTS)


@dataclass(frozen=True, kw_only=True)
class InferredConfig(OnlineConfig):
    """Settings of `InferredHInt`."""

    # What NCII calls an interaction: what its head gives a half, what its null test gives ε, or
    # what the head gives more than the threshold that is best on labelled transitions.
    named: Literal["head", "test", "tuned"] = "head"


class InferredHInt(HInt):
    """HInt that asks a trained NCII who acted on whom.

    It asks once an episode, when that is over: its steps are one batch. Checkpoints for training
    hold the part, file by file, so that a resumed run asks the very same weights.
    """

    config_class: ClassVar[type[Any]] = InferredConfig
    infers: ClassVar[bool] = True

    def __init__(self, config: Any, task: TaskSpec, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        self.part: dict[str, Array] = {}  # the bytes of its files by name
        self.inferrer: Any = None

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
        """As of any learner. Raises BadValue without the part."""
        if GRAPHS not in (parts or {}):
            raise BadValue(f"{config.agent} is built on the part {GRAPHS}, and was given none.")
        return super().create(config, task, seed=seed, data=data, parts=parts, device=device)

    def _check(self) -> None:
        super()._check()
        if self.accept not in TRUE_GRAPHS:
            raise BadValue(
                f"{self.config.agent} chooses episodes by who acted on whom: accept is one of "
                f"{', '.join(TRUE_GRAPHS)}, and not {self.accept!r}."
            )

    def adopt(self, parts: Mapping[str, Path]) -> None:
        named = self.config.named
        ncii = resolve_agent(agent(read_meta(parts[GRAPHS])["agent"]))
        infer = "test" if named == "test" else "head"
        self.inferrer = ncii.load(parts[GRAPHS], task=self.task, infer=infer)
        if named != "tuned":
            self.inferrer.untune()
        with tempfile.TemporaryDirectory() as folder:
            self.inferrer.save(Path(folder), training=False)
            for name in _FILES:
                self.part[name] = np.frombuffer((Path(folder) / name).read_bytes(), np.uint8).copy()

    def memory(self) -> dict[str, Array]:
        return super().memory() | {f"{GRAPHS}.{name}": x for name, x in self.part.items()}

    def recall(self, memory: Mapping[str, Mapping[str, Array]]) -> None:
        super().recall(memory)
        if GRAPHS not in memory:  # weights that only act
            return
        self.part = dict(memory[GRAPHS])
        with tempfile.TemporaryDirectory() as folder:
            for name, x in self.part.items():
                (Path(folder) / name).write_bytes(x.tobytes())
            ncii = resolve_agent(agent(read_meta(Path(folder))["agent"]))
            self.inferrer = ncii.load(Path(folder), task=self.task)

    def graphs(self, observation: Array, action: Array, truth: Array) -> Array:
        """What the part names, and the diagonal: everything has dynamics of its own."""
        length, n = len(truth), truth.shape[1]
        seen = observation.reshape(length + 1, n, -1)
        steps = {"observations": seen[:-1], "next_observations": seen[1:], "actions": action}
        steps["mask"] = np.ones((length, n), bool)
        rng = BatchGenerator([generator(self.seed, "infer", t) for t in range(length)])
        found: Array = self.inferrer.infer(steps, rng) > 0.5
        found[:, np.arange(n), np.arange(n)] = True
        return found
