"""Failures of stacking and of the bins: injections and predicates.

The asked cube is that of the goal, of a tower the one that comes first on the lowest. "The other"
is the other one of two, of a tower of three the uppermost.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.failures import Failure
from entitybench.envs.pick.bins import INNER, BinsWorld
from entitybench.envs.pick.faulty import FaultyOracle
from entitybench.envs.pick.hand import OPEN
from entitybench.envs.pick.oracle import PickOracle
from entitybench.envs.pick.scene import HALF
from entitybench.envs.pick.world import PickWorld

if TYPE_CHECKING:
    from collections.abc import Callable

    from entitybench.envs.failures import Trace
    from entitybench.types import Array, Policy, TaskSpec

EMPTY = 0.15  # opening below which nothing is between the fingers
OPENS = 0.3  # action that is a command to let go
HARD = 0.04  # N s in a control step, with which a cube is struck at least: one at rest gives 0.032
FELL = 0.012  # m, by which a cube came down that was dropped


@dataclass(frozen=True, slots=True)
class Facts:
    """What predicates read. T + 1 states of B episodes; lengths in m."""

    success: Array  # (B,)
    goal: Array  # (B, 3) of the asked cube
    path: Array  # (T + 1, B, 3) of the asked cube
    other: Array  # (T + 1, B, 3) of the other cube
    tower: bool
    three: bool
    lifted: Array  # (B,) whether the asked cube was carried
    closed: Array  # (B,) whether the fingers ever closed on nothing
    dropped: Array  # (B, 3) where the asked cube was held last
    released: Array  # (B,) whether the hand was told to open while it carried the asked cube
    hardest: Array  # (B,) N s in a control step, of hand and asked cube on the other, from then on
    other_held: Array  # (B,) whether the other was carried
    moved_other: Array  # (B,)
    pushed_other: Array  # (B,) how far it moved since the asked cube was first carried, uncarried
    elsewhere: Array  # (B,) whether the asked cube ended in another bin, or on another cube

    @property
    def moved(self) -> Array:
        """(B,) how far the asked cube is from where it was."""
        return _flat(self.path[-1] - self.path[0])

    @property
    def fell(self) -> Array:
        """(B,) whether it fell out of the hand on its way, and not into another place."""
        away = _flat(self.dropped - self.goal) > 2 * HALF
        down = self.dropped[:, 2] - self.path[-1][:, 2] > FELL
        return self.lifted & away & down & ~self.elsewhere


def facts(trace: Trace) -> Facts:
    """What happened in the episodes of a trace."""
    world = trace.world
    assert isinstance(world, PickWorld)
    batch = np.arange(len(trace.success))
    tower, cubes = not isinstance(world, BinsWorld), world.cubes
    asked = np.ones(len(batch), int) if tower else trace.goals[:, 1 : 1 + cubes, 2].argmax(1)
    other = np.full(len(batch), 2 if cubes > 2 else 0) if tower else 1 - asked
    seen = world.observe(trace.states, np.broadcast_to(trace.constants, _shape(trace)))
    hand, places = seen[:, :, 0], seen[:, :, 1 : 1 + cubes, :3]
    path, others = places[:, batch, asked], places[:, batch, other]
    goal = trace.goals[batch, 1 + asked, :3]
    held, gripped = _held(hand, path), _gripped(hand, path)
    lifted = np.asarray(held.any(0))
    last = len(held) - 1 - gripped[::-1].argmax(0)
    end = path[-1]
    if isinstance(world, BinsWorld):
        gaps = np.abs(end[:, None, :2] - world.places[:, :2]).max(-1)  # (B, bins)
        there = gaps < INNER
        right = np.abs(goal[:, None, :2] - world.places[:, :2]).max(-1) < HALF
        elsewhere = (there & ~right).any(1)
    else:
        elsewhere = np.zeros(len(batch), bool)
        if cubes > 2:
            offset = end - others[-1]
            elsewhere = (_flat(offset) < HALF) & (np.abs(offset[:, 2] - 2 * HALF) < 0.01)
            elsewhere &= others[-1][:, 2] < 2 * HALF
    first, others_held = held.argmax(0), _held(hand, others)
    since = np.arange(len(held))[:, None] >= first
    pushed = np.where((others_held & since).any(0), 0.0, _flat(others[-1] - others[first, batch]))
    pressed = trace.impulses[:, batch, 1 + other]
    pressed = np.where(since[1:], pressed[..., 0] + pressed[:, batch, 1 + asked], 0.0)
    return Facts(
        success=trace.success,
        goal=goal,
        path=path,
        other=others,
        tower=tower,
        three=cubes > 2,
        lifted=lifted,
        closed=np.asarray((hand[..., 5] < EMPTY).any(0)),
        dropped=np.where(lifted[:, None], path[last, batch], path[0]),
        released=np.asarray((held[:-1] & (trace.actions[..., 4] > OPENS)).any(0)),
        hardest=pressed.max(0),
        other_held=np.asarray(others_held.any(0)),
        moved_other=_flat(others[-1] - others[0]),
        pushed_other=pushed,
        elsewhere=elsewhere,
    )


def _shape(trace: Trace) -> tuple[int, ...]:
    return (len(trace.states), *trace.constants.shape)


def _held(hand: Array, cube: Array) -> Array:
    """Whether a cube (T, B, 3) is between the fingers of hands (T, B, D) and off the ground."""
    return _gripped(hand, cube) & (cube[..., 2] > cube[0, :, 2] + 0.004)


def _gripped(hand: Array, cube: Array) -> Array:
    """Whether a cube (T, B, 3) is between the fingers of hands (T, B, D), which hold it."""
    offset = cube - hand[..., :3]
    near = np.sqrt((offset * offset).sum(-1)) < 0.75 * HALF
    return np.asarray(near & (hand[..., 5] < 1.1 * HALF / OPEN))


def _flat(offset: Array) -> Array:
    return np.asarray(np.hypot(offset[..., 0], offset[..., 1]))


def missed(f: Facts) -> Array:
    """The fingers closed on nothing, and the asked cube stayed about where it was."""
    return f.closed & ~f.lifted & (f.moved < 0.05) & ~other_taken(f)


def slipped(f: Facts) -> Array:
    """It was carried, and fell before the hand was told to open."""
    return f.fell & ~f.released & ~collided(f) & ~reordered(f)


def early(f: Facts) -> Array:
    """The hand was told to open on the way, and it did not get there."""
    away = _flat(f.path[-1] - f.goal) > 2 * HALF
    return f.fell & f.released & away & ~collided(f) & ~reordered(f)


def other_taken(f: Facts) -> Array:
    """Another cube was carried away instead of the asked one."""
    astray = f.moved_other > 0.05
    if f.tower and not f.three:  # the lowest goes to its place anyway
        astray &= f.other[-1][:, 2] > 2 * HALF
    return ~f.lifted & (f.moved < 0.01) & f.other_held & astray


def elsewhere(f: Facts) -> Array:
    """It ended in another bin, or on another cube."""
    return f.lifted & f.elsewhere


def misplaced(f: Facts) -> Array:
    """It was put down near its goal, but outside what is tolerated."""
    away = _flat(f.path[-1] - f.goal)
    put = f.lifted & ~f.fell & ~f.elsewhere & (f.path[-1][:, 2] < 2 * HALF)
    return put & (away > 2 * HALF) & (away < 0.11) & ~toppled(f) & ~collided(f)


def collided(f: Facts) -> Array:
    """Hand or asked cube struck the other one, which moved although nobody carried it."""
    return f.lifted & (f.hardest > HARD) & (f.pushed_other > 0.02)


def toppled(f: Facts) -> Array:
    """It was on its goal, and fell off."""
    offset = f.path - f.goal
    on = ((_flat(offset) < 0.032) & (np.abs(offset[..., 2]) < 0.008)).any(0)
    return f.tower & f.lifted & on & (f.path[-1][:, 2] < f.goal[:, 2] - HALF)


def reordered(f: Facts) -> Array:
    """The uppermost came first on the lowest, and the asked cube on that."""
    if not f.three:
        return np.zeros(len(f.success), bool)
    first = f.path[-1] - f.other[-1]
    below = np.abs(f.other[-1][:, 2] - 3 * HALF) < 0.01
    return below & (_flat(first) < HALF) & (np.abs(first[:, 2] - 2 * HALF) < 0.01)


def _fail(number: int, summary: str, mode: str, rule: Callable[[Facts], Array]) -> Failure:
    return Failure(
        number=number,
        summary=summary,
        inject=partial(_policy, mode=mode),
        holds=lambda trace: rule(facts(trace)),
    )


def _policy(task: TaskSpec, mode: str) -> Policy[Any]:
    return PickOracle(task) if mode == "success" else FaultyOracle(task, mode)


_SUCCESS = {
    "success": Failure(
        number=0,
        summary="nothing goes wrong",
        inject=partial(_policy, mode="success"),
        holds=lambda trace: trace.success,
    )
}
_MISSED = _fail(1, "the fingers close beside the cube", "missed", missed)
_SLIP = _fail(2, "the grip loosens on the way, and the cube falls", "slip", slipped)
_EARLY = _fail(3, "the hand opens before the cube is there", "early-release", early)
_OBJECT = _fail(4, "another cube is taken", "wrong-object", other_taken)
_TARGET = _fail(5, "the cube is put elsewhere", "wrong-target", elsewhere)
_PLACE = _fail(6, "the cube is put down beside its goal", "misplaced", misplaced)
_COLLISION = _fail(7, "the cube is carried through the other one", "collision", collided)
_TOPPLE = _fail(8, "the cube is put down off-centre and falls", "topple", toppled)
_ORDER = _fail(12, "the two upper cubes change places", "wrong-order", reordered)

BINS: dict[str, Failure] = {
    **_SUCCESS,
    "missed-grasp": _MISSED,
    "slip": _SLIP,
    "early-release": _EARLY,
    "wrong-object": _OBJECT,
    "wrong-target": _TARGET,
    "misplaced": _PLACE,
    "collision": _COLLISION,
}
STACK_2: dict[str, Failure] = {
    **{name: one for name, one in BINS.items() if name != "wrong-target"},  # there is none
    "topple": _TOPPLE,
}
STACK_3: dict[str, Failure] = {**BINS, "topple": _TOPPLE, "wrong-order": _ORDER}
