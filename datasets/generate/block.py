"""Run the behaviour for a block of episodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.datasets.store.schema import STATE_EVERY, Column, episode_row, state_counts
from entitybench.envs.core.play import play
from entitybench.errors import DataError
from entitybench.registry import resolve
from entitybench.seeding import BatchGenerator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.datasets.generate.parts import Part
    from entitybench.datasets.generate.plan import Plan
    from entitybench.envs.core.batch import Worlds
    from entitybench.types import Array, Obs, Policy

# What the other columns have an entry of: a row.
PER = {"desired_goals": "episode", "entity_masks": "episode", "states": "state"}
ATTEMPTS = 3  # at an episode whose simulation becomes unstable, before that is an error
STATES = frozenset({"observations", "entities", "successes", "poses"})  # T + 1 an episode


class Unstable(Exception):
    """The simulation of these episodes became unstable."""

    def __init__(self, episodes: Sequence[int]) -> None:
        super().__init__(episodes)
        self.episodes = episodes


def make_block(plan: Plan, episodes: Sequence[int]) -> Part:
    """Generate some episodes side by side.

    An episode whose simulation becomes unstable begins anew, with another start and other noise;
    the others stay what they were. MuJoCo's box collider gives no number where two boxes touch
    without any depth, about once in 10^8 steps of a crowded table.

    Beside `act`, a behaviour may have `labels(state)`, what is said of each episode when it ends,
    and `flags(state)`, numbers 0 to 255 that are said of each action just chosen; both are dicts of
    arrays (B,).

    Returns:
        The columns' entries and the episode rows, in the order of `episodes`. Neither depends on
        which episodes are in the block: each has its own generators.

    Raises:
        DataError: one of them became unstable in every attempt.
    """
    attempts = dict.fromkeys(episodes, 0)
    while True:
        try:
            return _run(plan, attempts)
        except Unstable as found:
            for episode in found.episodes:
                attempts[episode] += 1
                if attempts[episode] == ATTEMPTS:
                    raise DataError(
                        f"the simulation of episode {episode} became unstable (states that are "
                        f"huge or no numbers) in {ATTEMPTS} attempts: the behaviour's actions or "
                        "the world need mending."
                    ) from None


def _run(plan: Plan, attempts: Mapping[int, int]) -> Part:
    """`make_block`, once: episode -> which attempt at it this is. Raises Unstable."""
    episodes = list(attempts)
    size, length = len(episodes), plan.dataset.length
    worlds = plan.worlds(size)
    behaviour = resolve(plan.dataset.behaviour)(plan.task, **plan.dataset.behaviour_kwargs)
    rng = BatchGenerator([plan.behaviour_generator(*one) for one in attempts.items()])
    seeds = [plan.start_seed(*one) for one in attempts.items()]
    obs, info = worlds.reset(seeds), worlds.judge()
    first, table = obs, _Table(size, length)
    table.put(0, of_state(worlds, obs, info))
    states = [_saved(worlds)]
    lengths, terminated = np.full(size, length), np.zeros(size, bool)
    labels: list[dict[str, Any] | None] = [None] * size
    unstable = []
    for step in play(worlds, Stored(behaviour), obs, rng, length):
        info, done = step.info, step.index + 1
        flags = _flags(behaviour, step.state)
        table.put(step.index, {"actions": step.action, **of_step(info), **flags})
        ends = info.get("terminated", False) & ~terminated
        lengths[ends], terminated[ends] = done, True
        for row in np.flatnonzero(ends | (done == length) & ~terminated).tolist():
            if info["unstable"][row]:
                unstable.append(episodes[row])
            labels[row] = _labels(behaviour, step.state, row)
        worlds.rest(np.flatnonzero(ends).tolist())
        table.put(done, of_state(worlds, step.after, info))
        if done % STATE_EVERY == 0:
            states.append(_saved(worlds))
        if terminated.all():
            break
    worlds.close()
    if unstable:
        raise Unstable(unstable)

    counts = state_counts(lengths)
    kept = np.stack(states, axis=1)[np.arange(len(states)) < counts[:, None]]
    columns = {**table.columns(lengths), **ends_of(lengths, terminated)}
    returns, success = table.outcome(lengths)
    if "desired_goal" in first:
        columns["desired_goals"] = first["desired_goal"]
        del columns["rewards"]  # they depend on nothing but observation and goal
    if "mask" in first:
        columns["entity_masks"] = first["mask"]
    rows = [
        episode_row(
            episode,
            plan.split(episode),
            int(lengths[i]),
            seed=seeds[i],
            **{"return": float(returns[i]), "success": bool(success[i]), "labels": labels[i]},
        )
        for i, episode in enumerate(episodes)
    ]
    return {**columns, "states": kept}, rows


class Stored:
    """A behaviour whose actions are stored as they are applied, to the last bit."""

    def __init__(self, behaviour: Policy[Any]) -> None:
        self._behaviour = behaviour
        self.initial_state = behaviour.initial_state

    def act(self, obs: Obs, state: Any, rng: BatchGenerator) -> tuple[Array, Any]:
        action, state = self._behaviour.act(obs, state, rng)
        return np.clip(action, -1.0, 1.0).astype(np.float32), state


def _saved(worlds: Worlds) -> Array:
    """(B, numbers of an integration state)."""
    return np.stack([worlds.integration_state(row) for row in range(worlds.batch)])


def of_state(worlds: Worlds, obs: Obs, info: Mapping[str, Array]) -> dict[str, Array]:
    """What is stored of each state: "observations", "successes", "poses", of a team "entities"."""
    found = {
        "observations": obs["observation"],
        "successes": info["is_success"].astype(np.uint8),
        "poses": worlds.world.pose(worlds.state).astype(np.float32),
    }
    return {**found, "entities": obs["state"]} if "state" in obs else found


def of_step(info: Mapping[str, Array]) -> dict[str, Array]:
    """What is stored of each transition: "rewards", and "contacts" where it is asked for."""
    names = {"rewards": "reward", "contacts": "interactions"}
    return {name: info[key] for name, key in names.items() if key in info}


def ends_of(lengths: Array, terminated: Array) -> dict[str, Array]:
    """The columns "terminals" and "masks" of episodes of these lengths (B,).

    Args:
        lengths: control steps.
        terminated: (B,) whether the last state ended the task, rather than the time.
    """
    last = np.cumsum(lengths + 1) - 1
    terminals = np.zeros(int(np.sum(lengths + 1)), bool)
    terminals[last] = True
    masks = ~terminals
    masks[last[terminated] - 1] = False
    return {"terminals": terminals, "masks": masks}


def columns_of(arrays: Mapping[str, Array]) -> dict[str, Column]:
    """What columns a block's arrays are parts of."""
    return {name: Column.of(array, PER.get(name, "row")) for name, array in arrays.items()}  # type: ignore[arg-type]


