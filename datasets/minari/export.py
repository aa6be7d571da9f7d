"""Episode store -> Minari dataset, complete enough that importing it gives the same store back.

Minari's traps that this avoids: HDF5, not Arrow (which cuts episodes at 32 767 steps and flattens
vector rewards), no JPEG (lossy, and Minari's default), no strings in infos (they come back as
bytes), no None or nested values in episode metadata (TypeError half-way), chunks of episodes (a
whole dataset need not fit in memory), and a folder that gets its name only when it is complete.
"""

from __future__ import annotations

import inspect
import json
import os
import shutil
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.datasets.minari.library import (
    DATA_FILE,
    EXTRA,
    check_name,
    load_minari,
    minari_root,
    root_at,
)
from entitybench.datasets.store.api import load_dataset
from entitybench.datasets.store.store import EpisodeStore
from entitybench.datasets.store.writer import disk_errors, locked
from entitybench.errors import BadValue, MissingExtra
from entitybench.registry import tasks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from entitybench.envs.core.world import GoalWorld
    from entitybench.types import Array

CHUNK = 100  # episodes held in memory
SHARED = ("observations", "actions", "rewards")  # columns that Minari stores itself


def export(source: EpisodeStore | str | Path, name: str) -> Path:
    """Write a store, or a split of one, as a dataset that `minari.load_dataset(name)` opens.

    Observations of our tasks are those of their environment ("observation", "achieved_goal" and the
    episode's own "desired_goal"), with rewards for that goal. `recover_environment` gives the
    environment; `get_normalized_score` uses the reference scores.

    Args:
        source: a store, the folder of one, or a dataset's id.
        name: a new Minari name, e.g. "push-3blocks/mine-v0".

    Returns:
        The Minari dataset's folder.

    Raises:
        BadValue: a name that Minari does not accept, or that is taken.
        DataError: the store is damaged, or the disk is full.
        MissingExtra: Minari is not installed.
    """
    load_minari()
    store = source if isinstance(source, EpisodeStore) else load_dataset(source)
    namespace = check_name(name)
    final = minari_root() / name
    if final.exists():
        raise BadValue(
            f"the Minari dataset {name!r} exists already; choose another name or version, or "
            f"delete it: `minari delete {name}`"
        )
    staging = minari_root() / f".{EXTRA}-{os.getpid()}"
    with locked(final), disk_errors(final):
        try:
            shutil.rmtree(staging, ignore_errors=True)
            staging.mkdir(parents=True)
            with root_at(staging):
                _write(store, name)
            _create_namespace(namespace)
            final.parent.mkdir(parents=True, exist_ok=True)
            os.replace(staging / name, final)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return final


def _create_namespace(namespace: str | None) -> None:
    """Minari lists a namespace only when it has been created."""
    from minari.namespace import create_namespace, list_local_namespaces

    if namespace is not None and namespace not in list_local_namespaces():
        create_namespace(namespace)


def _write(store: EpisodeStore, name: str) -> None:
    """Write the dataset chunk by chunk under Minari's present root."""
    from minari import create_dataset_from_buffers

    source = _Source(store)
    dataset = None
    lossless = {}
    if "jpeg_encoding" in inspect.signature(create_dataset_from_buffers).parameters:
        lossless["jpeg_encoding"] = False
    elif store.observations.dtype == np.uint8:  # Minari 0.5.3 always uses JPEG for pictures
        raise MissingExtra(
            "this Minari stores pictures as JPEG, which loses bits: pip install 'minari>=0.5.4'"
        )
    for first in range(0, len(store), CHUNK):
        chunk = range(first, min(first + CHUNK, len(store)))
        buffers = [source.buffer(index) for index in chunk]
        if dataset is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # no author's address, no permalink
                dataset = create_dataset_from_buffers(
                    name, buffers, data_format="hdf5", **lossless, **source.about()
                )
        else:
            dataset.update_dataset_from_buffer(buffers)
        _add_extras(dataset.storage.data_path / DATA_FILE, store, chunk)
    if dataset is None:
        raise BadValue(f"{store.id} holds no episodes to export.")
    extra = {"manifest": store.manifest, "whole": store.is_whole}
    dataset.storage.update_metadata({EXTRA: extra, "dataset_size": dataset.storage.get_size()})


