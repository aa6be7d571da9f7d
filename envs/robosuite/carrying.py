"""The scripted team of TwoArmLift: each arm grips its handle from above; both up at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.robosuite.moves import (
    CLOSE,
    OPEN,
    Phases,
    SuiteOracle,
    action,
    heading,
    length,
    step_phases,
    upright,
    wrap,
)
from entitybench.envs.robosuite.pair import LiftTeam

if TYPE_CHECKING:
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs

OVER, DOWN, GRIP, UP = range(4)
HOVER = 0.08  # m, above the handle
HIGH = 0.32  # m, of a handle above the table, when the pot is held
BASES = (np.pi / 2, -np.pi / 2)  # rad, the yaws of the arms' bases


class TeamOracle(SuiteOracle):
    """What each agent does depends on what it sees alone, the other's hold included."""

    acts_in = LiftTeam

    def initial_state(self, batch: int) -> Phases:
        zeros = [np.zeros((batch, 2), int) for _ in range(3)]
        return Phases(*zeros)

    def act(self, obs: Obs, state: Phases, rng: BatchGenerator) -> tuple[Array, Phases]:
        del rng
        seen = obs["observation"].astype(np.float64)
        seen = seen.reshape(*seen.shape[:2], 5, -1)
        actions = np.zeros((*seen.shape[:2], 7))
        following = state.phase.copy()
        for agent, base in enumerate(BASES):
            actions[:, agent], following[:, agent] = self._one(
                seen[:, agent], state.phase[:, agent], state.age[:, agent], base
            )
        return actions, step_phases(state, following)

    def _one(self, seen: Array, phase: Array, age: Array, base: float) -> tuple[Array, Array]:
        """One agent's action (B, 7) and next phase (B,)."""
        hand, other, handle, its = seen[:, 0], seen[:, 1], seen[:, 3], seen[:, 4]
        turn = wrap(heading(handle) + np.pi / 2 - heading(hand), np.pi)
        way = handle[:, :3] - hand[:, :3]
        aside = length(way[:, :2])
        way[:, 2] += np.where(phase == OVER, HOVER, 0.0)
        both = (hand[:, 14] > 0.5) & (other[:, 14] > 0.5)
        # Up together: no handle more than a little above the other.
        lowest = np.minimum(handle[:, 2], its[:, 2])
        rise = np.minimum(np.minimum(HIGH, lowest + 0.02) - handle[:, 2], 0.012)
        way[:, 2] = np.where(phase == UP, np.where(both, rise, 0.0), way[:, 2])
        way[phase == UP, :2] *= 0.3
        following = phase.copy()
        ready = (aside < 0.012) & (np.abs(turn) < 0.1) & (np.abs(way[:, 2]) < 0.04)
        following[(phase == OVER) & ready] = DOWN
        there = (np.abs(way[:, 2]) < 0.008) & (aside < 0.015)
        following[(phase == DOWN) & (there | (age > 25))] = GRIP
        following[(phase == GRIP) & (age >= 12) & both] = UP
        # Nothing between the fingers, or never a hold.
        lost = (hand[:, 12] < 0.016) | (length(handle[:, :3] - hand[:, :3]) > 0.05)
        following[(phase >= GRIP) & lost] = OVER
        following[(phase == GRIP) & (age > 60)] = OVER
        grip = np.where(phase >= GRIP, CLOSE, OPEN)
        turned = np.where(phase == UP, 0.3 * turn, turn)
        return action(way, upright(hand, turned), grip, base=base), following
