"""Worlds to learn in: episodes of a task that no evaluation begins with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from entitybench.envs.worlds import make_worlds, world_of
from entitybench.seeding import generator

if TYPE_CHECKING:
    from entitybench.envs.core.batch import Worlds
    from entitybench.types import TaskSpec

FIRST_SEED = 2**42  # of starts while training; evaluations and datasets have others
_COUNT = 2**40


def training_start(seed: int, *path: int | str) -> int:
    """The episode seed of a start while training, from the stream of a training seed."""
    return FIRST_SEED + int(generator(seed, "start", *path).integers(_COUNT))


@dataclass(frozen=True)
class ProblemsOf:
    """What agents learn from that learn by answering. There are no stored data to name."""

    task: TaskSpec
    id: ClassVar[None] = None
    content_hash: ClassVar[None] = None

    @property
    def source(self) -> Any:
        """The problems, an `entitybench.envs.reason.source.Source`; train on its split "train"."""
        return world_of(self.task)


@dataclass(frozen=True)
class WorldsOf:
    """What agents learn from that learn by acting. There are no stored data to name."""

    task: TaskSpec
    id: ClassVar[None] = None
    content_hash: ClassVar[None] = None

    def make(self, batch: int, **kwargs: Any) -> Worlds:
        """`batch` episodes side by side; `kwargs` as `make_worlds` takes them."""
        return make_worlds(self.task, batch, **kwargs)
