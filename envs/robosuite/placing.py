"""The scripted solver of PickPlace: the tall things first, over the wall, each to its part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.robosuite.bins import BinsWorld
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

OVER, DOWN, GRIP, UP, ACROSS, LOWER, LEAVE, DONE = range(8)
CARRY = 0.30  # m, of the hand above the table's height: the tallest thing clears the wall
# By kind: which comes first, how far above its centre it is gripped (m), after which turn it
# looks the same to the hand (rad), and by how much the hand is turned from its heading.
ORDER = {"cereal": 0, "milk": 1, "can": 2, "bread": 3}
ABOVE = {"cereal": 0.05, "milk": 0.055, "can": 0.012, "bread": 0.008}
PERIOD = {"cereal": np.pi, "milk": np.pi / 2, "can": 0.0, "bread": np.pi / 2}
TURN = {"cereal": np.pi / 2, "milk": 0.0, "can": 0.0, "bread": 0.0}
PATIENCE = 110  # control steps before another thing has its turn
NEARER = {"bread": (-0.045, 0.0), "can": (-0.045, -0.06)}  # m, from the middle of its part to reach


class BinsOracle(SuiteOracle):
    """Brings one thing after the other."""

    acts_in = BinsWorld

    world: BinsWorld

    def act(self, obs: Obs, state: Phases, rng: BatchGenerator) -> tuple[Array, Phases]:
        del rng
        world = self.world
        rows = rows_of(obs)
        hand, things = rows[:, 0], rows[:, 1:]
        batch = np.arange(len(rows))
        names = world.things
        targets = world.targets - np.asarray(world.origin)[:2]
        nearer = targets + np.array([NEARER.get(name, (0.0, 0.0)) for name in names])
        apart = np.abs(things[:, :, :2] - targets)
        inside = np.all(apart < np.array([0.085, 0.11]), axis=-1) & (things[:, :, 2] < 0.11)
        phase, age = state.phase.copy(), state.age
        # The next thing: the first in order that is not where it belongs.
        cost = np.array([ORDER[name] for name in names], np.float64) + 100.0 * inside
        cost[batch, state.target] += np.where(state.age > PATIENCE, 50.0, 0.0)
        best = np.argmin(cost, axis=1)
        choose = (phase == OVER) & ((age == 0) | (age > PATIENCE) | inside[batch, state.target])
        target = np.where(choose, best, state.target)
        done = inside.all(axis=1)

        thing = things[batch, target]
        above = np.array([ABOVE[name] for name in names])[target]
        period = np.array([PERIOD[name] for name in names])[target]
        offset = np.array([TURN[name] for name in names])[target]
        turn = heading(thing) + offset - heading(hand)
        turn = np.where(period > 0, wrap(turn, np.maximum(period, 0.1)), 0.0)
        lying = thing[:, 3] * thing[:, 7] - thing[:, 4] * thing[:, 6] < 0.7
        above = np.where(lying, 0.005, above)

        way, following = self._fetch(hand, thing, above, turn, phase, age)
        bring, following = self._bring(hand, thing, nearer[target], phase, age, following)
        way = np.where((phase >= ACROSS)[:, None], bring, way)
        turn = np.where(phase >= UP, 0.0, turn)
        rest = (phase == OVER) & done
        way[rest, :2] = 0
        way[rest, 2] = CARRY - hand[rest, 2]
        following[rest] = OVER
        grip = np.where((phase >= GRIP) & (phase < LEAVE), CLOSE, OPEN)
        moved = action(way, upright(hand, turn), grip)
        return moved, step_phases(state, following, target)

    def _fetch(
        self, hand: Array, thing: Array, above: Array, turn: Array, phase: Array, age: Array
    ) -> tuple[Array, Array]:
        """Over the thing, down, close, up."""
        place = thing[:, :3].copy()
        place[:, 2] += above
        way = place - hand[:, :3]
        aside = length(way[:, :2])
        # High until over it: other things, and the wall, are in between.
        high = np.where(aside > 0.03, CARRY, np.minimum(place[:, 2] + 0.07, CARRY))
        way[:, 2] = np.where(phase == OVER, high - hand[:, 2], way[:, 2])
        way[:, 2] = np.where(phase == UP, CARRY - hand[:, 2], way[:, 2])
        way[phase == UP, :2] = 0
        way[phase == GRIP] = 0
        following = phase.copy()
        ready = (aside < 0.012) & (np.abs(turn) < 0.12) & (hand[:, 2] < place[:, 2] + 0.11)
        following[(phase == OVER) & ready] = DOWN
        there = (np.abs(way[:, 2]) < 0.008) | (age > 22)
        following[(phase == DOWN) & there] = GRIP
        following[(phase == GRIP) & (age >= 6)] = UP
        following[(phase == UP) & (hand[:, 2] > CARRY - 0.03)] = ACROSS
        lost = empty(hand) & (age > 4)
        following[(phase == UP) & (lost | (age > 45))] = OVER
        return way, following

    def _bring(
        self,
        hand: Array,
        thing: Array,
        target: Array,
        phase: Array,
        age: Array,
        following: Array,
    ) -> tuple[Array, Array]:
        """Across, down, let go, up."""
        way = np.zeros((len(hand), 3))
        way[:, :2] = target - thing[:, :2]
        aside = length(way[:, :2])
        way[:, 2] = np.where(phase == ACROSS, CARRY - hand[:, 2], 0.0)
        # The thing's lowest point is half its length below its centre, however it hangs.
        bottom = thing[:, 2] - np.where(phase >= LOWER, thing[:, 17], 0.0)
        way[:, 2] = np.where(phase == LOWER, 0.03 - bottom, way[:, 2])
        way[phase == LEAVE, :2] = 0
        way[:, 2] = np.where((phase == LEAVE) & (age > 3), CARRY - hand[:, 2], way[:, 2])
        following[(phase == ACROSS) & (aside < 0.03)] = LOWER
        low = (bottom < 0.035) | (age > 25)
        following[(phase == LOWER) & low & (aside < 0.04)] = LEAVE
        following[(phase == LEAVE) & (age > 3) & (hand[:, 2] > CARRY - 0.12)] = OVER
        lost = empty(hand) & (age > 4)
        dropped = lost | (length(thing[:, :3] - hand[:, :3]) > 0.15)
        following[((phase == ACROSS) | (phase == LOWER)) & dropped] = OVER
        return way, following
