"""Our worlds as Stable-Baselines3 wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.vec_env import VecEnv

from entitybench.envs.worlds import make_worlds
from entitybench.errors import BadValue
from entitybench.seeding import generator

if TYPE_CHECKING:
    from entitybench.types import Array, TaskSpec

FIRST_SEED = 2**42  # of starts while training; evaluations have others


class BatchedWorlds(VecEnv):
    """Episodes of a reward task side by side, observations flattened.

    A row whose episode is over begins the next one at once.
    """

    render_mode = None

    def __init__(self, task: TaskSpec, count: int, threads: int, seed: int) -> None:
        """Make `count` of them, stepped by `threads`; `seed` draws the starts."""
        self.worlds = make_worlds(task, count, threads)
        world = self.worlds.world
        if not hasattr(world, "reward_terms") or len(world.action_shape) != 1:
            raise BadValue(f"{task.id} is no task with a reward for one agent.")
        size = world.entities * world.features
        super().__init__(
            count,
            spaces.Box(-np.inf, np.inf, (size,), np.float32),
            spaces.Box(-1.0, 1.0, world.action_shape, np.float32),
        )
        self._horizon = task.horizon
        self._random = [generator(seed, "sb3-starts", row) for row in range(count)]
        self._age = np.zeros(count, np.int64)
        self._actions = np.zeros((count, *world.action_shape))

    def reset(self) -> Array:
        self._age[:] = 0
        return _flat(self.worlds.reset([self._seed(row) for row in range(self.num_envs)]))

    def step_async(self, actions: Array) -> None:
        self._actions = actions

    def step_wait(self) -> tuple[Array, Array, Array, list[dict[str, Any]]]:
        obs, info = self.worlds.step(self._actions)
        self._age += 1
        seen = _flat(obs)
        ended = info.get("terminated", np.zeros(self.num_envs, bool))
        done = ended | (self._age >= self._horizon)
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        rows = np.flatnonzero(done).tolist()
        for row in rows:
            infos[row] = {
                "terminal_observation": seen[row].copy(),
                "TimeLimit.truncated": not ended[row],
                "unstable": bool(info["unstable"][row]),
            }
        if rows:
            self._age[rows] = 0
            fresh = _flat(self.worlds.reset_rows(rows, [self._seed(row) for row in rows]))
            seen[rows] = fresh[rows]
        return seen, info["reward"].astype(np.float32), done, infos

    def _seed(self, row: int) -> int:
        return FIRST_SEED + int(self._random[row].integers(2**40))

    def close(self) -> None:
        self.worlds.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        del indices
        return [getattr(self, attr_name)] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        del indices  # one object is all rows
        setattr(self, attr_name, value)

    def env_method(self, method_name: str, *args: Any, **kwargs: Any) -> list[Any]:
        kwargs.pop("indices", None)
        return [getattr(self, method_name)(*args, **kwargs)] * self.num_envs

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        del wrapper_class, indices
        return [False] * self.num_envs


def _flat(obs: dict[str, Array]) -> Array:
    seen = obs["observation"]
    return seen.reshape(len(seen), -1).astype(np.float32)
