"""Failures of `push-2blocks-zones`: how the scripted policy errs, and what then must be so.

The modes are those of docs/banks.md that apply to pushing a block into a zone.
Predicates look at simulator states and contacts alone; they exclude one another.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.failures import Failure, Trace
from entitybench.envs.parts.observed import goal_of
from entitybench.envs.push.moves import TOUCH, approach_step, dot, left, norm, to_action, unit
from entitybench.envs.push.oracle import OracleState, PushOracle
from entitybench.envs.push.variants import PushZonesWorld
from entitybench.envs.push.world import IDS, TOLERANCE

if TYPE_CHECKING:
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs, TaskSpec

MOVED = 0.05  # m, a block that moved so far was moved
STILL = 0.01  # m, a block that moved less was not
STRUCK = 0.015  # m, by which a collision moves a block
HARD = 0.05  # N s in a control step, with which it strikes it at least
APPROACHED = 0.05  # m, by which a block that was stopped short came nearer
MISPLACED = (0.02, 0.06)  # m, beyond the tolerance: near the zone, not in it
BESIDE = (0.02, 0.04)  # m, from the block's edge to the pusher's, where it passes the block
DIRECTIONS = ("right", "ahead", "left", "back")  # +x, +y, -x, -y: of a block that is misplaced


@dataclass(slots=True)
class ErringState:
    """The oracle's own state and the plan to err, drawn once for each of B episodes."""

    oracle: OracleState
    plan: Array  # (B, 4) uniform on [0, 1), what the mode makes of it; NaN before the first step
    aim: Array  # (B, blocks, 2) m, where the script takes the blocks; NaN: nowhere
    first: Array  # (B, 1 + blocks + zones, 2) m, places at the start
    done: Array  # (B,) bool, the script has ended
    begun: Array  # (B,) bool, the pusher has come to where it goes past the block, in `no_contact`


class ErringPusher:
    """`PushOracle` with another aim, or another course, than the task asks for."""

    def __init__(self, task: TaskSpec, mode: str) -> None:
        self._oracle = PushOracle(task)
        self._mode = mode

    def initial_state(self, batch: int) -> ErringState:
        return ErringState(
            oracle=self._oracle.initial_state(batch),
            plan=np.full((batch, 4), np.nan),
            aim=np.zeros((batch, 0, 2)),
            first=np.zeros((batch, 0, 2)),
            done=np.zeros(batch, bool),
            begun=np.zeros(batch, bool),
        )

    def act(self, obs: Obs, state: ErringState, rng: BatchGenerator) -> tuple[Array, ErringState]:
        entities = obs.get("state", obs["observation"])
        goal = goal_of(obs)
        places = entities[..., :2].astype(np.float64)
        draw = rng.random((len(places), 4))
        if not state.first.shape[1]:
            wanted = asked(goal)
            aim = aims(self._mode, places, wanted, zone_asked(places, goal, wanted), draw)
            state = ErringState(state.oracle, draw, aim, places.copy(), state.done, state.begun)
        goals = np.zeros_like(goal)
        goals[:, 1:3, :2] = np.where(np.isnan(state.aim), 0, state.aim)
        goals[:, 1:3, 4] = ~np.isnan(state.aim[..., 0])  # any feature: asked for
        action, oracle = self._oracle.act(
            {"observation": entities, "desired_goal": goals}, state.oracle, rng
        )
        begun = state.begun
        if self._mode == "collision":  # by way of the other block; that it is struck ends it
            action = to_action(places[np.arange(len(places)), 2 - asked(goal)] - places[:, 0])
        elif self._mode == "no_contact":
            action, begun = self._pass(places, goal, state)
        done = state.done | self._ends(places, goal, state)
        action = np.where(done[:, None], 0.0, action)
        return action, ErringState(oracle, state.plan, state.aim, state.first, done, begun)

    def notes(self, state: ErringState) -> dict[str, Array]:
        """What the script meant to do: its aims (B, blocks, 2) in m and what it drew (B, 4)."""
        return {"aim": state.aim, "plan": state.plan}

    def _ends(self, places: Array, goal: Array, state: ErringState) -> Array:
        """Whether the script ends here, bool (B,): the blocks it moves have arrived."""
        if self._mode == "collision":
            rows, other = np.arange(len(places)), 2 - asked(goal)
            return norm(places[rows, other] - state.first[rows, other])[:, 0] > 1.5 * STRUCK
        gap = norm(places[:, 1:3] - state.aim)[..., 0]
        return np.all(np.isnan(gap) | (gap < 0.012), axis=1)

    def _pass(self, places: Array, goal: Array, state: ErringState) -> tuple[Array, Array]:
        """The action that leads past the asked block, and whether passing it has begun."""
        rows = np.arange(len(places))
        wanted = asked(goal)
        block = state.first[rows, 1 + wanted]
        target = state.aim[rows, wanted]
        course = unit(target - block)
        aside = left(course) * np.where(state.plan[:, 2:3] < 0.5, -1.0, 1.0)
        # On the side where there is more room from the other block.
        other = state.first[rows, 2 - wanted]
        aside = np.where(dot(other - block, aside) > 0, -aside, aside)
        margin = BESIDE[0] + (BESIDE[1] - BESIDE[0]) * state.plan[:, 3:4]
        lane = block + (TOUCH + margin) * aside
        begin, end = lane - 0.1 * course, lane + (norm(target - block) - 0.02) * course
        pusher = places[:, 0]
        begun = state.begun | (norm(begin - pusher)[:, 0] < 0.01)
        to = np.minimum(norm(end - pusher), 0.04) * unit(end - pusher)
        walk = approach_step(pusher, begin, places[:, 1:3])
        return to_action(np.where(begun[:, None], to, walk)), begun


