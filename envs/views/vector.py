"""A task as a gymnasium.vector.VectorEnv: the B = n view of its worlds."""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from entitybench.envs.views.copies import Framed, Specified
from entitybench.envs.views.spaces import (
    EPISODE_SEEDS,
    PRIVILEGED,
    RENDER_MODES,
    about,
    action_space,
    check_finite,
    check_options,
    check_render_mode,
    check_seed,
    frame_size,
    observation_space,
    observed,
    seen,
    shapes_in,
    wide,
)
from entitybench.envs.worlds import make_worlds, task_of
from entitybench.errors import BadValue, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gymnasium.envs.registration import EnvSpec

    from entitybench.envs.core.batch import Snapshot
    from entitybench.types import Array, Obs, TaskSpec


@dataclass(frozen=True, slots=True)
class VectorSnapshot:
    """All that `TaskVectorEnv.restore` needs: the worlds, and what decides the next episodes."""

    worlds: Snapshot
    ended: Array
    episode_seeds: Array
    generators: list[np.random.Generator | None]


class TaskVectorEnv(Framed, Specified, VectorEnv):
    """B episodes side by side; row b is what a single environment with the same seeds gives.

    An episode ends by truncation at the horizon, of few tasks by termination before. What then
    follows is the autoreset mode, one of Gymnasium's three:

    * NEXT_STEP (default): the next step of that row ignores its action and begins a new episode,
      with reward 0.
    * SAME_STEP: the same step returns the new episode's first observation; the last one of the old
      episode is in `infos["final_obs"]`, its info in `infos["final_info"]`.
    * DISABLED: nothing; `reset(options={"reset_mask": ended})` begins new episodes.

    A row's next episode is drawn from the row's own generator, so it does not depend on the others.
    """

    def __init__(
        self,
        task: str | TaskSpec,
        num_envs: int = 1,
        *,
        threads: int | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        render_mode: str | None = None,
        horizon: int | None = None,
        max_episode_steps: int | None = None,
        width: int | None = None,
        height: int | None = None,
        **kwargs: Any,
    ) -> None:
        """Make it.

        Args:
            num_envs: B.
            threads: that step the physics; as many as this process has cores by default.
            autoreset_mode: what follows the end of an episode.
            render_mode: "rgb_array" or None.
            horizon: control steps of an episode; the task's own by default.
            max_episode_steps: the same, as `gymnasium.make_vec` calls it.
            width: of rendered frames, pixels; 480 by default.
            height: of rendered frames, pixels; 480 by default.
            kwargs: as `make_worlds` takes them (bank, absent, interactions), and arguments of the
                world, e.g. view="side".
        """
        try:
            self.autoreset_mode = AutoresetMode(autoreset_mode)
        except ValueError:
            modes = ", ".join(mode.value for mode in AutoresetMode)
            raise BadValue(f"no autoreset mode {autoreset_mode!r}; it is one of {modes}.") from None
        if render_mode == "human":
            raise BadValue('a batch has no window: use render_mode="rgb_array" or None.')
        self.render_mode = check_render_mode(render_mode)
        self._frame = frame_size(render_mode, width, height)
        self.task = task_of(task)
        if max_episode_steps is not None:
            if horizon is not None:
                raise BadValue(
                    f"horizon={horizon} and max_episode_steps={max_episode_steps} are the same: "
                    "give one of them."
                )
            horizon = max_episode_steps
        num_envs = whole("num_envs", num_envs)
        threads = cores() if threads is None else threads
        self.worlds = make_worlds(self.task, num_envs, threads, horizon=horizon, **kwargs)
        self.world: Any = self.worlds.world
        self.num_envs = num_envs
        self.metadata = {
            "render_modes": list(RENDER_MODES[:1]),
            "render_fps": round(1 / self.world.control_dt),
            "autoreset_mode": self.autoreset_mode,
        }
        self.single_observation_space = observation_space(self.worlds)
        self.single_action_space = action_space(self.world)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._begun = False
        self._ended = np.zeros(num_envs, bool)
        self._episode_seeds = np.zeros(num_envs, np.int64)
        self._generators: list[np.random.Generator | None] = [None] * num_envs
        self._renderer = None

    def _specify(self, spec: EnvSpec | None) -> None:
        if spec is not None:
            spec.max_episode_steps = self.worlds.horizon  # what is done
        super()._specify(spec)

    def __repr__(self) -> str:
        action = f"action {shapes_in(self.action_space)}"
        title = f" × {self.num_envs}"
        return about(self, title, observed(self.observation_space), action)

    __str__ = __repr__

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Any, dict[str, Any]]:
        """Begin new episodes: of the seeds given, seed + b in row b, or of seeds the rows draw.

        `options={"reset_mask": (B,) bool}` begins only some. `infos["seed"]` are the episodes'.
        """
        mask = self._mask(options)
        if not (self._begun or mask.all()):
            raise BadValue("the first reset begins all rows: leave reset_mask out.")
        rows = np.flatnonzero(mask)
        obs = self.worlds.reset_rows(rows.tolist(), self._seeds(seed, rows))
        self._ended[rows] = False
        self._begun = True
        return self._as_reset(obs, mask)

    def step(self, actions: Array) -> tuple[Any, Array, Array, Array, dict[str, Any]]:
        if not self._begun:
            raise gymnasium.error.ResetNeeded("call reset() before the first step().")
        actions = np.asarray(actions)
        if actions.shape != self.action_space.shape:
            raise BadValue(f"actions have the shape {self.action_space.shape}: {actions.shape}.")
        check_finite(actions)
        begun = np.flatnonzero(self._ended)
        if len(begun) and self.autoreset_mode is not AutoresetMode.NEXT_STEP:
            raise BadValue('an episode has ended: call reset(options={"reset_mask": ended}) first.')
        obs, infos = self.worlds.step(actions)
        infos = wide(infos)
        reward = infos.pop("reward")
        if len(begun):
            obs = self._begin(begun, infos)
            reward[begun] = 0
        terminated = infos.pop("terminated", np.zeros(self.num_envs, bool))
        truncated = self.worlds.elapsed >= self.worlds.horizon
        ended = terminated | truncated
        if self.autoreset_mode is AutoresetMode.SAME_STEP and ended.any():
            final = self._finals(obs, infos, ended)
            obs = self._begin(np.flatnonzero(ended), infos)
            infos.update(final)
        else:
            self._ended = ended
        obs, infos = self._finish(obs, infos, np.ones(self.num_envs, bool))
        return obs, reward, terminated, truncated, infos

    def render(self) -> tuple[Array, ...] | None:
        """A frame (height, width, 3) uint8 of each row."""
        if self.render_mode is None:
            return None
        return tuple(self._drawn(row) for row in range(self.num_envs))

    def snapshot(self) -> VectorSnapshot:
        """All that `restore` needs to go on exactly from here, also in mid-episode."""
        return VectorSnapshot(
            self.worlds.snapshot(),
            self._ended.copy(),
            self._episode_seeds.copy(),
            copy.deepcopy(self._generators),
        )

    def restore(self, snapshot: VectorSnapshot) -> tuple[Any, dict[str, Any]]:
        """Go back to a snapshot of this environment. Returns observation and infos, as `reset`."""
        obs = self.worlds.restore(snapshot.worlds)
        self._ended = snapshot.ended.copy()
        self._episode_seeds = snapshot.episode_seeds.copy()
        self._generators = copy.deepcopy(snapshot.generators)
        self._begun = True
        return self._as_reset(obs, np.ones(self.num_envs, bool))

    def close_extras(self, **kwargs: Any) -> None:  # noqa: ARG002 - Gymnasium's signature
        """Free threads and contexts."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None
        self._begun = False
        self.worlds.close()

    def _mask(self, options: dict[str, Any] | None) -> Array:
        check_options(options, ("reset_mask",))
        mask = np.ones(self.num_envs, bool)
        if options is not None and "reset_mask" in options:
            mask = np.asarray(options["reset_mask"])
            if mask.shape != (self.num_envs,) or mask.dtype != bool or not mask.any():
                raise BadValue(
                    f"reset_mask is {self.num_envs} booleans, at least one of them True."
                )
        return mask

    def _seeds(self, seed: int | Sequence[int | None] | None, rows: Array) -> list[int]:
        """Seeds of the episodes to begin in `rows`; seeded rows get a new generator."""
        given: list[int | None]
        if seed is None:
            given = [None] * self.num_envs
        elif isinstance(seed, int | np.integer):
            given = [check_seed(seed) + row for row in range(self.num_envs)]
        else:
            given = list(seed)
        if len(given) != self.num_envs:
            raise BadValue(f"{self.num_envs} environments need as many seeds: got {len(given)}.")
        for row in rows:
            one = given[row]
            if one is not None:
                self._generators[row] = seeding.np_random(check_seed(one))[0]
        return [self._note(row, given[row]) for row in rows]

    def _note(self, row: int, seed: int | None) -> int:
        if seed is None:
            generator = self._generators[row]
            if generator is None:
                generator = self._generators[row] = seeding.np_random(None)[0]
            seed = int(generator.integers(EPISODE_SEEDS))
        self._episode_seeds[row] = seed
        return int(seed)

    def _begin(self, rows: Array, infos: dict[str, Any]) -> Obs:
        """New episodes in `rows`; their scores and seeds go into `infos`."""
        obs = self.worlds.reset_rows(rows.tolist(), [self._note(row, None) for row in rows])
        fresh = self.worlds.judge()
        for key in infos:
            infos[key][rows] = fresh[key][rows]
        begun = infos["_seed"] = np.zeros(self.num_envs, bool)
        begun[rows] = True
        infos["seed"] = np.where(begun, self._episode_seeds, 0)  # as Gymnasium fills the others
        return obs

    def _finals(self, obs: Obs, infos: dict[str, Any], ended: Array) -> dict[str, Any]:
        """Gymnasium's "final_obs" and "final_info" of the episodes that have ended."""
        final = np.full(self.num_envs, None, dtype=object)
        privileged = {key: obs[key] for key in PRIVILEGED if key in obs}
        for row in np.flatnonzero(ended):
            final[row] = seen({key: obs[key][row].copy() for key in obs}, {})
        final_info: dict[str, Any] = {}
        for key, values in {**infos, **privileged}.items():
            final_info[key] = np.zeros_like(values)
            final_info[key][ended] = values[ended]
            final_info[f"_{key}"] = ended.copy()
        return {
            "final_obs": final,
            "_final_obs": ended.copy(),
            "final_info": final_info,
            "_final_info": ended.copy(),
        }

    def _as_reset(self, obs: Obs, mask: Array) -> tuple[Any, dict[str, Any]]:
        """Observation and infos of states that no step led to: without rewards."""
        infos = wide(self.worlds.judge())
        infos.pop("reward")
        infos.pop("terminated", None)
        return self._finish(obs, {"seed": self._episode_seeds.copy(), **infos}, mask)

    def _finish(self, obs: Obs, infos: dict[str, Any], mask: Array) -> tuple[Any, dict[str, Any]]:
        """Move what is privileged from `obs` to `infos`, and add Gymnasium's masks."""
        obs = seen(obs, infos)
        for key in [key for key in infos if not key.startswith("_") and f"_{key}" not in infos]:
            infos[f"_{key}"] = mask.copy()
        return obs, infos


class GoalVectorEnv(TaskVectorEnv):
    """Many episodes of a goal task: "observation", "achieved_goal" and "desired_goal" (B, N, D)."""


class RewardVectorEnv(TaskVectorEnv):
    """Many episodes of a reward task: the observation is the entities (B, N, D), or images."""


def cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
