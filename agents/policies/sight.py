"""What a policy of another form is shown of a task, and what it is to answer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from entitybench.envs.worlds import world_of
from entitybench.errors import BadValue

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from entitybench.types import Array, Obs, TaskSpec

MASK = "mask"  # (N,) of an observation whose number of entities varies


@dataclass(frozen=True)
class Sight:
    """What the environments of a task show, and nothing beside it; and the shape of an action."""

    task: str
    parts: Mapping[str, tuple[int, ...]]  # by name, in alphabetical order
    action: tuple[int, ...]  # (A,), of a team (M, A)

    @classmethod
    def of(cls, task: TaskSpec) -> Self:
        """That of a task. Raises BadValue for a task in which nobody acts."""
        from entitybench.envs.views.spaces import view_shapes  # loads MuJoCo

        world: Any = world_of(task)
        if not hasattr(world, "action_shape"):
            raise BadValue(f"{task.id} is a {task.kind} task: there is nothing to act in.")
        shapes = dict(sorted(view_shapes(world).items()))
        return cls(task.id, shapes, tuple(world.action_shape))

    @property
    def size(self) -> int:
        """Numbers of an observation, all parts together."""
        return sum(math.prod(shape) for shape in self.parts.values())

    @property
    def words(self) -> str:
        """Names and shapes, for messages."""
        return ", ".join(f"{name} {shape}" for name, shape in self.parts.items())

    def shown(self, obs: Obs) -> dict[str, Array]:
        """The parts (B, …), in order; the mask (B, N) too where the task has one."""
        found = {name: obs[name] for name in self.parts}
        return {**found, MASK: obs[MASK]} if MASK in obs else found

    def flat(self, obs: Obs) -> Array:
        """All parts as rows of numbers (B, n) float32, in alphabetical order.

        As `gymnasium.wrappers.FlattenObservation` and the CombinedExtractor of Stable-Baselines3.
        """
        rows = [np.asarray(obs[name], np.float32) for name in self.parts]
        return np.concatenate([x.reshape(len(x), -1) for x in rows], axis=1)

    def inputs(self, names: Sequence[str], path: str) -> dict[str, tuple[int, ...]]:
        """Shapes of a network's inputs by their names: parts, or one of another name for `flat`.

        Raises BadValue for names that are neither.
        """
        whole = {**self.parts, MASK: self.parts["observation"][:1]}
        if names and set(names) <= set(whole):
            return {name: whole[name] for name in names}
        if len(names) == 1:
            return {names[0]: (self.size,)}
        raise BadValue(
            f"{path} has the inputs {', '.join(names) or 'none'}, and {self.task} shows "
            f"{self.words}: name inputs so, or take all in one of another name, (batch, "
            f"{self.size}) in this order."
        )

    def fed(self, obs: Obs, names: Iterable[str]) -> dict[str, Array]:
        """What the inputs of `inputs` are given."""
        shown = self.shown(obs)
        return {name: shown[name] if name in shown else self._other(obs, name) for name in names}

    def _other(self, obs: Obs, name: str) -> Array:
        if name == MASK:  # all are there
            return np.ones(np.shape(obs["observation"])[:2], bool)
        return self.flat(obs)

    def actions(self, given: Any, rows: int, name: str) -> Array:
        """Answers (B, …) as actions (B, A) or (B, M, A). Raises BadValue for other sizes."""
        array = np.asarray(given, np.float64)
        fits = array.ndim > 0 and len(array) == rows
        if not fits or math.prod(array.shape[1:]) != math.prod(self.action):
            wanted = " x ".join(map(str, self.action))
            raise BadValue(
                f"{name} answers {rows} observations with {array.shape}: {self.task} takes "
                f"{wanted} numbers for each."
            )
        return array.reshape(rows, *self.action)
