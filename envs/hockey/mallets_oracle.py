"""Scripts for the mallet worlds: each mallet to its spot, and random commands that make videos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.api import world_as
from entitybench.envs.hockey.mallets import _COURSES, COMMANDS, EDGE, PACE, SPOT, HockeyMallets
from entitybench.envs.hockey.table import MALLET_RADIUS

if TYPE_CHECKING:
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs, TaskSpec

CLEAR = 2 * MALLET_RADIUS + 0.004  # m, between two mallets that pass
LAG = 0.0097  # m for each m/s, that a mallet still goes when it is told to stop
FAR = 999.0  # commands, to a place that cannot be reached
NEAR = 0.3  # m, up to which mallets on their way are obstacles: others will have moved


@dataclass(slots=True)
class MalletsState:
    """What shows whether commands arrive a step late, of B episodes."""

    places: Array  # (B, M, 2) m, of the mallets a step ago; NaN before the first
    commands: Array  # (2, B, M), of one and two steps ago
    prompt: Array  # (B,) m, by how much moves differed so far from the last commands
    late: Array  # (B,) m, and from those before


class MalletsOracle:
    """Each mallet takes the shortest way on a lattice of steps, round mallets that are near.

    Those with the longest way choose first, and the others keep off where these go. Of two that
    move together only the first chooses, for both. Where the mallets' moves show that commands
    arrive a step late, it plans from where the last ones will have taken them.
    """

    def __init__(self, task: TaskSpec | str) -> None:
        world = world_as(task, HockeyMallets)
        self._count = len(world.agents)
        self._sync = world.sync
        self._step = PACE * world.control_dt
        side = int(2 * EDGE / self._step) + 1
        self._cells = (np.arange(-side, side + 1)) * self._step  # as seen from the mallet

    def initial_state(self, batch: int) -> MalletsState:
        return MalletsState(
            places=np.full((batch, self._count, 2), np.nan),
            commands=np.zeros((2, batch, self._count), np.intp),
            prompt=np.zeros(batch),
            late=np.zeros(batch),
        )

    def act(self, obs: Obs, state: MalletsState, rng: BatchGenerator) -> tuple[Array, MalletsState]:
        del rng
        mallets = obs["state"][:, : self._count].astype(np.float64)
        state = self._watch(mallets[..., :2], state)
        places = mallets[..., :2] + LAG * mallets[..., 2:4]
        coming = self._step * _COURSES[state.commands[0]]
        places = np.where((state.late < state.prompt)[:, None, None], places + coming, places)
        spots = mallets[..., SPOT : SPOT + 2]
        batch = len(places)
        way = np.abs(spots - places).sum(-1)
        chosen = np.zeros((batch, self._count), np.intp)
        nexts = places.copy()
        rows = np.arange(batch)
        for turn in np.argsort(-way, axis=1, kind="stable").T:  # (B,), whose turn it is
            command = self._choose(places, spots, nexts, turn)
            if self._sync:
                command = np.where(turn == 1, chosen[:, 0], command)
                pair = rows[turn == 0]
                nexts[pair, 1] = places[pair, 1] + self._step * _COURSES[command[pair]]
                chosen[pair, 1] = command[pair]
            chosen[rows, turn] = command
            nexts[rows, turn] = places[rows, turn] + self._step * _COURSES[command]
        state.commands = np.stack([chosen, state.commands[0]])
        return ((2 * chosen + 1) / len(COMMANDS) - 1)[..., None], state

    def _watch(self, places: Array, state: MalletsState) -> MalletsState:
        """Compare how the mallets moved with what they were told."""
        moved = np.where(np.isnan(state.places), 0.0, places - state.places)
        gaps = np.abs(self._step * _COURSES[state.commands] - moved).sum((2, 3))  # (2, B)
        return MalletsState(places, state.commands, state.prompt + gaps[0], state.late + gaps[1])

    def _choose(self, places: Array, spots: Array, nexts: Array, turn: Array) -> Array:
        """The commands (B,) of the mallets `turn`, from all places, spots and next places."""
        rows = np.arange(len(turn))
        own, spot = places[rows, turn], spots[rows, turn]
        others = np.array([[j for j in range(self._count) if j != i] for i in range(self._count)])
        others = others[turn]  # (B, M - 1)
        there = nexts[rows[:, None], others]
        if self._sync:  # the one that moves along is no obstacle to the first
            along = ((turn[:, None] == 0) & (others == 1)) | ((turn[:, None] == 1) & (others == 0))
            there = np.where(along[..., None], 9.0, there)
        settled = np.abs(there - spots[rows[:, None], others]).sum(-1) < 0.06
        counts = settled | (np.hypot(*(there - own[:, None]).transpose(2, 0, 1)) < NEAR)
        there = np.where(counts[..., None], there, 9.0)
        length = self._lengths(own, spot, there)
        middle = len(self._cells) // 2
        steps = _COURSES.astype(np.intp)
        value = np.stack([length[:, middle + dx, middle + dy] for dx, dy in steps], axis=-1)
        # Staying costs a little more than a step of the same value; nowhere to go: stay.
        value[:, 0] += 0.5 * (value[:, 0] > 0)
        # Straight on first: along the axis with the longer way.
        ahead = np.abs(spot - own)
        value[:, 1:3] -= 0.1 * (ahead[:, :1] > ahead[:, 1:])
        return np.argmin(value, axis=-1)

    def _lengths(self, own: Array, spot: Array, others: Array) -> Array:
        """Commands from each lattice cell (B, n, n) to the spot, round the others (B, k, 2)."""
        x = own[:, :1] + self._cells
        y = own[:, 1:] + self._cells
        edge = EDGE - MALLET_RADIUS + 0.005
        free = (np.abs(x) <= edge)[:, :, None] & (np.abs(y) <= edge)[:, None, :]
        for k in range(others.shape[1]):
            dx, dy = x - others[:, k, :1], y - others[:, k, 1:]
            free &= (dx**2)[:, :, None] + (dy**2)[:, None, :] >= CLEAR**2
        middle = len(self._cells) // 2
        free[:, middle, middle] = True
        rows = np.arange(len(own))
        length = np.full(free.shape, FAR)
        goal = np.abs(x - spot[:, :1]).argmin(1), np.abs(y - spot[:, 1:]).argmin(1)
        length[rows, goal[0], goal[1]] = 0
        blocked = np.where(free, 0.0, FAR)
        for _ in range(60):
            best = length[:, 1:-1, 1:-1]
            around = np.minimum(
                np.minimum(length[:, 2:, 1:-1], length[:, :-2, 1:-1]),
                np.minimum(length[:, 1:-1, 2:], length[:, 1:-1, :-2]),
            )
            new = np.minimum(best, around + 1 + blocked[:, 1:-1, 1:-1])
            if np.array_equal(new, best):
                break
            length[:, 1:-1, 1:-1] = new
        return np.maximum(length, blocked)


class RandomCommands:
    """A command of its own for each mallet, held for 1 to 3 steps: what videos are made with."""

    def __init__(self, task: TaskSpec | str) -> None:
        world = world_as(task, HockeyMallets)
        self._count = len(world.agents)

    def initial_state(self, batch: int) -> tuple[Array, Array]:
        """Commands and how many steps they still last, each (B, M)."""
        return np.zeros((batch, self._count)), np.zeros((batch, self._count))

    def act(
        self, obs: Obs, state: tuple[Array, Array], rng: BatchGenerator
    ) -> tuple[Array, tuple[Array, Array]]:
        del obs
        command, left = state
        # As many draws every step as there may be use for: rows stay independent.
        drawn = rng.integers(0, len(COMMANDS), size=command.shape)
        lasts = rng.integers(1, 4, size=command.shape)
        over = left <= 0
        command = np.where(over, (2 * drawn + 1) / len(COMMANDS) - 1, command)
        left = np.where(over, lasts, left) - 1
        return command[..., None], (command, left)
