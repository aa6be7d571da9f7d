"""An agent in a user's own loop: observations as environments give them, actions as they take them.

The harness asks policies for whole batches (`entitybench.types.Policy`); this is the same policy
for who has one environment, a vector of them or a team.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.worlds import world_of
from entitybench.errors import BadValue
from entitybench.seeding import BatchGenerator, generator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.types import Obs, TaskSpec


class Player:
    """A policy and its state in the episodes that are running."""

    def __init__(self, policy: Any, task: TaskSpec, seed: int = 0) -> None:
        """`seed` is of what the policy draws."""
        from entitybench.envs.views.spaces import view_shapes  # loads MuJoCo

        self._policy, self._seed = policy, seed
        self._world: Any = world_of(task)
        self._agents: tuple[str, ...] | None = getattr(self._world, "agents", None)
        self._id, self._shapes = task.id, view_shapes(self._world)
        self._batch: int | None = -1  # of no observation yet
        self._state: Any = None
        self._rng = BatchGenerator([])

    def predict(self, obs: Any, *, begin: bool = False) -> Any:
        """The action for an observation; see `Loaded.predict`."""
        seen, batch = self._seen(obs)
        rows = batch or 1
        if begin or batch != self._batch:
            self._batch = batch
            self._state = self._policy.initial_state(rows)
            self._rng = BatchGenerator([generator(self._seed, "predict", k) for k in range(rows)])
        try:
            actions, self._state = self._policy.act(seen, self._state, self._rng)
        except KeyError as error:
            if error.args[:1] not in (("state",), ("goal_state",)):
                raise
            raise BadValue(
                f"this policy of {self._id} reads {error.args[0]!r} too, which is no part of what "
                "an environment shows: eb.evaluate gives it."
            ) from None
        if self._agents is not None:
            from entitybench.envs.views.team import actions_of  # loads PettingZoo

            return actions_of(self._world, np.asarray(actions)[0])
        return np.asarray(actions) if batch else np.asarray(actions)[0]

    def _seen(self, obs: Any) -> tuple[Obs, int | None]:
        """The observation with a batch axis, and its B; None where it had no such axis."""
        if self._agents is not None:
            try:
                each = np.stack([np.asarray(obs[name]) for name in self._agents])
            except (KeyError, TypeError, IndexError, ValueError):
                raise BadValue(
                    f"an observation of a team is a dict by agent ({', '.join(self._agents)})."
                ) from None
            found = {"observation": each}
            if _leading(found, self._shapes) != ():
                own = self._shapes["observation"][1:]
                raise BadValue(
                    f"each agent's observation of {self._id} has the shape {own}: "
                    f"got {each.shape[1:]} of {each.dtype}."
                )
            return {"observation": each[None]}, None
        given = dict(obs) if isinstance(obs, dict) else {"observation": obs}
        try:
            found = {name: np.asarray(value) for name, value in given.items()}
        except ValueError:  # rows of different lengths
            found = {}
        mask = {"mask": (self._world.entities,)} if "mask" in found else {}
        leading = _leading(found, {**self._shapes, **mask})
        if leading is None:
            got = ", ".join(f"{name} {value.shape} {value.dtype}" for name, value in found.items())
            wanted = ", ".join(f"{name} {shape}" for name, shape in self._shapes.items())
            raise BadValue(
                f"an observation of {self._id} is what its environment gives ({wanted}), or a "
                f"vector of them: got {type(obs).__name__} of {got or 'no arrays'}."
            )
        if leading:
            return found, leading[0]
        return {name: value[None] for name, value in found.items()}, None


def _leading(found: Obs, shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, ...] | None:
    """The axis (B,) or () that arrays of numbers have before these shapes; None: they differ."""
    axes: set[tuple[int, ...] | None] = set()
    for name, shape in shapes.items():
        array = found.get(name, np.zeros(0, object))
        before = array.ndim - len(shape)
        fits = before >= 0 and array.shape[before:] == shape and array.dtype.kind in "fiub"
        axes.add(array.shape[:before] if fits else None)
    axis = axes.pop()
    return None if axes or axis is None or len(axis) > 1 or axis == (0,) else axis
