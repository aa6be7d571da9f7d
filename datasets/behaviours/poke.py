"""Push a cube along the table with closed fingers: hover beside it, go down, push, go up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.pick.scene import HALF
from entitybench.envs.pick.world import STEPS

if TYPE_CHECKING:
    from entitybench.envs.pick.world import PickTable
    from entitybench.types import Array

OVER, DOWN, PUSH, UP, NONE = range(5)
PATIENCE = np.array([40, 12, 10, 15, 10**9])  # control steps after which a phase is over anyway
BESIDE = 0.07  # m, between the cube's centre and where a push begins
HOVER = 0.14  # m
ARRIVED = 0.01  # m
PACE = 0.4  # of the fastest, while pushing
_COLUMNS = (3, 4)  # of an entity: cosine and sine of four times a cube's yaw


@dataclass(slots=True)
class PokeState:
    """What each of B episodes is at."""

    phase: Array  # (B,) int
    age: Array  # (B,) control steps in the phase
    cube: Array  # (B,) int
    side: Array  # (B,) int, the face that is pushed

    @property
    def busy(self) -> Array:
        """Which episodes are pushing, bool (B,)."""
        return self.phase != NONE


class Poke:
    """At a face of the cube, towards its centre.

    After the pushes in HECRL's data (Haramati et al., ICLR 2026); theirs start at offsets of which
    only two are faces at every yaw, ours at true faces.
    """

    def __init__(self, world: PickTable) -> None:
        self._rows = world.rows

    def initial_state(self, batch: int) -> PokeState:
        nothing = np.zeros(batch, np.int64)
        return PokeState(np.full(batch, NONE), nothing, nothing.copy(), nothing.copy())

    def begin(self, state: PokeState, rows: Array, cube: Array, side: Array) -> PokeState:
        """Begin a push of `cube` (B,) at its face `side` (B,), in some rows, bool (B,)."""
        return PokeState(
            np.where(rows, OVER, state.phase),
            np.where(rows, 0, state.age),
            np.where(rows, cube, state.cube),
            np.where(rows, side, state.side),
        )

    def act(self, entities: Array, state: PokeState) -> tuple[Array, PokeState]:
        """Actions (B, 5), of use where a push is going on, and the next state."""
        hand = entities[:, 0, :3].astype(np.float64)
        cube = entities[:, self._rows][np.arange(len(hand)), state.cube].astype(np.float64)
        sin, cos = (np.ascontiguousarray(cube[:, column]) for column in _COLUMNS[::-1])
        yaw = np.arctan2(sin, cos) / 4 + state.side * (np.pi / 2)
        outward = np.stack([np.cos(yaw), np.sin(yaw)], axis=-1)
        way = np.zeros_like(hand)
        way[:, :2] = cube[:, :2] + BESIDE * outward - hand[:, :2]
        phase = state.phase
        pushing, leaving = phase == PUSH, phase == UP
        ahead = cube[:, :2] - hand[:, :2]
        ahead /= np.maximum(np.hypot(ahead[:, 0], ahead[:, 1]), 1e-6)[:, None]
        way[pushing, :2] = PACE * STEPS[0] * ahead[pushing]
        way[leaving, :2] = 0.0
        height = np.where((phase == DOWN) | pushing, HALF, HOVER)
        way[:, 2] = height - hand[:, 2]
        # First up, then across: nothing is swept off the table on the way.
        low = (phase == OVER) & (way[:, 2] > 2 * ARRIVED)
        way[low, :2] = 0.0
        action = np.zeros((len(hand), 5))
        action[:, :3] = np.clip(way / STEPS[:3], -1.0, 1.0)
        action[:, 4] = -1.0
        flat = np.hypot(way[:, 0], way[:, 1])
        arrived = np.select(
            [(phase == OVER) & ~low, phase == DOWN, leaving],
            [flat < ARRIVED, np.abs(way[:, 2]) < ARRIVED, np.abs(way[:, 2]) < 2 * ARRIVED],
            False,
        )
        over = (arrived | (state.age + 1 >= PATIENCE[phase])) & state.busy
        return action, replace(
            state,
            phase=np.where(over, phase + 1, phase),
            age=np.where(over, 0, state.age + 1),
        )
