"""Random pushing in tetris worlds that stays near a piece, so that pieces get moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.api import world_as
from entitybench.envs.tetris.world import GRID, REACH, TetrisWorld

if TYPE_CHECKING:
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs, TaskSpec

AROUND = GRID * 100 / 128  # m, along x and along y: 100 px where nodes are 128 px apart
TURN = 100  # control steps for which a piece is the centre


@dataclass(slots=True)
class AroundState:
    """The centre of each of B episodes."""

    piece: Array  # (B,) int
    step: int


class AroundPiece:
    """Uniform actions, cut so that the pusher's target stays about a piece.

    The data of Push-Tetris in HECRL (Haramati et al., ICLR 2026).
    """

    def __init__(self, task: TaskSpec | str) -> None:
        world = world_as(task, TetrisWorld)
        self._pieces = world.pieces

    def initial_state(self, batch: int) -> AroundState:
        return AroundState(np.zeros(batch, np.int64), 0)

    def act(self, obs: Obs, state: AroundState, rng: BatchGenerator) -> tuple[Array, AroundState]:
        places = obs.get("state", obs["observation"])[..., :2].astype(np.float64)
        piece = state.piece
        if state.step % TURN == 0:
            piece = rng.integers(0, self._pieces, len(piece))
        pusher, centre = places[:, 0], places[np.arange(len(places)), 1 + piece]
        target = pusher + REACH * rng.uniform(-1.0, 1.0, pusher.shape)
        target = np.clip(target, centre - AROUND, centre + AROUND)
        action = np.clip((target - pusher) / REACH, -1.0, 1.0)
        return action, AroundState(piece, state.step + 1)
