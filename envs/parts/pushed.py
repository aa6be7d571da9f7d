"""Things in the plane before a pusher, number by number; see envs/core/alone.py."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.core.alone import Gathered, GoalAlone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.envs.core.alone import Numbers
    from entitybench.envs.core.world import GoalWorld
    from entitybench.types import Array


class PushedAlone(GoalAlone):
    """A pusher on two slides, and things of which x, y and a multiple of the yaw are observed.

    The state is positions. Entities: the pusher, the things, then perhaps others that stand fast.
    """

    def __init__(
        self,
        world: GoalWorld,
        reach: float,
        places: Array,
        yaws: Array,
        *,
        parts: int | None = None,
    ) -> None:
        """Make it.

        Args:
            reach: m, how far ahead of the pusher an action of 1 sets its target.
            places: (1 + n + others, 2), where x and y of the pusher, of the things, and of others
                that are in the state are.
            yaws: (n,), where their yaws are.
            parts: of how many entities a goal is; of the n things by default.
        """
        count, size = len(yaws), world.state_size
        super().__init__(world, parts or count)
        self._reach, self._size = reach, size
        (self._x, self._y), *self.places = places[: 1 + count].tolist()
        self._yaws = yaws.tolist()
        turns = np.arange(2 * count).reshape(2, count) + size
        self._constants = size + 2 * count
        zero = self._constants + world.entities * world.features
        observed = np.arange(self._constants, zero).reshape(world.entities, world.features)
        observed[: len(places), :2] = places
        observed[1 : 1 + count, 2:4] = turns.T
        achieved = world.achieved(np.ones(observed.shape, np.float32)) != 0  # the rest is zero
        self._shown = Gathered(zero + 1, observed, np.where(achieved, observed, zero))
        self._angle = np.zeros(count)
        self._angles = self._angle.data
        self._cos, self._sin = (self._shown.row[one[0] : one[-1] + 1] for one in turns)

    def begin(self, state: Array, constants: Array, goal: Array) -> None:
        super().begin(state, constants, goal)
        self._state = state.data
        self._shown.row[self._constants : -1] = constants.ravel()
        self._turns = list(zip(self._yaws, self.factors(constants), strict=True))

    @abstractmethod
    def factors(self, constants: Array) -> Sequence[float]:
        """By what the yaws of the n things are multiplied."""

    def control(self, state: Numbers, action: Numbers) -> Numbers:
        reach = self._reach
        return [action[0] * reach + state[self._x], action[1] * reach + state[self._y]]

    def look(self, state: Numbers) -> tuple[Array, Array]:
        shown, angles = self._shown, self._angles
        shown.numbers[: self._size] = self._state
        for i, (place, factor) in enumerate(self._turns):
            angles[i] = factor * state[place]
        # numpy rounds its own way, so it is numpy that is asked.
        np.cos(self._angle, out=self._cos)
        np.sin(self._angle, out=self._sin)
        both = shown.look()
        return both[0], both[1]
