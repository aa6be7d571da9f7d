"""The scripted solver: take one cube after the other from above and put it where it belongs."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.api import world_as
from entitybench.envs.parts.observed import goal_of
from entitybench.envs.pick.bins import BinsWorld
from entitybench.envs.pick.hand import OPEN, TIP
from entitybench.envs.pick.room import ENOUGH, NARROW, WIDE_OPEN, grasp, in_the_way, put, spare
from entitybench.envs.pick.scene import HALF
from entitybench.envs.pick.world import HEIGHTS, STEPS, PickTable, StackWorld

if TYPE_CHECKING:
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs, TaskSpec

CHOOSE, ABOVE, DESCEND, CLOSE, LIFT, CARRY, LOWER, RELEASE, RETREAT = range(9)
ASTRAY = 0.028  # m, so far from its goal a cube is taken up; heights count twice
ON_TOP = 0.036  # m, between the axes of two cubes of which one lies on the other
PASS = 0.015  # m, between what is carried, or the fingers, and the highest cube below
LOST = 0.03  # m, between the grip point and a cube that is not held any more
FAR = 9.0  # m, where cubes are put that an episode lacks
PATIENCE = 60  # control steps in one phase


@dataclass(slots=True)
class OracleState:
    """What each of B episodes is at."""

    phase: Array  # (B,)
    age: Array  # (B,) control steps in the phase
    cube: Array  # (B,) which cube is being moved
    place: Array  # (B, 3) m, where it goes
    yaw: Array  # (B,) rad, of the hand when it takes the cube
    turn: Array  # (B,) rad, of the hand when it puts the cube down
    opening: Array  # (B,) m, of each finger on the way down
    height: Array  # (B,) m, of the grip point when a cube is carried
    grip: Array  # (B,) control steps that closing the fingers takes
    travel: Array  # (B,) m, of the grip point at least, on the way to a cube
    tries: Array  # (B, cubes) how often each has been taken up

    def rows(self, rows: Array) -> OracleState:
        """Those of some episodes."""
        return OracleState(*(getattr(self, f.name)[rows] for f in fields(self)))


class PickOracle:
    """Solves pick and stack tasks from the places of cubes and of their goals.

    Those of pixel tasks are in obs["state"] and obs["goal_state"], which `Worlds` adds.
    """

    def __init__(self, task: TaskSpec | str) -> None:
        world = world_as(task, PickTable)
        self._cubes = world.rows
        self._count = world.cubes
        self._tall = isinstance(world, StackWorld)
        self._bins = world.places if isinstance(world, BinsWorld) else np.empty((0, 3))
        self._tower = isinstance(world, StackWorld | BinsWorld)  # goals with no room for liberties

    def initial_state(self, batch: int) -> OracleState:
        return OracleState(
            phase=np.full(batch, CHOOSE),
            age=np.zeros(batch, np.int64),
            cube=np.zeros(batch, np.int64),
            place=np.zeros((batch, 3)),
            yaw=np.zeros(batch),
            turn=np.zeros(batch),
            opening=np.full(batch, WIDE_OPEN),
            height=np.full(batch, 0.1),
            grip=np.full(batch, 2),
            travel=np.zeros(batch),
            tries=np.zeros((batch, self._count), np.int64),
        )

    def act(self, obs: Obs, state: OracleState, rng: BatchGenerator) -> tuple[Array, OracleState]:
        del rng
        entities = obs.get("state", obs["observation"]).astype(np.float64)
        hand, cubes = entities[:, 0, :6], entities[:, self._cubes, :3].copy()
        yaws = np.arctan2(entities[:, self._cubes, 4], entities[:, self._cubes, 3]) / 4
        goals, wanted = self.goals(obs, entities)
        if "mask" in obs:
            gone = ~obs["mask"][:, self._cubes]
            wanted = wanted & ~gone
            cubes[gone] = (FAR, FAR, HALF)
        state = replace(state, **{f.name: getattr(state, f.name).copy() for f in fields(state)})
        for row in np.flatnonzero(state.phase == CHOOSE).tolist():
            self._plan(row, state, hand[row], cubes[row], yaws[row], goals[row], wanted[row])
        action = self._drive(state, hand, cubes)
        return action, state

    def goals(self, obs: Obs, entities: Array) -> tuple[Array, Array]:
        """Where the cubes should be (B, n, 3), and which are asked for, bool (B, n)."""
        del entities
        goal = goal_of(obs)
        goal = goal[:, self._cubes]
        return goal[..., :3].astype(np.float64), np.asarray(goal.any(axis=-1))

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
        """Choose a cube, how to take it, and where to put it."""
        astray = wanted & (distance(cubes, goals) > ASTRAY)
        if not astray.any():
            return
        index, place = self._choose(hand, cubes, yaws, goals, wanted, astray, state.tries[row])
        yaw, opening, _ = grasp(cubes, yaws, index, bool(state.tries[row, index] % 3 == 2))
        now = np.arctan2(hand[4], hand[3])
        yaw = nearest(yaw, now)
        place, turn, _ = put(cubes, yaws, index, place, yaw, exact=self._tower)
        others = np.delete(cubes[:, 2], index)
        top = max([*others[others < 1.0], place[2] - 2 * HALF])
        state.cube[row], state.place[row] = index, place
        state.yaw[row], state.turn[row] = yaw, nearest(turn, yaw)
        state.opening[row] = opening
        state.height[row] = min(top + 2 * HALF + PASS, HEIGHTS[1])
        state.tries[row, index] += 1
        state.phase[row], state.age[row] = ABOVE, 0

    def _choose(
        self,
        hand: Array,
        cubes: Array,
        yaws: Array,
        goals: Array,
        wanted: Array,
        astray: Array,
        tries: Array,
    ) -> tuple[int, Array]:
        """The cube to take next, and where to put it: its goal, or out of the way."""
        flat = np.hypot(*(cubes[:, None, :2] - cubes[None, :, :2]).transpose(2, 0, 1))
        above = (flat < ON_TOP) & (cubes[None, :, 2] > cubes[:, None, 2] + HALF)  # (lower, upper)
        covered = above.any(axis=1)
        best, least = -1, np.inf
        blockers: list[int] = []
        for i in np.flatnonzero(astray).tolist():
            if covered[i]:
                blockers += list(np.flatnonzero(above[i]))
                continue
            if not _supported(i, goals, astray, covered):
                continue
            room = put(cubes, yaws, i, goals[i], yaws[i], exact=self._tower)[2]
            if room < ENOUGH / 3:
                reach = np.hypot(*(cubes[:, :2] - goals[i, :2]).T)
                reach[~in_the_way(cubes, goals[i, 2])] = np.inf
                reach[i] = np.inf
                blockers.append(int(np.argmin(reach)))
            if room < 0.0:
                continue
            tight = grasp(cubes, yaws, i, False)[2] < ENOUGH / 3
            way = np.hypot(*(cubes[i] - hand[:3])[:2]) + np.hypot(*(goals[i] - cubes[i])[:2])
            cost = way + 1.0 * tight + 0.3 * tries[i] + 5.0 * (room < ENOUGH / 3)
            if cost < least:
                best, least = i, cost
        if best >= 0 and least < 4.0:
            return best, goals[best]
        free = [b for b in blockers if not covered[b]]
        free += [int(np.flatnonzero(above[b])[-1]) for b in blockers if covered[b]]
        free = [b for b in free if not covered[b] and (astray[b] or not wanted[b])] or free
        if best >= 0 and not free:
            return best, goals[best]
        movable = free or list(np.flatnonzero(astray & ~covered)) or list(np.flatnonzero(~covered))
        index = int(min(movable, key=lambda b: (tries[b], b)))
        return index, spare(cubes, goals[wanted], index)

    def _drive(self, state: OracleState, hand: Array, cubes: Array) -> Array:
        """Actions (B, 5), and the next phases, which are written into the state."""
        rows = np.arange(len(hand))
        cube = cubes[rows, state.cube]
        place, yaw_now = hand[:, :3], np.arctan2(hand[:, 4], hand[:, 3])
        fingers = hand[:, 5] * OPEN
        phase = state.phase
        # Where the grip point should go. A held cube is steered by where the cube is.
        way = place.copy()
        high = (phase == ABOVE) | (phase == RETREAT)
        above = np.maximum(state.height, cube[:, 2] + HALF + TIP + PASS)
        above = np.maximum(above, state.travel)
        over = np.where(high, np.minimum(above, HEIGHTS[1]), state.height)
        idle = np.where(phase == CHOOSE, np.maximum(place[:, 2], 0.12), over)
        way[:, 2] = idle
        taking = (phase == ABOVE) | (phase == DESCEND) | (phase == CLOSE)
        way[taking, :2] = cube[taking, :2]
        down = (phase == DESCEND) | (phase == CLOSE)
        way[down, 2] = cube[down, 2]
        carried = (phase == CARRY) | (phase == LOWER)
        way[carried, :2] += (state.place - cube)[carried, :2]
        way[phase == LOWER, 2] = (place + state.place - cube)[phase == LOWER, 2]
        way[phase == RELEASE] = place[phase == RELEASE]
        yaw = np.where(carried | (phase == RELEASE), state.turn, state.yaw)
        yaw = np.where((phase == CHOOSE) | (phase == RETREAT), yaw_now, yaw)
        held = (phase >= CLOSE) & (phase <= LOWER)
        wanted = np.where(taking, state.opening, NARROW + 0.003)
        wanted = np.where(phase == CHOOSE, WIDE_OPEN, wanted)
        press = self._presses(state)
        wanted = np.where(press & taking, 0.0, wanted)
        action = np.empty((len(hand), 5))
        action[:, :3] = (way - place) / STEPS[:3]
        action[:, 3] = (yaw - yaw_now) / STEPS[3]
        action[:, 4] = np.where(held, -1.0, (wanted - fingers) / STEPS[4])
        self._advance(state, place, yaw_now, fingers, cube, way, yaw, press)
        return np.clip(action, -1.0, 1.0)

    def _presses(self, state: OracleState) -> Array:
        """Which of B episodes are about a button, not a thing to hold: bool (B,)."""
        return np.zeros(len(state.phase), bool)

    def _advance(
        self,
        state: OracleState,
        place: Array,
        yaw_now: Array,
        fingers: Array,
        cube: Array,
        way: Array,
        yaw: Array,
        press: Array,
    ) -> None:
        phase = state.phase
        flat = np.hypot(way[:, 0] - place[:, 0], way[:, 1] - place[:, 1])
        rise = np.abs(way[:, 2] - place[:, 2])
        aligned = np.abs(yaw - yaw_now) < 0.05
        age = state.age
        done = np.select(
            [
                phase == ABOVE,
                phase == DESCEND,
                phase == CLOSE,
                (phase == LIFT) | (phase == RETREAT),
                phase == CARRY,
                phase == LOWER,
                phase == RELEASE,
            ],
            [
                (flat < 0.005) & aligned & (rise < 0.03),
                (rise < 0.003) | (age > 15),
                age >= state.grip,
                rise < 0.012,
                (flat < 0.004) & aligned,
                (rise < 0.0015) | (age > 12),
                (fingers > NARROW) | (age > 6),
            ],
            False,
        )
        # Nothing between the fingers, or no end of it: back up, and think again.
        slack = np.sqrt(((cube - place) ** 2).sum(-1)) > LOST
        fail = (phase >= LIFT) & (phase <= LOWER) & slack
        fail |= (phase >= ABOVE) & (phase < RETREAT) & (age > PATIENCE)
        after = np.where(done, np.where(phase == RETREAT, CHOOSE, phase + 1), phase)
        after = np.where(fail | (press & (phase == DESCEND) & done), RETREAT, after)
        state.age = np.where(after == phase, age + 1, 0)
        state.phase = after


def _supported(index: int, goals: Array, astray: Array, covered: Array) -> bool:
    """Whether what should be below a cube's goal is there."""
    if goals[index, 2] < 2 * HALF:
        return True
    gap = goals - goals[index] + [0, 0, 2 * HALF]
    below = np.flatnonzero(np.abs(gap).max(axis=1) < HALF / 2)
    return bool(len(below)) and not astray[below].any() and not covered[below].any()


def distance(cubes: Array, goals: Array) -> Array:
    """Distances (n,) of cubes from their goals (n, 3), where heights count twice."""
    offset = (cubes - goals) * [1, 1, 2]
    return np.asarray(np.sqrt((offset * offset).sum(-1)))


def nearest(yaw: float, now: float) -> float:
    """The yaw, or that plus or minus half turns, in the hand's range and nearest to `now`."""
    choices = yaw + np.pi * np.arange(-4, 5)
    choices = choices[np.abs(choices) < 2.2]
    return float(choices[np.argmin(np.abs(choices - now))])
