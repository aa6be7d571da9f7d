"""Simulate episodes again from their stored states and actions, and compare."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.datasets.generate.block import of_state, of_step
from entitybench.datasets.generate.plan import worlds_of
from entitybench.errors import DataError
from entitybench.registry import tasks
from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.datasets.store.store import EpisodeStore
    from entitybench.envs.core.batch import Worlds
    from entitybench.types import Array, TaskSpec

_ONCE = {"desired_goals": "desired_goal", "entity_masks": "mask"}  # what an episode begins with
CHECKED = 3  # episodes that are replayed after a dataset has been generated


def task_like(manifest: Mapping[str, Any]) -> TaskSpec:
    """The task of a store, with its arguments. Raises UnknownId when it is not registered."""
    task = tasks()[str(manifest["task"])]
    return replace(task, kwargs=manifest.get("task_kwargs", task.kwargs))


def worlds_like(manifest: Mapping[str, Any], batch: int) -> Worlds:
    """The simulation of some of its episodes."""
    absent, interactions = manifest.get("absent", 0.0), manifest.get("interactions", False)
    return worlds_of(task_like(manifest), absent, interactions, batch)


def check_shapes(store: EpisodeStore) -> None:
    """Raises DataError unless the columns hold entries of the shapes that their task gives."""
    worlds = worlds_like(store.manifest, 1)
    obs, info = worlds.reset([0]), worlds.judge()
    given = {**of_state(worlds, obs, info), "states": worlds.integration_state(0)[None]}
    given |= {name: obs[key] for name, key in _ONCE.items() if key in obs}
    given["actions"] = np.zeros((1, *worlds.world.action_shape), np.float32)
    given |= of_step(worlds.step(given["actions"])[1])
    worlds.close()
    for name, entries in given.items():
        stored = store.columns[name].shape[1:] if name in store.columns else entries.shape[1:]
        if stored != entries.shape[1:]:
            raise DataError(
                f"{store.folder} is not of {store.task}: an entry of {name} has the shape "
                f"{stored}, the task gives {entries.shape[1:]}."
            )


def replay(store: EpisodeStore, index: int) -> dict[str, Array]:
    """One episode simulated again: each stretch between two stored states on its own.

    Without stored states it is one stretch, from the start of `reset(seed)`.

    Returns:
        What the simulation gives for the columns of the store that it knows, as `store.entries`
        (observations, rewards, masks, ...), and "states": the start of `reset(seed)`, then what
        each stretch ends in, where the next stored state should be.
    """
    part, actions = store.entries(index), np.asarray(store.entries(index)["actions"])
    length, every = len(actions) - 1, int(store.manifest["state_every"])
    stored = np.asarray(part.get("states", ()))
    count = len(stored) or 1
    every = every if "states" in part else length + 1
    worlds = worlds_like(store.manifest, count)
    obs = worlds.reset([store.episodes[index]["seed"]] * count)
    states = [worlds.integration_state(0)]
    once = {name: obs[key][:1] for name, key in _ONCE.items() if key in obs}
    for row, state in enumerate(stored):
        worlds.set_integration_state(row, state)
    obs, info = worlds.observe(), worlds.judge()
    firsts = every * np.arange(count)  # the step at which each stretch begins
    table: dict[str, Array] = {}

    def put(entries: Mapping[str, Array], rows: Array, end: int) -> None:
        inside = rows < end
        for name, entry in entries.items():
            shape = (length + 1, *entry.shape[1:])
            table.setdefault(name, np.zeros(shape, entry.dtype))[rows[inside]] = entry[inside]

    for step in range(every):
        rows = firsts + step
        put(of_state(worlds, obs, info), rows, length + 1)
        obs, info = worlds.step(actions[np.minimum(rows, length)])
        ended = info.get("terminated", np.zeros(count, bool))
        put({**of_step(info), "masks": ~ended}, rows, length)
    states += [worlds.integration_state(row) for row in range(count - 1)]
    worlds.close()
    table |= {"states": np.stack(states), **once}
    return {name: array for name, array in table.items() if name in part}


def replay_errors(store: EpisodeStore, index: int) -> dict[str, float]:
    """By column: how far what an episode gives again is from what is stored, at most.

    0 where all is equal; infinite where one of the two is no number.
    """
    part = store.entries(index)
    return {name: _apart(array, part[name]) for name, array in replay(store, index).items()}


def _apart(one: Array, other: Array) -> float:
    if np.array_equal(one, other):
        return 0.0
    apart = np.abs(np.asarray(one, np.float64) - np.asarray(other, np.float64))
    return float(np.max(np.where(np.isfinite(apart), apart, np.inf)))


def self_check(store: EpisodeStore) -> str:
    """Replay a few random episodes. Returns a line that says so.

    Raises DataError when one does not give what is stored, to the last bit.
    """
    rng = generator(store.manifest["seed"], "check")
    chosen = sorted(rng.choice(len(store), min(CHECKED, len(store)), replace=False).tolist())
    for index in chosen:
        wrong = {name: error for name, error in replay_errors(store, index).items() if error}
        if wrong:
            name, error = max(wrong.items(), key=lambda item: item[1])
            raise DataError(
                f"episode {index} of {store.id} cannot be replayed from its stored states: "
                f"{name} differ by {error:.2g}. The world or the behaviour keeps something that "
                "is in no state."
            )
    return f"checked: episodes {', '.join(map(str, chosen))} replayed from their states, all equal"
