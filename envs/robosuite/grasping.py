"""The scripted solvers of Lift and Stack: over the cube, down, close, up; and onto the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.robosuite.cubes import LiftWorld, StackWorld
from entitybench.envs.robosuite.moves import (
    CLOSE,
    OPEN,
    Phases,
    SuiteOracle,
    action,
    empty,
    heading,
    length,
    rows_of,
    step_phases,
    upright,
    wrap,
)

if TYPE_CHECKING:
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs

HOVER = 0.08  # m, above a cube before the way down
QUARTER = np.pi / 2
OVER, DOWN, GRIP, UP, ACROSS, LOWER, LEAVE = range(7)


def pick(
    hand: Array, thing: Array, phase: Array, age: Array, high: Array | float
) -> tuple[Array, Array, Array]:
    """One step of picking up a cube.

    Args:
        hand: (B, D).
        thing: (B, D), the cube.
        phase: (B,), OVER to UP.
        age: (B,), of the phase.
        high: m, how high the hand goes with it.

    Returns:
        Way (B, 3) and turn (B,) of the hand, and the next phase (B,).
    """
    turn = wrap(heading(thing) - heading(hand), QUARTER)
    place = thing[:, :3].copy()
    place[:, 2] += np.where(phase == OVER, HOVER, 0.0)
    place[:, 2] = np.where(phase == UP, high, place[:, 2])
    way = place - hand[:, :3]
    aside = length(way[:, :2])
    way[:, 2] = np.where((phase == DOWN) & (aside > 0.02), 0.0, way[:, 2])
    way[phase == GRIP] = 0
    ready = (aside < 0.012) & (np.abs(turn) < 0.1) & (np.abs(way[:, 2]) < 0.04)
    there = (np.abs(way[:, 2]) < 0.008) & (aside < 0.015)
    following = phase.copy()
    following[(phase == OVER) & ready] = DOWN
    following[(phase == DOWN) & (there | (age > 20))] = GRIP
    following[(phase == GRIP) & (age >= 5)] = UP
    # Nothing between the fingers: again.
    following[(phase == UP) & (age > 4) & empty(hand)] = OVER
    following[(phase == UP) & (age > 12) & (thing[:, 2] < 0.03)] = OVER
    return way, turn, following


class LiftOracle(SuiteOracle):
    """Lifts the cube and holds it."""

    acts_in = LiftWorld

    def act(self, obs: Obs, state: Phases, rng: BatchGenerator) -> tuple[Array, Phases]:
        del rng
        rows = rows_of(obs)
        hand, cube = rows[:, 0], rows[:, 1]
        way, turn, following = pick(hand, cube, state.phase, state.age, 0.15)
        grip = np.where(state.phase >= GRIP, CLOSE, OPEN)
        return action(way, upright(hand, turn), grip), step_phases(state, following)


class StackOracle(SuiteOracle):
    """Picks up the small cube and puts it on the large one."""

    acts_in = StackWorld

    def act(self, obs: Obs, state: Phases, rng: BatchGenerator) -> tuple[Array, Phases]:
        del rng
        rows = rows_of(obs)
        hand, cube, base = rows[:, 0], rows[:, 1], rows[:, 2]
        phase, age = state.phase, state.age
        way, turn, following = pick(hand, cube, phase, age, 0.16)
        following[(phase == UP) & (cube[:, 2] > 0.10) & (hand[:, 14] > 0.5)] = ACROSS

        top = base[:, 2] + base[:, 17] + cube[:, 17]
        to = base[:, :3] - cube[:, :3]
        aside = length(to[:, :2])
        carry = to.copy()
        carry[:, 2] = top + 0.04 - cube[:, 2]
        sink = to.copy()
        sink[:, 2] = np.where(aside < 0.01, np.maximum(top - 0.004 - cube[:, 2], -0.02), 0.0)
        leave = np.zeros_like(to)
        leave[:, 2] = np.where(age > 3, 0.05, 0.0)
        leave[:, 2] = np.where(hand[:, 2] > 0.25, 0.0, leave[:, 2])
        way = np.where((phase == ACROSS)[:, None], carry, way)
        way = np.where((phase == LOWER)[:, None], sink, way)
        way = np.where((phase == LEAVE)[:, None], leave, way)
        still = length(rows[:, 0, 9:12]) < 0.03
        following[(phase == ACROSS) & (aside < 0.008) & still] = LOWER
        following[(phase == LOWER) & (cube[:, 2] < top + 0.003) & (age > 2)] = LEAVE
        # Lost on the way, or not on the other: again.
        dropped = ((phase == ACROSS) | (phase == LOWER)) & empty(hand)
        following[dropped & (age > 4)] = OVER
        fallen = (age > 12) & (cube[:, 2] < top - 0.01)
        following[(phase == LEAVE) & fallen] = OVER
        turn = np.where(phase >= ACROSS, wrap(heading(cube) - heading(hand), QUARTER), turn)
        turn = np.where(phase == LEAVE, 0.0, turn)
        grip = np.where((phase >= GRIP) & (phase < LEAVE), CLOSE, OPEN)
        return action(way, upright(hand, turn), grip), step_phases(state, following)
