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
    from entitybench.types import Obs, TaskSpec


class Player:
    """A policy and its state in the episodes that are running."""

    def __init__(self, policy: Any, task: TaskSpec, seed: int = 0) -> None:
        """`seed` is of what the policy draws."""
        self._policy, self._seed = policy, seed
        self._world: Any = world_of(task)
        self._agents: tuple[str, ...] | None = getattr(self._world, "agents", None)
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
        actions, self._state = self._policy.act(seen, self._state, self._rng)
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
            return {"observation": each[None]}, None
        found = dict(obs) if isinstance(obs, dict) else {"observation": obs}
        found = {name: np.asarray(value) for name, value in found.items()}
        rank = 2 if self._world.pixels is None else 3
        if "observation" not in found or found["observation"].ndim not in (rank, rank + 1):
            raise BadValue(
                "an observation is what an environment of the task gives, or a vector of them: "
                f"got {type(obs).__name__} of {sorted(found)}."
            )
        if found["observation"].ndim == rank + 1:
            return found, len(found["observation"])
        return {name: value[None] for name, value in found.items()}, None
