"""A team's task as a pettingzoo.ParallelEnv: the B = 1 view of its worlds, by agent."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.utils import seeding
from pettingzoo import ParallelEnv

from entitybench.envs.core.alone import plain
from entitybench.envs.core.world import TeamWorld
from entitybench.envs.views.copies import Framed
from entitybench.envs.views.spaces import (
    EPISODE_SEEDS,
    RENDER_MODES,
    about,
    check_finite,
    check_options,
    check_render_mode,
    check_seed,
    entity_box,
    frame_size,
    refuse_threads,
    shapes_in,
)
from entitybench.envs.worlds import make_worlds, task_of
from entitybench.errors import BadValue

if TYPE_CHECKING:
    from entitybench.envs.core.batch import Snapshot
    from entitybench.types import Array, Obs, TaskSpec


def actions_of(world: TeamWorld, joint: Array) -> dict[str, Any]:
    """Actions by agent as `TeamEnv.step` takes them, from those of a policy: (M, A) in [-1, 1]."""
    if world.actions is None:
        return dict(zip(world.agents, joint, strict=True))
    count = world.actions
    chosen = np.clip(np.floor((joint[:, 0] + 1) * count / 2), 0, count - 1).astype(int)
    return dict(zip(world.agents, chosen.tolist(), strict=True))


class TeamEnv(Framed, ParallelEnv):  # type: ignore[misc]  # it has no types
    """One episode at a time, a dict entry an agent; all agents act, and all end together.

    `reset(seed=s)` starts the episode of seed s, the one that row b of a batch with seeds[b] = s
    starts, and equal actions take both through the same states bit for bit. Each agent's info holds
    the team's "is_success", "success_fraction" and "unstable" (the simulation has gone wrong since
    the reset) every step, the first agent's also what is asked for of the whole scene
    (interactions, pixels).
    """

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
            render_mode: "rgb_array" or None.
            horizon: control steps of an episode; the task's own by default.
            width: of rendered frames, pixels; 480 by default.
            height: of rendered frames, pixels; 480 by default.
            kwargs: as `make_worlds` takes them (bank, absent, interactions), and arguments of the
                world.
        """
        self.task = task_of(task)
        if render_mode == "human":
            raise BadValue('a team has no window: use render_mode="rgb_array" or None.')
        self.render_mode = check_render_mode(render_mode)
        self._frame = frame_size(render_mode, width, height)
        refuse_threads(kwargs)
        self.worlds = make_worlds(self.task, 1, horizon=horizon, **kwargs)
        world = self.worlds.world
        if not isinstance(world, TeamWorld):
            raise BadValue(f"{self.task.id} has one agent: make it with entitybench.make(…).")
        self.world = world
        self._shape = world.action_shape
        self._own_shape = world.action_shape[1:]
        self._alone = self.worlds.alone is not None and world.actions is None
        self.metadata = {
            "name": f"{self.task.id}-v{self.task.version}",
            "render_modes": list(RENDER_MODES[:1]),
            "render_fps": max(1, round(1 / world.control_dt)),
            "is_parallelizable": True,
        }
        self.possible_agents = list(world.agents)
        self.agents: list[str] = []
        high = np.asarray(world.agent_bounds, np.float32)
        box: spaces.Space[Any] = spaces.Box(-1.0, 1.0, (world.action_dim,), np.float32)
        if world.actions is not None:
            box = spaces.Discrete(world.actions)
        self.observation_spaces = {
            name: spaces.Box(-high, high, dtype=np.float32) for name in world.agents
        }
        # A space of its own for each agent, so that seeding one seeds no other.
        self.action_spaces = {name: copy.deepcopy(box) for name in world.agents}
        central = entity_box(world)
        self.state_space = spaces.Box(central.low.ravel(), central.high.ravel(), dtype=np.float32)
        self.state_names = [f"{b}.{f}" for b in world.bodies for f in world.feature_names]
        self.episode_seed: int | None = None
        self._central: Array | None = None
        self._random: np.random.Generator | None = None
        self._renderer = None

    def __repr__(self) -> str:
        first = self.possible_agents[0]
        return about(
            self,
            f", {len(self.possible_agents)} agents",
            f"observation {shapes_in(self.observation_spaces[first])} each",
            f"action {shapes_in(self.action_spaces[first])} each",
            f"state {self.state_space.shape}",
        )

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space[Any]:
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begin the episode of a seed, or of one drawn from this environment's own generator.

        The infos' "seed" is the episode's.
        """
        check_options(options, ignored=("options",))  # PettingZoo's tests pass it
        if seed is not None:
            seed = check_seed(seed)
            self._random = seeding.np_random(seed)[0]
        if self._random is None:
            self._random = seeding.np_random(None)[0]
        drawn = int(self._random.integers(EPISODE_SEEDS)) if seed is None else seed
        obs = self.worlds.reset([drawn])
        return self._as_reset(obs)

    def step(
        self, actions: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict]]:
        names = self.agents
        if not names:
            raise gymnasium.error.ResetNeeded("call reset() before the first step().")
        numbers = self._numbers(actions) if self._alone else None
        obs, scores, ended, cut = self.stepped(self._joint(actions) if numbers is None else numbers)
        seen: dict[str, Any] = {}
        rewards: dict[str, float] = {}
        terminated: dict[str, bool] = {}
        truncated: dict[str, bool] = {}
        infos: dict[str, dict[str, Any]] = {}
        shown, paid = obs["observation"], scores.pop("reward")
        more = None
        if len(obs) > len(_SHARED) or "interactions" in scores:
            more = self._of_the_scene(obs, scores)
        # One loop, which takes half the time of five comprehensions.
        for i, name in enumerate(names):
            seen[name] = shown[i]
            rewards[name] = paid[i]
            terminated[name] = ended
            truncated[name] = cut
            infos[name] = scores.copy()
        if more is not None:
            infos[names[0]] |= more
        return seen, rewards, terminated, truncated, infos

    def stepped(self, actions: Array | list[float]) -> tuple[Obs, dict[str, Any], bool, bool]:
        """Step without names: what is observed, the scores, and whether a state or time ended it.

        Args:
            actions: of all agents, (M, A), or flat numbers where the world is stepped by them.
        """
        worlds = self.worlds
        if isinstance(actions, list):
            obs, scores = worlds.step_numbers(actions)
        else:
            obs, scores = worlds.step_alone(actions)
        self._central = obs["state"]
        ended: bool = scores.pop("terminated", False)
        cut = worlds.over()
        if ended or cut:
            self.agents = []
        return obs, scores, ended, cut

    def state(self) -> Array:
        """The central state: the entities (N, D), flat float32; names in `state_names`."""
        if self._central is None:
            raise gymnasium.error.ResetNeeded("call reset() before state().")
        return self._central.ravel().copy()

    def render(self) -> Array | None:
        """A frame (height, width, 3) uint8 of the present state."""
        if self.render_mode is None:
            gymnasium.logger.warn(
                'render() shows nothing: make the environment with render_mode="rgb_array".'
            )
            return None
        return self._drawn(0)

    def snapshot(self) -> Snapshot:
        """All that `restore` needs to go on exactly from here, also in mid-episode."""
        return self.worlds.snapshot()

    def restore(self, snapshot: Snapshot) -> tuple[dict[str, Any], dict[str, Any]]:
        """Go back to a snapshot of this environment. Returns observations and infos, as `reset`."""
        obs = self.worlds.restore(snapshot)
        ended = snapshot.elapsed[0] >= self.worlds.horizon
        if self.world.terminates:
            ended |= self.world.terminated(snapshot.state)[0]
        result = self._as_reset(obs)
        if ended:
            self.agents = []
        return result

    def close(self) -> None:
        """Free threads and contexts. Closing twice is allowed."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None
        self.agents = []
        self.worlds.close()

    def _as_reset(self, batch: Obs) -> tuple[dict[str, Any], dict[str, Any]]:
        self.agents = list(self.possible_agents)
        self.episode_seed = int(self.worlds.seeds[0])
        obs = {key: value[0] for key, value in batch.items()}
        self._central = obs["state"]
        scores = {key: value[0] for key, value in self.worlds.judge().items()}
        scores.pop("reward")
        scores.pop("terminated", None)
        more = self._of_the_scene(obs, scores)
        told = {"seed": self.episode_seed, **plain(scores)}
        infos: dict[str, dict[str, Any]] = {name: told.copy() for name in self.agents}
        infos[self.agents[0]] |= more
        return dict(zip(self.agents, obs["observation"], strict=True)), infos

    @staticmethod
    def _of_the_scene(obs: Obs, scores: dict[str, Any]) -> dict[str, Any]:
        """What the first agent's info holds of the whole scene; taken out of the scores."""
        more = {"interactions": scores.pop("interactions")} if "interactions" in scores else {}
        if len(obs) > len(_SHARED):
            more |= {key: value for key, value in obs.items() if key not in _SHARED}
        return more

    def _numbers(self, actions: dict[str, Any]) -> list[float] | None:
        """The numbers of all actions, flat, if they are as they should be; None: `_joint` says."""
        if type(actions) is not dict or len(actions) != len(self.agents):
            return None
        shape, joint = self._own_shape, list[float]()
        for name in self.agents:
            action = actions.get(name)
            if type(action) is not np.ndarray or action.shape != shape:
                return None
            joint += action.tolist()
        try:
            return joint if math.isfinite(sum(joint)) else None
        except TypeError:  # no numbers
            return None

    def _joint(self, actions: dict[str, Any]) -> Array:
        """The actions (M, A) of all agents. Raises BadValue for what is no action of theirs."""
        names = self.agents
        if not isinstance(actions, dict):
            raise BadValue(f"actions are a dict by agent ({', '.join(names)}): got {actions!r}.")
        try:
            mine = [actions[name] for name in names]
        except KeyError:
            mine = []
        if len(mine) != len(actions) or not mine:
            got = ", ".join(map(str, actions)) or "none"
            raise BadValue(f"an action of each agent is needed ({', '.join(names)}): got {got}.")
        if self.world.actions is not None:
            return self._chosen(actions)
        try:
            joint = np.array(mine, np.float64)
        except (TypeError, ValueError):  # rows of different lengths, or no numbers
            raise self._misshapen(actions) from None
        if joint.shape != self._shape:
            raise self._misshapen(actions)
        check_finite(joint)
        return joint

    def actions_of(self, joint: Array) -> dict[str, Any]:
        """The actions that `step` takes, by agent, from those of a policy: (M, A) in [-1, 1]."""
        return actions_of(self.world, joint)

    def _misshapen(self, actions: dict[str, Any]) -> BadValue:
        wanted = (self.world.action_dim,)
        for name in self.agents:
            shape = np.asarray(actions[name]).shape
            if shape != wanted:
                return BadValue(f"an action of {name} has the shape {wanted}: got {shape}.")
        return BadValue(f"an action of each agent has the shape {wanted}.")

    def _chosen(self, actions: dict[str, Any]) -> Array:
        """Discrete choices 0 .. n - 1 as the middles of n equal parts of [-1, 1]."""
        count = self.world.actions or 1
        for name in self.agents:
            choice = actions[name]
            if not isinstance(choice, int | np.integer) or not 0 <= choice < count:
                raise BadValue(f"an action of {name} is 0 to {count - 1}: got {choice!r}.")
        chosen = np.array([[actions[name]] for name in self.agents], np.float64)
        return (2 * chosen + 1) / count - 1


_SHARED = ("observation", "state")  # what every team observes; others have pixels and the like
