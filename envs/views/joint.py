"""A team's task as one gymnasium.Env that acts for all agents.

For what knows one agent only: Minari recovers it from the data of a team. Learners of teams take
`TeamEnv`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
from gymnasium import spaces

from entitybench.envs.views.copies import Copied, Specified
from entitybench.envs.views.gym import AGENT_REWARDS, joint_id
from entitybench.envs.views.spaces import (
    ENDLESS,
    about,
    check_finite,
    check_options,
    check_seed,
    entity_box,
    observed,
    refuse_horizon,
    shapes_in,
)
from entitybench.envs.views.team import TeamEnv
from entitybench.errors import BadValue

if TYPE_CHECKING:
    from gymnasium.envs.registration import EnvSpec

    from entitybench.envs.core.batch import Worlds
    from entitybench.types import Array, Obs, TaskSpec


def joint_spec(task: TaskSpec) -> EnvSpec:
    """What `gymnasium.make` makes the joint environment of."""
    from gymnasium.envs.registration import EnvSpec

    return EnvSpec(
        id=joint_id(task),
        entry_point="entitybench.envs.views.joint:without_limit",
        kwargs={"task": task.id},
        max_episode_steps=task.horizon,
        order_enforce=False,
        disable_env_checker=True,
    )


def without_limit(task: str, **kwargs: Any) -> JointEnv:
    """What `gymnasium.make` makes: it wraps it in its TimeLimit."""
    refuse_horizon(kwargs)
    return JointEnv(task, horizon=ENDLESS, **kwargs)


class JointEnv(Copied, Specified, gymnasium.Env):
    """One episode at a time; equal, bit for bit, to `TeamEnv` with the same seed and actions.

    An observation is a dict: what each agent sees, under its name, and "state", the entities
    (N, D); "mask" where entities can be absent. An action is a dict of arrays (A,) in [-1, 1] by
    agent; of discrete choices each stands for the part of [-1, 1] it lies in. The reward is the
    mean over the agents, whose own are in `info["agent_rewards"]` (M,).
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012

    def __init__(self, task: str, *, render_mode: str | None = None, **kwargs: Any) -> None:
        """Make it; arguments as `TeamEnv` takes them."""
        self.team = TeamEnv(task, render_mode=render_mode, **kwargs)
        self.task = self.team.task
        self.render_mode = render_mode
        self.metadata = {**type(self).metadata, "render_fps": self.team.metadata["render_fps"]}
        world = self.team.world
        self.agents = list(world.agents)
        shape = (world.action_dim,)
        seen: dict[str, spaces.Space[Any]] = {**self.team.observation_spaces}
        seen["state"] = entity_box(world)
        if self.team.worlds.bank.varies_number:
            seen["mask"] = spaces.MultiBinary(world.entities)
        self.observation_space = spaces.Dict(seen)
        self.action_space = spaces.Dict(
            {name: spaces.Box(-1.0, 1.0, shape, np.float32) for name in self.agents}
        )

    @property
    def worlds(self) -> Worlds:
        """Those of the team."""
        return self.team.worlds

    def __repr__(self) -> str:
        action = f"action {shapes_in(self.action_space)}"
        return about(self, "", observed(self.observation_space), action)

    __str__ = __repr__

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Array], dict[str, Any]]:
        check_options(options)
        if seed is not None:
            super().reset(seed=check_seed(seed))
        _, infos = self.team.reset(seed)
        info = {k: v for k, v in infos[self.agents[0]].items() if k != "mask"}
        info[AGENT_REWARDS] = np.zeros(len(self.agents), np.float32)
        obs = {name: value[0] for name, value in self.team.worlds.observe().items()}
        return self._seen(obs), info

    def step(
        self, action: dict[str, Array]
    ) -> tuple[dict[str, Array], float, bool, bool, dict[str, Any]]:
        if not self.team.agents:
            raise gymnasium.error.ResetNeeded("call reset() before the next step().")
        obs, info, ended, cut = self.team.stepped(self._joint(action))
        rewards = np.array(info.pop("reward"), np.float32)
        info[AGENT_REWARDS] = rewards
        return self._seen(obs), float(rewards.mean(dtype=np.float64)), ended, cut, info

    def render(self) -> Array | None:
        return self.team.render()

    def close(self) -> None:
        self.team.close()

    def _joint(self, action: dict[str, Array]) -> Array:
        shape = self.team.world.action_shape
        try:
            joint = np.array([action[name] for name in self.agents], np.float64)
        except (KeyError, TypeError, ValueError, IndexError):
            joint = np.zeros(0)
        if joint.shape != shape:
            raise BadValue(
                f"an action is a dict with an array ({shape[1]},) for each of "
                f"{', '.join(self.agents)}: got {action!r}."
            )
        check_finite(joint)
        return joint

    def _seen(self, obs: Obs) -> dict[str, Array]:
        found = dict(zip(self.agents, obs["observation"], strict=True))
        found["state"] = obs["state"]
        if "mask" in obs:
            found["mask"] = obs["mask"].astype(np.int8)
        return found