class _Source:
    """A store as Minari's buffers."""

    def __init__(self, store: EpisodeStore) -> None:
        self.store = store
        self.world: GoalWorld | None = None
        self.task = store.task if store.task is not None and store.task in tasks() else None
        if self.task is not None:
            from entitybench.envs.core.api import goal_world_of

            self.world = goal_world_of(self.task)

    def buffer(self, index: int) -> Any:
        """One episode as an EpisodeBuffer: T+1 observations and infos, T of everything else."""
        from minari.data_collector import EpisodeBuffer

        part, row = self.store.episode(index), self.store.episodes[index]
        length = row["length"]
        observations, rewards, infos = self._goal_leaves(part)
        ends = ~part["masks"] if "masks" in part else np.zeros(length, bool)
        truncations = np.zeros(length, bool)
        truncations[-1:] = ~ends[-1:]
        return EpisodeBuffer(
            id=index,
            seed=row["seed"],
            observations=observations,
            actions=np.asarray(part["actions"]),
            rewards=rewards,
            terminations=ends,
            truncations=truncations,
            infos=infos,
        )

    def _goal_leaves(
        self, part: Mapping[str, Array]
    ) -> tuple[Array | dict[str, Array], Array, dict[str, Array] | None]:
        """Observations, rewards and infos of one episode."""
        observation = np.asarray(part["observations"])
        steps = len(observation) - 1
        rewards = part.get("rewards", np.zeros(steps, np.float32))
        if "desired_goals" not in part:
            return observation, rewards, None
        desired = np.broadcast_to(part["desired_goals"], observation.shape)
        achieved = part.get("achieved_goals")
        infos = None
        if self.world is not None:
            achieved = self.world.achieved(observation) if achieved is None else achieved
            infos = {"is_success": self.world.success(achieved, desired)}
            rewards = part.get("rewards", self.world.reward(achieved[1:], desired[1:]))
        goals = {"achieved_goal": achieved, "desired_goal": desired}
        leaves = {name: goal for name, goal in goals.items() if goal is not None}
        return {"observation": observation, **leaves}, np.asarray(rewards), infos

    def about(self) -> dict[str, Any]:
        """What Minari wants to know of a dataset."""
        import entitybench

        made = self.store.manifest
        return {
            **self._spaces(),
            **_reference(made.get("reference_scores")),
            "author": "EntityBench",
            "algorithm_name": str(made.get("behaviour", "unknown")),
            "description": f"{self.store.id}, seed {made.get('seed')}, an EntityBench dataset.",
            "requirements": [
                f"entitybench=={entitybench.__version__}",
                *([f"mujoco=={made['mujoco']}"] if made.get("mujoco") else []),
            ],
        }

    def _spaces(self) -> dict[str, Any]:
        from gymnasium import spaces

        if self.task is not None:
            import gymnasium

            return {"env": gymnasium.spec(tasks()[self.task].gym_id)}
        observations, _, _ = self._goal_leaves(self.store.episode(0))
        if isinstance(observations, dict):
            leaves = {name: _space(leaf) for name, leaf in observations.items()}
            space: spaces.Space = spaces.Dict(leaves)
        else:
            space = _space(observations)
        return {"observation_space": space, "action_space": _space(self.store.actions)}


def _space(array: Array) -> Any:
    """A space for the entries of an array."""
    from gymnasium import spaces

    if array.dtype == bool:
        return spaces.MultiBinary(array.shape[1:])
    if np.issubdtype(array.dtype, np.integer):
        limits = np.iinfo(array.dtype)
        return spaces.Box(limits.min, limits.max, array.shape[1:], array.dtype.type)
    return spaces.Box(-np.inf, np.inf, array.shape[1:], array.dtype.type)


def _reference(scores: Mapping[str, Any] | None) -> dict[str, Any]:
    """Random and oracle returns, between which `minari.get_normalized_score` puts a return."""
    if not scores or not scores.get("oracle"):
        return {}
    return {
        "ref_min_score": float(scores["random"]["return"]),
        "ref_max_score": float(scores["oracle"]["return"]),
        "num_episodes_average_score": int(scores["episodes"]),
    }


def _add_extras(path: Path, store: EpisodeStore, chunk: range) -> None:
    """Put the rest of each episode (states, goals, its row) beside what Minari wrote."""
    import h5py

    with h5py.File(path, "a", track_order=True) as file:
        for index in chunk:
            group = file[f"episode_{index}"].create_group(EXTRA)
            group["row"] = json.dumps(store.episodes[index])
            for name, array in store.entries(index).items():
                if name not in SHARED:
                    group[name] = np.asarray(array)
