"""An episode store as Minari's buffers and spaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.datasets.generate.replay import check_shapes
from entitybench.datasets.minari.leaves import is_plain, is_text, later
from entitybench.datasets.minari.spaces import space_of
from entitybench.envs.core.world import GoalWorld, TeamWorld, World
from entitybench.envs.views.gym import AGENT_REWARDS
from entitybench.notices import warn
from entitybench.registry import tasks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.datasets.store.store import EpisodeStore
    from entitybench.types import Array, TaskSpec

Leaves = dict[str, Any]  # arrays by name, or by agent

OF_TEAM = ("observations", "entities", "actions", "rewards")


class Source:
    """What Minari shall hold of a store.

    Attributes:
        shared: the columns that Minari itself holds in a form that gives them back.
        agents: of a team, in order; else empty.
    """

    def __init__(self, store: EpisodeStore) -> None:
        self.store = store
        self.task: TaskSpec | None = None
        self.world: World | None = None
        if self._is_ours() and "observations" in store.columns:
            from entitybench.envs.api import world_of

            self.task = tasks()[str(store.task)]
            self.world = world_of(self.task, **(store.manifest.get("task_kwargs") or {}))
            check_shapes(store)
        is_team = isinstance(self.world, TeamWorld) and set(OF_TEAM) <= set(store.columns)
        self.agents = list(self.world.agents) if is_team else []  # type: ignore[union-attr]
        self.shared = set(OF_TEAM if is_team else ("observations", "actions", "rewards"))
        self.shared &= set(store.columns)

    def _is_ours(self) -> bool:
        """Whether the task is here, and the version of it that the data are of."""
        task, made = self.store.task, self.store.manifest.get("task_version")
        if task is None or task not in tasks():
            return False
        version = tasks()[task].version
        if made not in (None, version):
            warn(
                f"{self.store.id} is of version {made} of {task}, here is version {version}: "
                "exported without an environment.",
            )
        return made in (None, version)

    @property
    def has_pictures(self) -> bool:
        """Whether something that is observed is of bytes, as pictures are."""
        about = self.store.manifest["columns"]
        seen = (column for name, column in about.items() if name.startswith("observations"))
        return any(np.dtype(column["dtype"]) == np.uint8 for column in seen)

    def buffer(self, index: int) -> Any:
        """One episode as an EpisodeBuffer: T+1 observations and infos, T of everything else."""
        from minari.data_collector import EpisodeBuffer

        part, row = self.store.episode(index), self.store.episodes[index]
        length = row["length"]
        ends = ~part["masks"].astype(bool) if "masks" in part else np.zeros(length, bool)
        truncations = np.zeros(length, bool)
        truncations[-1:] = ~ends[-1:]
        return EpisodeBuffer(
            id=index,
            seed=row["seed"],
            observations=self._observed(part),
            actions=self._actions(part),
            rewards=self._rewards(part, length),
            terminations=ends,
            truncations=truncations,
            infos=self._infos(part, row) or None,
        )

    def spaces(self) -> dict[str, Any]:
        """The environment, or the spaces, that Minari's data are of."""
        if self.task is not None:
            spec, evaluation = self._environment(), self._environment()
            spec.max_episode_steps = self._horizon()
            return {"env": spec, "eval_env": evaluation}
        known = self.store.manifest.get("gymnasium") or {}
        every = range(len(self.store))
        seen = (self._observed(self.store.episode(index)) for index in every)
        done = (self._actions(self.store.episode(index)) for index in every)
        return {
            "observation_space": space_of(known.get("observation_space"), seen),
            "action_space": space_of(known.get("action_space"), done, actions=True),
        }

    def environment_of_others(self) -> str | None:
        """What Minari knew of the environment of data that are of no task of ours."""
        known = self.store.manifest.get("gymnasium") or {}
        return None if self.task is not None else known.get("env_spec")

    def _environment(self) -> Any:
        """How `recover_environment` makes the environment, with the horizon of the task."""
        import copy

        import gymnasium

        assert self.task is not None
        made = self.store.manifest
        own = dict(self.task.kwargs)
        changed = {k: v for k, v in (made.get("task_kwargs") or {}).items() if own.get(k) != v}
        if made.get("absent"):
            changed["absent"] = made["absent"]
        if self.agents:
            from entitybench.envs.views.joint import joint_spec

            spec = joint_spec(self.task)
        else:
            spec = copy.deepcopy(gymnasium.spec(self.task.gym_id))
        spec.kwargs.update(changed)
        return spec

    def _horizon(self) -> int:
        """The steps after which episodes of the data are cut: as long as the longest that was.

        That of the task where none was cut and none is longer.
        """
        store, longest = self.store, int(self.store.lengths.max(initial=0))
        masks = store.columns.get("masks")
        cut = True if masks is None else np.asarray(masks)[store.offsets[1:] - 2].any()
        assert self.task is not None
        return longest if cut else max(self.task.horizon, longest)

    def _observed(self, part: Mapping[str, Array]) -> Array | Leaves:
        if "observations" not in part:
            return _nested(part, "observations")
        observation = np.asarray(part["observations"])
        found: Leaves = {}
        if self.agents:
            found = {name: observation[:, i] for i, name in enumerate(self.agents)}
            found["state"] = np.asarray(part["entities"])
        elif "desired_goals" in part:
            found["observation"] = observation
            if isinstance(self.world, GoalWorld):
                found["achieved_goal"] = self.world.achieved(observation)
            if "achieved_goals" in part:
                found["achieved_goal"] = np.asarray(part["achieved_goals"])
            found["desired_goal"] = self._desired(part)
        if "entity_masks" in part and self.world is not None:
            found = found or {"observation": observation}
            mask = np.asarray(part["entity_masks"], np.int8)
            found["mask"] = np.broadcast_to(mask, (len(observation), *mask.shape))
        return found or observation

    def _desired(self, part: Mapping[str, Array]) -> Array:
        """(T+1, ...), of an episode's one goal too."""
        goals = np.asarray(part["desired_goals"])
        if self.store.manifest["columns"]["desired_goals"]["per"] == "episode":
            goals = np.broadcast_to(goals, (len(part["observations"]), *goals.shape))
        return goals

    def _actions(self, part: Mapping[str, Array]) -> Array | Leaves:
        if "actions" not in part:
            leaves = _nested(part, "actions")
            return {name: leaf[:-1] for name, leaf in leaves.items()}
        actions = np.asarray(part["actions"])
        if self.agents:
            return {name: actions[:, i] for i, name in enumerate(self.agents)}
        return actions

    def _rewards(self, part: Mapping[str, Array], length: int) -> Array:
        """(T,): of a team the mean over its agents; of a goal task for the episode's goal."""
        if self.agents:
            return np.asarray(part["rewards"]).mean(axis=1, dtype=np.float64)
        if "rewards" in part:
            return np.asarray(part["rewards"])
        if isinstance(self.world, GoalWorld) and "desired_goals" in part:
            achieved = self.world.achieved(np.asarray(part["observations"]))
            return self.world.reward(achieved[1:], self._desired(part)[1:])
        return np.zeros(length, np.float32)

    def _infos(self, part: Mapping[str, Array], row: Mapping[str, Any]) -> Leaves:
        """T+1 entries each: success, each agent's reward, flags of actions, labels."""
        found: Leaves = {
            name.partition(".")[2]: np.asarray(column)
            for name, column in part.items()
            if name.startswith("infos.")
        }
        rows = row["length"] + 1
        if "successes" in part:
            found["is_success"] = np.asarray(part["successes"], bool)
        elif isinstance(self.world, GoalWorld) and "desired_goals" in part:
            achieved = self.world.achieved(np.asarray(part["observations"]))
            found["is_success"] = self.world.success(achieved, self._desired(part))
        if self.agents:
            rewards = np.asarray(part["rewards"])
            found[AGENT_REWARDS] = np.concatenate([np.zeros_like(rewards[:1]), rewards])
        for name, column in part.items():
            if self.task is not None and name not in _KNOWN and column.shape == (rows,):
                found[name] = later(np.asarray(column))
        for name, label in (row.get("labels") or {}).items():
            if isinstance(label, bool | int | float) and is_text(name) and is_plain(label):
                found[f"label_{name}"] = np.full(rows, label)
        return found


_KNOWN = frozenset({"successes", "terminals", "masks", "rewards"})  # not flags of actions


def _nested(part: Mapping[str, Array], kind: str) -> Leaves:
    """The leaves of a foreign dict, flat: "observations.a.b" as "a.b"."""
    return {
        name.partition(".")[2]: np.asarray(column)
        for name, column in part.items()
        if name.partition(".")[0] == kind
    }
