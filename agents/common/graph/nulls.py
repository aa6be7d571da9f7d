"""Null data: what would have happened in a state of the data without some of its entities.

For every state that is visited the simulation is set to that state with only some of the entities,
and makes one step with the same action. After the first author's public generator of null data for
Chuck et al. (ICLR 2025); at times the action is absent too (`World.no_action`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.datasets.generate.replay import task_like, worlds_like
from entitybench.datasets.store.store import EpisodeStore
from entitybench.envs.api import world_of
from entitybench.envs.core.banks import Bank
from entitybench.envs.core.batch import Worlds
from entitybench.envs.core.world import Start
from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.envs.core.world import World
    from entitybench.types import Array, Batch

DROPPED = 0.3  # the chance that a present entity is left out; not all of them
IDLE = 0.2  # the chance that the action is
BLOCK = 64  # episodes side by side


@dataclass(frozen=True, slots=True)
class Chosen(Bank):
    """Starts without entities that are named for each seed."""

    sets: Mapping[int, Array] = field(default_factory=dict)  # seed -> (N,) bool, the absent ones

    def _absent(self, world: World, seed: int) -> Array:
        del world
        return self.sets[seed]


def nulls(store: EpisodeStore, count: int) -> Batch:
    """At least `count` transitions of states of `store`, if it has as many, in reduced worlds.

    Returns:
        "observations" and "next_observations" (K, N, D), zeros of absent entities, "actions"
        (K, A), "mask" (K, N) bool, and "driven" (K,) bool, whether there was an action. A pure
        function of the data and of `count`.
    """
    first, last = store.first_episode, store.first_episode + len(store)
    return dict(_nulls(str(store.folder), store.content_hash, first, last, count))


@lru_cache(maxsize=4)
def _nulls(folder: str, content_hash: str, first: int, last: int, count: int) -> Batch:
    """By name, so that training seeds side by side simulate once."""
    del content_hash
    store = EpisodeStore.open(folder, verify=False)
    order = first + generator(0, "nulls").permutation(last - first)
    parts: list[Batch] = []
    have = 0
    for place in range(0, len(order), BLOCK):
        if have >= count:
            break
        parts += _block(store, np.sort(order[place : place + BLOCK]))
        have = sum(len(part["mask"]) for part in parts)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _block(store: EpisodeStore, episodes: Array) -> list[Batch]:
    """Every step of some episodes, with entities left out that differ between episodes."""
    count, parts = len(episodes), [store.entries(int(e)) for e in episodes]
    seeds = [int(store.episodes[e]["seed"]) for e in episodes]
    lengths = np.array([len(part["actions"]) - 1 for part in parts])
    whole = worlds_like(store.manifest, count)
    obs = whole.reset(seeds)
    present = obs.get("mask", np.ones((count, whole.world.entities), bool))
    rng = generator(0, "nulls", int(episodes[0]))
    kept = _some(present, rng)
    reduced = _without(store, seeds, ~kept)
    for row, part in enumerate(parts):
        whole.set_integration_state(row, part["states"][0])
    found = []
    for step in range(int(lengths.max())):
        at = np.minimum(step, lengths - 1)
        actions = np.stack([part["actions"][t] for part, t in zip(parts, at, strict=True)])
        for row in range(count):
            _take(reduced, row, whole.integration_state(row), ~kept[row])
        idle = rng.random(count) < IDLE
        broad = (count, *(1,) * (actions.ndim - 1))
        acting = np.where(idle.reshape(broad), reduced.world.no_action, actions)
        before = _seen(reduced.observe())
        after, info = reduced.step(acting)
        good = (step < lengths) & ~info["unstable"]
        batch = {
            "observations": before,
            "next_observations": _seen(after),
            "actions": np.where(idle[:, None], 0, actions.reshape(count, -1)).astype(np.float32),
            "mask": kept,
            "driven": ~idle,
        }
        found.append({name: np.array(x[good]) for name, x in batch.items()})
        whole.step(actions)
    whole.close()
    reduced.close()
    return found


def _some(present: Array, rng: np.random.Generator) -> Array:
    """Random subsets (B, N) of who is present: fewer, where there are two or more, but not none."""
    kept = present & (rng.random(present.shape) >= DROPPED)
    draws = np.where(present, rng.random(present.shape), -1)
    rows, one, other = np.arange(len(present)), draws.argmax(1), np.where(present, draws, 2)
    many = present.sum(1) > 1
    same = (kept == present).all(1) & many
    kept[rows[same], one[same]] = False
    least = other.argmin(1)
    kept[rows[~kept.any(1)], least[~kept.any(1)]] = True
    return kept


def _without(store: EpisodeStore, seeds: list[int], absent: Array) -> Worlds:
    """Episodes of the store's world that lack entities (B, N)."""
    task = task_like(store.manifest)
    bank = Chosen(absent=1.0, sets=dict(zip(seeds, absent, strict=True)))
    worlds = Worlds(world_of(task), len(seeds), horizon=task.horizon, bank=bank)
    worlds.reset(seeds)
    return worlds


def _take(worlds: Worlds, row: int, state: Array, absent: Array) -> None:
    """Set an episode to a state of the whole world, but for who is absent."""
    worlds.set_integration_state(row, state)
    world = worlds.world
    if world.memory:
        memory = world.slot("memory")
        start = Start(np.empty(0), np.empty(0), np.empty(0), memory=worlds.state[row, memory])
        worlds.state[row, memory] = world.without(start, absent).memory


def _seen(obs: Any) -> Array:
    found: Array = obs.get("state", obs["observation"])
    return found