def asked(goal: Array) -> Array:
    """Which block a goal (B, N, D) asks for, (B,) int."""
    found: Array = np.argmax(goal[:, 1:3, 4 : 4 + IDS].any(axis=-1), axis=1)
    return found


def zone_asked(places: Array, goal: Array, wanted: Array) -> Array:
    """Which zone a goal asks for, (B,) int: the one at the goal's place."""
    target = goal[np.arange(len(goal)), 1 + wanted, :2].astype(np.float64)
    found: Array = np.argmin(norm(places[:, 3:] - target[:, None])[..., 0], axis=1)
    return found


def aims(mode: str, places: Array, wanted: Array, zone: Array, draw: Array) -> Array:
    """Where a script of a mode takes the blocks, (B, 2, 2) m; NaN: nowhere.

    Args:
        places: (B, N, 2) at the start.
        wanted: (B,) the asked block.
        zone: (B,) the asked zone.
        draw: (B, 4) uniform on [0, 1).
    """
    rows = np.arange(len(places))
    zones = places[:, 3:]
    target, block = zones[rows, zone], places[rows, 1 + wanted]
    aim = np.full((len(places), 2, 2), np.nan)
    moved = wanted
    if mode == "wrong_object":
        moved = 1 - wanted
    elif mode == "wrong_target":
        target = zones[rows, (zone + 1 + (draw[:, 0] < 0.5)) % zones.shape[1]]
    elif mode == "misplaced":
        size = TOLERANCE + MISPLACED[0] + (MISPLACED[1] - MISPLACED[0]) * (0.25 + 0.5 * draw[:, 0])
        side = _sides(target, size[:, None], zones, unit(target - block), draw[:, 1])
        target = target + size[:, None] * side
    elif mode == "stopped_short":
        way = target - block
        part = np.minimum((0.4 + 0.4 * draw[:, :1]) * norm(way), norm(way) - TOLERANCE - 0.03)
        target = block + part * unit(way)
    elif mode == "overshoot":
        way = target - block
        beyond = np.maximum((0.2 + 0.4 * draw[:, :1]) * norm(way), TOLERANCE + 0.065)
        target = target + beyond * unit(way)
    aim[rows, moved] = target
    return aim


def _sides(target: Array, size: Array, zones: Array, course: Array, draw: Array) -> Array:
    """A direction (B, 2) of the four, one that leads to no other zone and not off the table.

    Nor back along the course, which would be stopping short, nor on, which would be overshooting.
    """
    sides = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    spots = target[:, None] + size[:, None] * sides  # (B, 4, 2)
    crowded = (norm(spots[:, :, None] - zones[:, None])[..., 0] < TOLERANCE + 0.02).any(axis=2)
    off = np.abs(spots).max(axis=-1) > 0.38
    on_course = np.abs(course[:, :1] * sides[:, 0] + course[:, 1:] * sides[:, 1]) > 0.8
    score = (np.arange(4) - 4.0 * draw[:, None]) % 4.0 + 10.0 * (crowded | off | on_course)
    return sides[np.argmin(score, axis=1)]


@dataclass(frozen=True, slots=True)
class Facts:
    """What happened in B episodes, in m."""

    gap: Array  # (T + 1, B), from the asked block to the asked zone
    short: Array  # (B,) bool, what it lacks at the end lies ahead on its way
    asked_moved: Array  # (B,), at the end
    other_moved: Array  # (B,), at the end
    wrong_zone: Array  # (B,) bool, the asked block ends in another zone
    touched: Array  # (B,) bool, the pusher touched the asked block
    struck: Array  # (B,) bool, pusher or asked block struck the other block hard and moved it
    passed: Array  # (B,) bool, the pusher went along the way of the asked block


