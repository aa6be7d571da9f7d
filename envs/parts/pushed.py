"""Things in the plane before a pusher, number by number; see envs/core/alone.py."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.core.alone import Gathered, GoalAlone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.envs.core.alone import Numbers
    from entitybench.envs.core.world import GoalWorld
    from entitybench.types import Array


class PushedAlone(GoalAlone):
    """A pusher on two slides, and things of which x, y and a multiple of the yaw are observed.

    The state is positions, the pusher's two first. Entities: the pusher, the things, then perhaps
    others that stand fast.

    Mostly the pusher alone moves. What follows from the places of the others is kept until their
    bits change.
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
        assert places[0].tolist() == [0, 1]
        self._reach = reach
        self.places = places[1 : 1 + count].tolist()
        self._yaws = yaws.tolist()
        # Where cosines and sines of the things' turns are, after the state.
        self.turned = (np.arange(count)[:, None] + [size, size + count]).tolist()
        changing, staying = size + 2 * count, world.entities * world.features
        observed = changing + np.arange(staying).reshape(world.entities, world.features)
        desired, zero = observed + staying, changing + 2 * staying
        observed[: len(places), :2] = places
        observed[1 : 1 + count, 2:4] = self.turned
        achieved = world.achieved(np.ones(observed.shape, np.float32)) != 0  # the rest is zero
        achieved = np.where(achieved, observed, zero)
        self.shown = Gathered(changing, 2 * staying + 1, observed, achieved, desired)
        self._angle, turns = np.zeros(count), np.zeros((2, count))
        self._angles: Any = self._angle.data
        self._cos, self._sin = turns
        self._turns: Any = turns.reshape(-1).data

    def begin(self, state: Array, constants: Array, goal: Array) -> None:
        self._things: Any = state.data[2:]
        self._was = b""
        self.shown.staying[:-1] = np.concatenate([constants, goal]).ravel()
        self._factors = list(zip(self._yaws, self.factors(constants), strict=True))

    @abstractmethod
    def factors(self, constants: Array) -> Sequence[float]:
        """By what the yaws of the n things are multiplied."""

    @abstractmethod
    def count(self, state: Numbers) -> int | None:
        """`solved`, of things that have moved."""

    def control(self, state: Numbers, action: Numbers) -> Numbers:
        reach = self._reach
        return [action[0] * reach + state[0], action[1] * reach + state[1]]

    def look(self, state: Numbers) -> Array:
        now = self._things.tobytes()
        self._moved = now != self._was
        if self._moved:
            self._was = now
            angles = self._angles
            for i, (place, factor) in enumerate(self._factors):
                angles[i] = factor * state[place]
            # numpy rounds its own way, so it is numpy that is asked.
            np.cos(self._angle, self._cos)
            np.sin(self._angle, self._sin)
            self._seen = self._turns.tolist()
        return self.shown.look(state + self._seen)

    def solved(self, state: Numbers) -> int | None:
        if self._moved:
            self._count = self.count(state)
        return self._count