class _Table:
    """Arrays (B, T + 1, ...) by name, filled step by step."""

    def __init__(self, size: int, length: int) -> None:
        self._shape = (size, length + 1)
        self._arrays: dict[str, Array] = {}

    def put(self, step: int, entries: Mapping[str, Array]) -> None:
        """Set entries (B, ...) of one step."""
        for name, entry in entries.items():
            if name not in self._arrays:
                self._arrays[name] = np.zeros((*self._shape, *entry.shape[1:]), entry.dtype)
            self._arrays[name][:, step] = entry

    def columns(self, lengths: Array) -> dict[str, Array]:
        """The entries of episodes of these lengths, one after another; padding is zero."""
        steps, ends = np.arange(self._shape[1]), lengths[:, None]
        for name, array in self._arrays.items():
            if name not in STATES:
                array[steps >= ends] = 0
        return {name: array[steps <= ends] for name, array in self._arrays.items()}

    def outcome(self, lengths: Array) -> tuple[Array, Array]:
        """The sum of rewards (of a team: the mean over its agents), and success at the end."""
        rewards = self._arrays["rewards"].astype(np.float64)
        rewards = rewards.reshape(*self._shape, -1).mean(axis=2)
        return rewards.sum(axis=1), self._arrays["successes"][np.arange(len(lengths)), lengths]


def _flags(behaviour: Any, state: Any) -> dict[str, Array]:
    if not hasattr(behaviour, "flags"):
        return {}
    return {name: flag.astype(np.uint8) for name, flag in behaviour.flags(state).items()}


def _labels(behaviour: Any, state: Any, row: int) -> dict[str, Any] | None:
    if not hasattr(behaviour, "labels"):
        return None
    return {name: np.asarray(label)[row].item() for name, label in behaviour.labels(state).items()}