def facts(trace: Trace) -> Facts:
    """What the predicates are made of."""
    world = trace.world
    assert isinstance(world, PushZonesWorld)
    observed = world.observe(
        trace.states, np.broadcast_to(trace.constants, (len(trace.states), *trace.constants.shape))
    )
    places = observed[..., :2].astype(np.float64)  # (T + 1, B, N, 2)
    rows = np.arange(places.shape[1])
    wanted = asked(trace.goals)
    zone = zone_asked(places[0], trace.goals, wanted)
    block, other = places[:, rows, 1 + wanted], places[:, rows, 2 - wanted]
    zones = places[0, :, 3:]
    target = zones[rows, zone]
    to_zones = norm(block[-1][:, None] - zones)[..., 0]
    to_zones[rows, zone] = np.inf
    pusher = places[:, :, 0]
    touched = trace.touched
    course = unit(target - block[0])
    progress = dot(pusher - block[0], course)[..., 0]
    rest = dot(target - block[-1], course)[:, 0]
    beside = np.abs(dot(pusher - block[0], left(course)))[..., 0]
    lane = beside < TOUCH + BESIDE[1] + 0.01
    other_moved = norm(other[-1] - other[0])[:, 0]
    met = trace.impulses[:, rows, 2 - wanted, 0] + trace.impulses[:, rows, 2 - wanted, 1 + wanted]
    return Facts(
        gap=norm(block - target)[..., 0],
        short=(rest > 0) & (np.abs(dot(target - block[-1], left(course)))[:, 0] < 0.6 * rest),
        asked_moved=norm(block[-1] - block[0])[:, 0],
        other_moved=other_moved,
        wrong_zone=to_zones.min(axis=1) <= TOLERANCE,
        touched=np.logical_or.reduce(touched[:, rows, 1 + wanted, 0], 0),
        struck=(met.max(axis=0) > HARD) & (other_moved > STRUCK),
        passed=(lane & (progress > 0.05)).any(axis=0) & (lane & (progress < 0)).any(axis=0),
    )


def direction(trace: Trace) -> Array:
    """To which side of its zone the asked block ended, (B,) int: an index of DIRECTIONS."""
    rows = np.arange(len(trace.success))
    wanted = asked(trace.goals)
    world = trace.world
    assert isinstance(world, PushZonesWorld)
    end = world.observe(trace.states[-1], trace.constants)[rows, 1 + wanted, :2]
    offset = end - trace.goals[rows, 1 + wanted, :2]
    sideways = np.abs(offset[:, 1]) > np.abs(offset[:, 0])
    return sideways + 2 * (offset[rows, sideways.astype(int)] < 0)


def holds(mode: str, trace: Trace) -> Array:
    """Whether a mode's predicate holds, bool (B,)."""
    f = facts(trace)
    end, start, least = f.gap[-1], f.gap[0], f.gap.min(axis=0)
    clean = f.touched & ~f.struck & ~f.wrong_zone
    out = end > TOLERANCE
    over = clean & out & (least <= TOLERANCE)
    near = clean & out & ~over & ~f.short & (end <= TOLERANCE + MISPLACED[1])
    if mode == "success":
        return trace.success & ~f.struck
    if mode == "wrong_object":
        return (f.other_moved > MOVED) & (f.asked_moved < STILL) & ~f.touched
    if mode == "wrong_target":
        return f.wrong_zone & ~f.struck
    if mode == "misplaced":
        return near
    if mode == "collision":
        return f.struck & ~trace.success & ((f.asked_moved >= STILL) | (f.other_moved <= MOVED))
    if mode == "no_contact":
        return ~f.touched & ~f.struck & f.passed
    if mode == "stopped_short":
        return clean & out & ~over & f.short & (start - end > APPROACHED)
    return over


def _failure(number: int, mode: str, summary: str) -> Failure:
    def policy(task: TaskSpec) -> Any:
        return ErringPusher(task, mode) if mode != "success" else PushOracle(task)

    return Failure(number=number, summary=summary, inject=policy, holds=partial(holds, mode))


FAILURES: dict[str, Failure] = {
    "success": _failure(0, "success", "the asked block is in the asked zone"),
    "wrong_object": _failure(4, "wrong_object", "the other block was pushed"),
    "wrong_target": _failure(5, "wrong_target", "the asked block ended in another zone"),
    "misplaced": _failure(6, "misplaced", "the asked block ended just beside its zone"),
    "collision": _failure(7, "collision", "the other block was struck and moved on the way"),
    "no_contact": _failure(9, "no_contact", "the pusher went past the asked block"),
    "stopped_short": _failure(10, "stopped_short", "the push ended on the way"),
    "overshoot": _failure(11, "overshoot", "the asked block crossed its zone and left it"),
}
