"""Hockey's games number by number; see envs/core/alone.py."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.core.alone import float32
from entitybench.envs.hockey.alone import HockeyAlone
from entitybench.envs.hockey.game import CROWDED, FORWARD, MOST_GOALS
from entitybench.envs.hockey.opponents import ALONE
from entitybench.envs.hockey.strike import LINE
from entitybench.envs.hockey.world import MOTION

if TYPE_CHECKING:
    from entitybench.envs.core.alone import Numbers
    from entitybench.envs.hockey.game import HockeyGame
    from entitybench.types import Array


class GameAlone(HockeyAlone):
    """Two sides, and a script that moves one."""

    world: HockeyGame

    def __init__(self, world: HockeyGame) -> None:
        super().__init__(world, 2)
        self._script = ALONE[world.opponents_script]
        self._looked_at = world.looked_at.ravel().tolist()
        self._puck_x = world.puck_x
        self._puck_vx = int(world.speeds[world.puck, 0])
        self._score = world.score.start
        size = world.views.shape[1]
        self._players = world.players
        self._agents = [slice(i * size, (i + 1) * size) for i in range(world.players)]
        self._rest = slice(size * world.players, None)
        self._shape = world.entities, world.features
        self._sides = world.places[: world.players, 1].tolist()

    def looks(self) -> list[Array]:
        world, column = self.world, len(MOTION)
        self.entities[: world.players, column] = self.extra
        self.entities[world.players : world.puck, column] = self.extra + 1
        return [np.concatenate([world.views.ravel(), self.entities.ravel()])]

    def control(self, state: Numbers, action: Numbers) -> Numbers | None:
        seen = [-state[place] for place in self._looked_at]  # the table turned round
        if not isfinite(sum(seen)):
            return None
        found = self.velocity(action)
        found += [-number for number in self._script(seen)]
        return found

    def due(self, state: Numbers) -> bool:
        return not -LINE < state[self._puck_x] < LINE

    def see(
        self, before: Numbers, action: Numbers, state: Numbers
    ) -> tuple[dict[str, Any], dict[str, Any]] | None:
        del action
        if not self.within(state):
            return None
        first, players = self._score, self._players
        scored, conceded = state[first], state[first + 1]
        [flat] = self.shown.look([*state, min(scored, MOST_GOALS), min(conceded, MOST_GOALS)])
        reward = (scored - before[first]) - (conceded - before[first + 1])
        reward += FORWARD * state[self._puck_vx]
        if players > 1:
            one, other = self._sides
            reward += CROWDED * ((state[one] > 0) == (state[other] > 0))
        goals = scored + conceded
        return {
            "observation": [flat[part] for part in self._agents],
            "state": flat[self._rest].reshape(self._shape),
        }, {
            "reward": [float32(reward)] * players,
            "is_success": scored > conceded,
            "success_fraction": float32((scored + 0.5 * (goals == 0)) / max(goals, 1)),
        }
