"""Keeps what re-simulation needs of the episodes of an evaluation, while they run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.api import make_worlds
from entitybench.leaderboard.submission.models import EVERY
from entitybench.records import MOST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.envs.core.batch import Worlds
    from entitybench.types import Array, Obs, TaskSpec


@dataclass(frozen=True, slots=True)
class Tape:
    """One episode.

    Attributes:
        goal: (N, D) float32.
        actions: (A,) or (M, A) of each control step, before the worlds cut them to [-1, 1].
        states: (S,) integration states after 0, 20, 40, … steps, and after the last one.
    """

    goal: Array
    actions: list[Array] = field(default_factory=list)
    states: list[Array] = field(default_factory=list)


class Recorder:
    """The simulation of a block that keeps a tape of every episode, by its seed.

    It stands where evaluation expects the worlds themselves, and changes nothing in them.
    """

    def __init__(self, worlds: Worlds, tapes: dict[int, Tape]) -> None:
        self.worlds, self.world = worlds, worlds.world
        self._tapes = tapes
        self._running: dict[int, Tape] = {}  # by row
        self._unstable = np.zeros(worlds.batch, bool)

    def reset(self, seeds: Sequence[int]) -> Obs:
        """Begin the episodes, and their tapes."""
        obs = self.worlds.reset(seeds)
        for row, seed in enumerate(seeds):
            tape = self._running[row] = self._tapes[seed] = Tape(self.worlds.goals[row].copy())
            self._keep(row, tape)
        return obs

    def step(self, actions: Array) -> tuple[Obs, dict[str, Array]]:
        """One control step."""
        obs, info = self.worlds.step(actions)
        self._unstable |= info["unstable"]
        for row, tape in self._running.items():
            tape.actions.append(np.clip(actions[row], -MOST, MOST))
            if len(tape.actions) % EVERY == 0:
                self._keep(row, tape)
        return obs, info

    def rest(self, rows: Sequence[int]) -> None:
        """These episodes are over."""
        for row in rows:
            self._end(row)
        self.worlds.rest(rows)

    def state_digest(self, row: int) -> str:
        """As the worlds give it."""
        return self.worlds.state_digest(row)

    def bumped(self) -> Array:
        """As the worlds give it."""
        return self.worlds.bumped()

    def convention(self) -> Array:
        """As the worlds give it."""
        return self.worlds.convention()

    def close(self) -> None:
        """All are over."""
        for row in list(self._running):
            self._end(row)
        self.worlds.close()

    def _end(self, row: int) -> None:
        tape = self._running.pop(row)
        if len(tape.actions) % EVERY:
            self._keep(row, tape)

    def _keep(self, row: int, tape: Tape) -> None:
        # What went wrong may be no number; such a state is compared with nothing.
        state = self.worlds.integration_state(row)
        tape.states.append(np.nan_to_num(state) if self._unstable[row] else state)


def recording(tapes: dict[int, Tape], bank: str) -> Any:
    """What makes the simulations of an evaluation of one training seed, and fills `tapes`."""

    def make(task: TaskSpec, batch: int, threads: int) -> Recorder:
        return Recorder(make_worlds(task, batch, threads, bank=bank), tapes)

    return make


def columns(tapes: Sequence[Tape]) -> dict[str, Array]:
    """The arrays of a bundle, from episodes in order."""
    actions = np.concatenate([np.stack(tape.actions) for tape in tapes])
    with np.errstate(over="ignore"):
        short = actions.astype("<f4")
    exact = np.array_equal(short.astype("<f8"), actions)
    return {
        "actions": short if exact else actions.astype("<f8"),
        "states": np.concatenate([np.stack(tape.states) for tape in tapes]).astype("<f8"),
        "goals": np.stack([tape.goal for tape in tapes]).astype("<f4"),
    }


def checkpoints(steps: int) -> int:
    """How many states the tape of an episode of so many control steps has."""
    return -(-steps // EVERY) + 1
