"""Whole episodes of one training seed, and transitions drawn from them with other goals.

Observations of an episode of L steps lie in L + 1 rows, one after the other; the last has no
action. Which episodes may be relabelled is told when they are added.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.types import Array

_ROWS = ("observation", "action", "priority")
_EPISODES = ("length", "keep", "chosen", "lost", "goal")


class Growing:
    """An array that grows along its first axis; what is there is `all`."""

    def __init__(self, shape: tuple[int, ...], kind: Any) -> None:
        self._room = np.zeros((1024, *shape), kind)
        self.count = 0

    @property
    def all(self) -> Array:
        return self._room[: self.count]

    def add(self, values: Array) -> None:
        """Append (n, ...)."""
        end = self.count + len(values)
        if end > len(self._room):
            more = np.zeros((max(end, 2 * len(self._room)), *self._room.shape[1:]))
            more = more.astype(self._room.dtype)
            more[: self.count] = self.all
            self._room = more
        self._room[self.count : end] = values
        self.count = end


class Replay:
    """Episodes of flat observations (K,), actions (A,) and goals (K,)."""

    def __init__(self, numbers: int, actions: int, capacity: int) -> None:
        """Keep at most `capacity` rows: when they are full, the older half of the episodes goes."""
        self.numbers, self.actions, self.capacity = numbers, actions, capacity
        self.clear()

    def clear(self) -> None:
        """Forget all."""
        self.columns = {
            "observation": Growing((self.numbers,), np.float32),
            "action": Growing((self.actions,), np.float32),
            "priority": Growing((), np.float32),
            # Of each episode: its steps; whether it is relabelled; whether the rule chose it, which
            # a control need not follow; whether the world ended it; the goal it began with.
            "length": Growing((), np.int64),
            "keep": Growing((), bool),
            "chosen": Growing((), bool),
            "lost": Growing((), bool),
            "goal": Growing((self.numbers,), np.float32),
            # Of each row: its episode, and that one's first and last row.
            "episode": Growing((), np.int64),
            "first": Growing((), np.int64),
            "last": Growing((), np.int64),
            # The rows that have an action, and those of them that are relabelled.
            "transitions": Growing((), np.int64),
            "relabelled": Growing((), np.int64),
        }

    def of(self, name: str) -> Array:
        """A column, a view."""
        return self.columns[name].all

    @property
    def episodes(self) -> int:
        """How many there are."""
        return self.columns["length"].count

    @property
    def rows(self) -> int:
        """How many observations there are."""
        return self.columns["priority"].count

    def add(
        self,
        observation: Array,
        action: Array,
        goal: Array,
        *,
        keep: bool,
        chosen: bool,
        lost: bool,
        priority: float = 0.0,
    ) -> None:
        """Add an episode: observations (L + 1, K), actions (L, A), the goal (K,) it began with."""
        count = len(observation)
        if self.rows + count > self.capacity and self.episodes > 1:
            self._forget()
        self.columns["observation"].add(observation)
        self.columns["action"].add(np.concatenate([action, np.zeros_like(action[:1])]))
        self.columns["priority"].add(np.full(count, priority, np.float32))
        own = {"length": count - 1, "keep": keep, "chosen": chosen, "lost": lost, "goal": goal}
        for name, value in own.items():
            self.columns[name].add(np.asarray([value]))
        self._index(self.episodes - 1)

    def _index(self, since: int) -> None:
        """What is said of the rows of the episodes from `since` on."""
        length = self.of("length")[since:]
        size = length + 1
        first = self.columns["episode"].count + np.cumsum(size) - size
        self.columns["episode"].add(np.repeat(np.arange(since, since + len(length)), size))
        self.columns["first"].add(np.repeat(first, size))
        self.columns["last"].add(np.repeat(first + length, size))
        begin = int(first[0]) if len(first) else 0
        rows = np.arange(begin, self.rows)
        rows = rows[rows < self.of("last")[begin:]]
        self.columns["transitions"].add(rows)
        self.columns["relabelled"].add(rows[self.of("keep")[self.of("episode")[rows]]])

    def _forget(self) -> None:
        """Drop the older half of the episodes."""
        half = self.episodes // 2
        start = int((self.of("length")[:half] + 1).sum())
        state = {name: self.of(name)[start:].copy() for name in _ROWS}
        self.restore(state | {name: self.of(name)[half:].copy() for name in _EPISODES})

    def draw(self, count: int, rng: np.random.Generator, *, kept: bool, power: float) -> Array:
        """Rows of transitions (count,): uniform, or as priority to the `power`.

        `kept`: of episodes that are relabelled alone.
        """
        among = self.of("relabelled" if kept else "transitions")
        if not power:
            return among[rng.integers(len(among), size=count)]
        total = np.cumsum(self.of("priority")[among].astype(np.float64) ** power)
        found = np.searchsorted(total, rng.random(count) * total[-1], side="right")
        return among[np.minimum(found, len(among) - 1)]

    def later(
        self, rows: Array, rng: np.random.Generator, strategy: Literal["future", "final"]
    ) -> Array:
        """A row after each of `rows` in its episode: any, or the last."""
        last = self.of("last")[rows]
        if strategy == "final":
            return last
        ahead = 1 + np.floor(rng.random(len(rows)) * (last - rows)).astype(np.int64)
        return np.minimum(rows + ahead, last)

    def state(self) -> dict[str, Array]:
        """Everything, by name."""
        return {name: self.of(name).copy() for name in (*_ROWS, *_EPISODES)}

    def restore(self, state: Mapping[str, Array]) -> None:
        """Set what `state` gave."""
        self.clear()
        for name in (*_ROWS, *_EPISODES):
            self.columns[name].add(state[name])
        self._index(0)
