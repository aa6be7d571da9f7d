"""One learner, or several that learn side by side: the loop of training knows no difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from entitybench.registry import resolve

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from entitybench.types import Metrics


class Crew(Protocol):
    """Learners of one configuration that differ by their training seeds and learn in step."""

    learners: Sequence[Any]  # in the order of the seeds; each acts and is saved like any other

    @property
    def step(self) -> int: ...

    def advance(self, data: Any) -> list[Metrics]:
        """One unit of learning of each; what is worth logging, by seed."""
        ...

    def ready(self, data: Any) -> None:
        """Measure what acting needs."""
        ...

    def save(self, folders: Sequence[Path], *, training: bool = True) -> None:
        """Write a checkpoint of each."""
        ...


class Alone:
    """A crew of one."""

    def __init__(self, learner: Any) -> None:
        self.learners: Sequence[Any] = (learner,)

    @property
    def step(self) -> int:
        return int(self.learners[0].step)

    def advance(self, data: Any) -> list[Metrics]:
        return [self.learners[0].advance(data)]

    def ready(self, data: Any) -> None:
        self.learners[0].ready(data)

    def save(self, folders: Sequence[Path], *, training: bool = True) -> None:
        self.learners[0].save(folders[0], training=training)


def can_join(target: Any) -> bool:
    """Whether learners of a class can learn side by side.

    Such a class names in `together` ("module:Class") what joins its learners: a class whose
    `joins(target)` says whether it does, and that makes a `Crew` of them.
    """
    together = getattr(target, "together", "")
    return bool(together) and bool(resolve(together).joins(target))


def crew_of(learners: Sequence[Any]) -> Crew:
    """All of them as one; of several `can_join` must be true."""
    if len(learners) == 1:
        return Alone(learners[0])
    crew: Crew = resolve(type(learners[0]).together)(learners)
    return crew
