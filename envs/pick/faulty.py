"""Scripted solvers that go wrong on purpose, once an episode, and then stop. Lengths in m."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.pick.oracle import (
    ABOVE,
    CHOOSE,
    CLOSE,
    LOWER,
    RELEASE,
    OracleState,
    PickOracle,
)
from entitybench.envs.pick.scene import HALF

if TYPE_CHECKING:
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs, TaskSpec

LOW = HALF + 0.006  # of a cube that is carried through others
# Where on the way a cube is dropped: shares of it, but at least so far (m) before the tower or the
# bin that what falls does not get there all the same.
SLIP, EARLY = (0.25, 0.45), (0.60, 0.80)
CLEAR = 0.09
DIRECTIONS = ("+x", "-x", "+y", "-y")
AXES = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])


@dataclass(slots=True)
class FaultyState(OracleState):
    """`OracleState`, and what goes wrong."""

    draws: Array  # (B, 3) in [0, 1); negative: not yet drawn
    fault: Array  # (B,) 0: still to come, 1: on its way, 2: over
    via: Array  # (B, 3) where the hand goes beside a cube, in `missed`


class FaultyOracle(PickOracle):
    """Errs in the way that `mode` names when it comes to the cube that is asked for."""

    def __init__(self, task: TaskSpec | str, mode: str) -> None:
        super().__init__(task)
        self.mode = mode

    def initial_state(self, batch: int) -> FaultyState:
        base = super().initial_state(batch)
        return FaultyState(
            **{f.name: getattr(base, f.name) for f in fields(base)},
            draws=np.full((batch, 3), -1.0),
            fault=np.zeros(batch, np.int64),
            via=np.zeros((batch, 3)),
        )

    def notes(self, state: FaultyState) -> dict[str, Array]:
        """What the plan was: of the offsets' direction an index of DIRECTIONS, and how far."""
        return {
            "direction": (4 * state.draws[:, 0]).astype(np.int64),
            "magnitude": state.draws[:, 1].copy(),
        }

    def act(self, obs: Obs, state: OracleState, rng: BatchGenerator) -> tuple[Array, OracleState]:
        assert isinstance(state, FaultyState)
        draws = rng.random((len(state.phase), 3))  # every step: rows stay independent
        state.draws = np.where(state.draws < 0, draws, state.draws)
        return super().act(obs, state, rng)

    def _plan(
        self,
        row: int,
        state: OracleState,
        hand: Array,
        cubes: Array,
        yaws: Array,
        goals: Array,
        wanted: Array,
    ) -> None:
        assert isinstance(state, FaultyState)
        if state.fault[row] == 1 and self.mode != "wrong-order":
            state.fault[row] = 2
        if state.fault[row] == 2:
            return
        asked = 1 if self._tall else int(np.argmax(wanted))
        if self.mode == "wrong-order":
            goals = goals.copy()
            goals[[1, 2]] = goals[[2, 1]]
        super()._plan(row, state, hand, cubes, yaws, goals, wanted)
        if state.phase[row] == CHOOSE or state.cube[row] != asked or state.fault[row]:
            return
        if np.hypot(*(state.place[row] - goals[asked])[:2]) > 2 * HALF:
            return  # it is only put out of the way
        state.fault[row] = 1
        self._spoil(row, state, hand, cubes, yaws, goals, asked)

    def _spoil(
        self,
        row: int,
        state: FaultyState,
        hand: Array,
        cubes: Array,
        yaws: Array,
        goals: Array,
        asked: int,
    ) -> None:
        """Change the plan for the asked cube."""
        direction, far, _ = state.draws[row]
        axis = AXES[int(4 * direction)]
        other = _other(self._tall, len(cubes), asked)
        place = state.place[row].copy()
        if self.mode == "missed":
            # Along the hand's x, where the fingers are narrow, and so stay beside the cube.
            yaw, side = state.yaw[row], 1 if direction < 0.5 else -1
            state.via[row, :2] = side * (0.036 + 0.024 * far) * np.array([np.cos(yaw), np.sin(yaw)])
        elif self.mode == "wrong-object":
            goals = goals.copy()
            if self._tall and len(cubes) == 2:
                place = cubes[asked] + [0, 0, 2 * HALF]  # the lower one onto the upper one
            goals[other] = place
            self._take(row, state, hand, cubes, yaws, other, place)
        elif self.mode in ("slip", "early-release"):
            # It stops there: what is let go in motion flies on, and often to its goal.
            low, high = SLIP if self.mode == "slip" else EARLY
            way = place[:2] - cubes[asked, :2]
            whole = max(np.hypot(*way), 1e-9)
            left = max((1 - low - (high - low) * far) * whole, CLEAR)
            state.place[row, :2] -= left * way / whole
        elif self.mode == "wrong-target":
            state.place[row] = self._elsewhere(cubes, goals, asked, far)
        elif self.mode == "misplaced" and self._tall:
            state.place[row] = [*(place[:2] + (0.051 + 0.012 * far) * axis), HALF]
        elif self.mode == "misplaced":
            # Before the bin, or outside of the last of the row: elsewhere there is no room.
            ends = [int(place[0] < 0)] if abs(place[0]) > 0.16 and direction < 0.5 else [3]
            axis = AXES[ends[0]]
            state.place[row, :2] += (0.083 + 0.010 * far) * axis
        elif self.mode == "topple":
            state.place[row, :2] += (0.023 + 0.005 * far) * axis
        elif self.mode == "collision":
            way = cubes[other, :2] - cubes[asked, :2]
            way /= max(np.hypot(*way), 1e-9)
            state.place[row] = [*(cubes[other, :2] + 0.01 * way), LOW]
            state.height[row] = LOW

    def _take(
        self,
        row: int,
        state: FaultyState,
        hand: Array,
        cubes: Array,
        yaws: Array,
        index: int,
        place: Array,
    ) -> None:
        """Take another cube instead."""
        goals, wanted = np.zeros_like(cubes), np.zeros(len(cubes), bool)
        goals[index], wanted[index] = place, True
        everything = self._tall
        self._tall = False  # nothing needs to be below
        goals[index, 2] = place[2]
        super()._plan(row, state, hand, cubes, yaws, goals, wanted)
        self._tall = everything
        state.place[row] = place
        state.height[row] = max(state.height[row], place[2] + 2 * HALF)

    def _elsewhere(self, cubes: Array, goals: Array, asked: int, draw: float) -> Array:
        """Another bin; in a tower of three, the other cube's top."""
        if self._tall:
            return cubes[2] + np.array([0, 0, 2 * HALF])
        bins = np.array([p for p in self._bins if np.hypot(*(p - goals[asked])[:2]) > HALF])
        return np.asarray(bins[int(len(bins) * draw)])

    def _drive(self, state: OracleState, hand: Array, cubes: Array) -> Array:
        assert isinstance(state, FaultyState)
        rows = np.arange(len(hand))
        seen = cubes.copy()
        if self.mode == "missed":  # it takes the cube to be beside where it is
            early = (state.phase >= ABOVE) & (state.phase <= CLOSE) & (state.fault == 1)
            seen[rows, state.cube] += np.where(early[:, None], state.via, 0.0)
        action = super()._drive(state, hand, seen)
        if self.mode in ("slip", "early-release"):
            self._drop(state, action)
        return action

    def _drop(self, state: FaultyState, action: Array) -> None:
        """Loosen the grip or open the hand, where it has stopped: changes state and actions."""
        drop = (state.phase == LOWER) & (state.fault == 1)
        action[drop, :4] = 0.0
        if self.mode == "slip":  # no force any more, and no command to open
            action[drop, 4] = 0.0
            state.age[drop] = 0
        else:
            action[drop, 4] = 1.0
            state.phase[drop] = RELEASE


def _other(tall: bool, count: int, asked: int) -> int:
    """The cube that a failure of the asked one concerns."""
    return 2 if tall and count > 2 else 1 - asked
