"""A task as a gymnasium.Env: the B = 1 view of its worlds.

`GoalEnv` is that of goal tasks, with Gymnasium-Robotics' GoalEnv API; `RewardEnv` that of reward
tasks. Teams have `TeamEnv` (envs/views/team.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from zlib import crc32

import gymnasium
import numpy as np

from entitybench.envs.core.alone import plain
from entitybench.envs.core.world import GoalWorld, RewardWorld, World
from entitybench.envs.views.copies import Framed, Specified
from entitybench.envs.views.spaces import (
    ENDLESS,
    EPISODE_SEEDS,
    RENDER_MODES,
    about,
    action_space,
    check_finite,
    check_options,
    check_render_mode,
    check_seed,
    frame_size,
    numbers_of,
    observation_space,
    observed,
    refuse_horizon,
    refuse_threads,
    seen,
    shapes_in,
)
from entitybench.envs.worlds import make_worlds, stepped, task_of
from entitybench.errors import BadValue
from entitybench.registry import resolve

if TYPE_CHECKING:
    from entitybench.envs.core.batch import Snapshot
    from entitybench.envs.views.window import Window
    from entitybench.types import Array, Obs, TaskSpec


class TaskEnv(Framed, Specified, gymnasium.Env):
    """One episode at a time. Truncates at the horizon; few tasks terminate before.

    `reset(seed=s)` starts the episode of seed s, the one that row b of a batch with seeds[b] = s
    starts, and equal actions take both through the same states bit for bit. `info` holds
    "is_success", "success_fraction" and "unstable" (the simulation has gone wrong since the reset,
    so the episode means nothing) every step; of pixel tasks also the entities behind the images:
    "state" and, with a goal, "goal_state" and "goal_digest" (the CRC-32 of the goal's image).
    """

    world_class: Any = World  # what worlds it is a view of

    metadata: dict[str, Any] = {"render_modes": list(RENDER_MODES), "render_fps": 10}  # noqa: RUF012

    def __init__(
        self,
        task: str | TaskSpec,
        *,
        render_mode: str | None = None,
        horizon: int | None = None,
        width: int | None = None,
        height: int | None = None,
        **kwargs: Any,
    ) -> None:
        """Make it.

        Args:
            render_mode: "rgb_array", "human" (a window) or None.
            horizon: control steps of an episode; the task's own by default.
            width: of rendered frames, pixels; 480 by default.
            height: of rendered frames, pixels; 480 by default.
            kwargs: as `make_worlds` takes them (bank, absent, interactions), and arguments of the
                world, e.g. view="side".
        """
        self.render_mode = check_render_mode(render_mode)
        self._frame = frame_size(render_mode, width, height)
        self.task = task_of(task)
        refuse_threads(kwargs)
        self.worlds = make_worlds(self.task, 1, horizon=horizon, **kwargs)
        self.world: Any = self.worlds.world
        if not isinstance(self.world, self.world_class):
            raise BadValue(
                f"{self.task.id} is a {self.task.kind} task: make it with entitybench.make(…)."
            )
        self.metadata = {**type(self).metadata, "render_fps": round(1 / self.world.control_dt)}
        self.observation_space = observation_space(self.worlds)
        self.action_space = action_space(self.world)
        self._action = self.action_space.shape
        self._begun = False
        self._pixels = self.world.pixels is not None
        # Whether an observation is anything but the three arrays of a goal task.
        three = isinstance(self.world, GoalWorld) and not self.worlds.bank.varies_number
        self._more = self._pixels or not three
        self._alone = self.worlds.alone is not None
        self._renderer = None
        self._window: Window | None = None

    def __repr__(self) -> str:
        action = f"action {shapes_in(self.action_space)}"
        return about(self, "", observed(self.observation_space), action)

    __str__ = __repr__

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin the episode of a seed, or of one drawn from this environment's own generator.

        `info["seed"]` is the episode's seed.
        """
        check_options(options)
        if seed is not None:
            seed = check_seed(seed)
        super().reset(seed=seed)
        episode = int(self.np_random.integers(EPISODE_SEEDS)) if seed is None else seed
        obs = self.worlds.reset([episode])
        self._begun = True
        obs, info = self._as_reset(obs)
        if self.render_mode == "human":
            self.render()
        return obs, {**info, "seed": episode}

    def step(self, action: Array) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        if not self._begun:
            raise gymnasium.error.ResetNeeded("call reset() before the first step().")
        worlds = self.worlds
        numbers = numbers_of(action, self._action)
        if numbers is None:
            action = self._checked(action)
        if not self._alone:
            obs, info = worlds.step_alone(action)
        else:
            obs, info = worlds.step_numbers(action.tolist() if numbers is None else numbers)
        if self._more:
            obs = self._seen(obs, info)
        if self.render_mode == "human":
            self.render()
        reward, terminated = info.pop("reward"), info.pop("terminated", False)
        return obs, reward, terminated, worlds.over(), info

    def render(self) -> Array | None:
        """A frame (height, width, 3) uint8 of the present state; in a window with "human"."""
        if self.render_mode is None:
            gymnasium.logger.warn(
                'render() shows nothing: make the environment with render_mode="rgb_array".'
            )
            return None
        if self.render_mode == "human":
            if self._window is None:
                from entitybench.envs.views.window import Window

                self._window = Window(self.worlds)
            self._window.show()
            return None
        return self._drawn(0)

    def snapshot(self) -> Snapshot:
        """All that `restore` needs to go on exactly from here, also in mid-episode."""
        return self.worlds.snapshot()

    def restore(self, snapshot: Snapshot) -> tuple[Any, dict[str, Any]]:
        """Go back to a snapshot of this environment. Returns observation and info, as `reset`."""
        obs = self.worlds.restore(snapshot)
        self._begun = True
        return self._as_reset(obs)

    def close(self) -> None:
        """Free contexts and windows. Closing twice is allowed."""
        for part in (self._renderer, self._window):
            if part is not None:
                part.close()
        self._renderer = self._window = None
        self._begun = False
        self.worlds.close()

    def _checked(self, action: Any) -> Array:
        """An action as an array (A,). Raises BadValue unless it is one, of finite numbers."""
        action = np.asarray(action)
        if action.shape != self._action:
            raise BadValue(f"an action has the shape {self._action}: got {action.shape}.")
        check_finite(action)
        return action

    def _as_reset(self, batch: Obs) -> tuple[Any, dict[str, Any]]:
        """Observation and info of a state that no step led to: without a reward."""
        info: dict[str, Any] = {key: value[0] for key, value in self.worlds.judge().items()}
        info.pop("reward")
        info.pop("terminated", None)
        info = plain(info)
        return self._seen({k: value[0] for k, value in batch.items()}, info), info

    def _seen(self, obs: Obs, info: dict[str, Any]) -> Any:
        """`seen`, and of which goal "goal_state" tells; see `GoalEnv.compute_reward`."""
        if self._pixels and "desired_goal" in obs:
            info["goal_digest"] = crc32(obs["desired_goal"].data)
        return seen(obs, info)


def without_limit(task: str | TaskSpec, **kwargs: Any) -> TaskEnv:
    """What `gymnasium.make` makes: it wraps it in its TimeLimit, of the horizon or what is asked.

    Raises BadValue for `horizon`, which Gymnasium calls max_episode_steps.
    """
    refuse_horizon(kwargs)
    views = stepped(task_of(task)).views
    if views is None:
        raise BadValue(f"{task_of(task).id} has several agents: make it with entitybench.make(…).")
    env: TaskEnv = resolve(views[0])(task, horizon=ENDLESS, **kwargs)
    return env


without_limit.metadata = TaskEnv.metadata  # type: ignore[attr-defined]  # Gymnasium looks there


class RewardEnv(TaskEnv):
    """A reward task: the observation is the entities (N, D), or an image."""

    world_class = RewardWorld

    @property
    def state(self) -> Array:
        """The state (S,) that rewards are computed from; a copy."""
        return self.worlds.state[0].copy()

    def reward_of(self, before: Array, action: Array, after: Array) -> Any:
        """Rewards of any number of transitions (..., S), (..., A), (..., S): what `step` gives.

        Not called compute_reward: by that name learners know the environments with goals.
        """
        return self.world.reward(np.asarray(before), np.clip(action, -1.0, 1.0), np.asarray(after))


class GoalEnv(TaskEnv):
    """A goal task: "observation", "achieved_goal" and "desired_goal", each (N, D), or images."""

    world_class = GoalWorld

    def compute_reward(
        self,
        achieved_goal: Array,
        desired_goal: Array,
        info: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    ) -> Any:
        """Rewards of any number of (achieved, desired) pairs: what `step` gives, bit for bit.

        Images do not tell exactly where things are, so pixel tasks take "state" and "goal_state"
        from `info` (one, or a sequence of them): to relabel, set "goal_state" there to what the
        new image shows, and leave out "goal_digest", which is of the old one.

        Raises BadValue where an image is another goal's than "goal_state": learners such as SB3's
        with its HerReplayBuffer relabel images and not infos, and would be told that they failed.
        """
        if self._pixels:
            infos = [info] if isinstance(info, Mapping) else info
            _check_goals(np.asarray(desired_goal), infos, self.task.id)
            achieved_goal = self.world.achieved(_gather(info, "state"))
            desired_goal = _gather(info, "goal_state")
        return self.world.reward(np.asarray(achieved_goal), np.asarray(desired_goal))

    def compute_terminated(self, achieved_goal: Array, desired_goal: Array, info: Any) -> Any:
        """All False: reaching a goal ends nothing."""
        return np.zeros_like(self.compute_reward(achieved_goal, desired_goal, info), bool)[()]

    def compute_truncated(self, achieved_goal: Array, desired_goal: Array, info: Any) -> Any:
        """All False: where the horizon is does not depend on goals."""
        return np.zeros_like(self.compute_reward(achieved_goal, desired_goal, info), bool)[()]


def _check_goals(images: Array, infos: Sequence[Mapping[str, Any]], task: str) -> None:
    """Raise BadValue unless infos tell of the goals that images (..., H, W, 3) show."""
    state = task.removesuffix("-pixels")
    if not all("state" in info and "goal_state" in info for info in infos):
        raise BadValue(
            'rewards of images need "state" and "goal_state" of each in info; relabelling goals '
            f"as HerReplayBuffer does gives none: take {state}."
        )
    for image, info in zip(images.reshape(-1, *images.shape[-3:]), infos, strict=True):
        if info.get("goal_digest", digest := crc32(np.ascontiguousarray(image).data)) != digest:
            raise BadValue(
                'an image shows another goal than info["goal_state"]: goals were relabelled and '
                f"infos were not, as HerReplayBuffer does; take {state}, or set goal_state too."
            )


def _gather(info: Mapping[str, Any] | Sequence[Mapping[str, Any]], key: str) -> Array:
    if isinstance(info, Mapping):
        return np.asarray(info[key])
    return np.stack([one[key] for one in info])
