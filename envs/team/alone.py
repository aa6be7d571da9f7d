"""Worlds of teams number by number; see envs/core/alone.py."""

from __future__ import annotations

from math import sqrt
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.core.alone import Alone, Gathered
from entitybench.envs.team.pushbox import CHANGING, NOTES, NUMBERS, SPEED_BOUND, notes
from entitybench.envs.team.pushbox_sizes import ARENA, ROBOTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.envs.core.alone import Numbers
    from entitybench.envs.team.pushbox import PushboxWorld
    from entitybench.types import Array

_MOST = ARENA + 0.09  # m, a little less than where places are cut
_LEAST = -_MOST
_FASTEST, _TURNING = SPEED_BOUND
_SLOWEST, _BACK = -_FASTEST, -_TURNING


class PushboxAlone(Alone):
    """Three robots and a box."""

    looks_back = False
    notes = len(CHANGING)

    def __init__(self, world: PushboxWorld) -> None:
        first = world.noted.start
        self._placed, self._reward, self._share = (
            first + CHANGING.index(name) for name in ("placed", "reward", "share")
        )
        # All that is seen is differences. Most are to zero, and so in the state; those to a robot
        # are computed and come after it: of the box, the goal and the two others, for each robot.
        this, less = world.picked
        robots, size = world.robots.tolist(), world.state_size
        fixed = [world.box[:2].tolist(), world.told[3:5].tolist()]
        found: dict[tuple[int, int], int] = {}
        for own in robots:
            for thing in (*fixed, *(one for one in robots if one is not own)):
                found |= {
                    pair: size + len(found) + i
                    for i, pair in enumerate(zip(thing, own, strict=True))
                }
        zero = first + NOTES.index("zero")
        pairs = zip(this.tolist(), less.tolist(), strict=True)
        shown = np.array([pair[0] if pair[1] == zero else found[pair] for pair in pairs])
        self._shown = Gathered(size + len(found), 0, shown)
        self._shape = world.entities, world.features
        last, each = world.entities * world.features, len(world.agent_feature_names)
        self._entities = slice(last)
        self._agents = [slice(last + i * each, last + (i + 1) * each) for i in range(ROBOTS)]
        # Within these nothing that is seen is cut; beyond, arrays say.
        *speeds, self._turning = world.rates
        self._places = itemgetter(*(place for pair in (*robots, *fixed) for place in pair))
        self._speeds = itemgetter(*speeds)
        self._told = itemgetter(*world.told.tolist())

    def begin(self, state: Array, constants: Array, goal: Array) -> None:
        """Nothing changes from one to another but the state."""

    def control(self, state: Numbers, action: Numbers) -> Numbers:
        del state
        pushes: list[float] = []
        for i in range(0, len(action), 2):
            x, y = action[i], action[i + 1]
            long = sqrt(x * x + y * y)
            pushes += (x / long, y / long) if long > 1.0 else (x, y)
        return pushes

    def remember(self, before: Numbers, state: Numbers) -> Sequence[float]:
        del before
        return notes(self._told(state), NUMBERS)

    def see(
        self, before: Numbers, action: Numbers, state: Numbers
    ) -> tuple[dict[str, Any], dict[str, Any]] | None:
        del before, action
        places, speeds = self._places(state), self._speeds(state)
        for place in places:
            if not _LEAST <= place <= _MOST:
                return None
        for speed in speeds:
            if not _SLOWEST <= speed <= _FASTEST:
                return None
        if not _BACK <= state[self._turning] <= _TURNING:
            return None
        x0, y0, x1, y1, x2, y2, box_x, box_y, x, y = places
        seen = [
            *state,
            *(box_x - x0, box_y - y0, x - x0, y - y0, x1 - x0, y1 - y0, x2 - x0, y2 - y0),
            *(box_x - x1, box_y - y1, x - x1, y - y1, x0 - x1, y0 - y1, x2 - x1, y2 - y1),
            *(box_x - x2, box_y - y2, x - x2, y - y2, x0 - x2, y0 - y2, x1 - x2, y1 - y2),
        ]
        shown = self._shown
        [flat] = shown.look(seen)
        return {
            "observation": [flat[part] for part in self._agents],
            "state": flat[self._entities].reshape(self._shape),
        }, {
            "reward": [shown.numbers[self._reward]] * ROBOTS,
            "is_success": state[self._placed] > 0,
            "success_fraction": shown.numbers[self._share],
        }
