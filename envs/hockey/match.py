"""Air hockey with agents on both sides: the same game, whose other side no script moves."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.hockey.game import HockeyGame

if TYPE_CHECKING:
    from entitybench.types import Array


class HockeyMatch(HockeyGame):
    """Actions (2 M, 2): the agents', then the other side's, which sees the table turned round.

    `turned` gives a state as the other side sees it; observing that is its observation. A turn by
    180 degrees: x and y change their signs, mallets their sides, goals scored are goals conceded.
    """

    @property
    def action_shape(self) -> tuple[int, ...]:
        return (2 * self.players, self.action_dim)

    def control(self, state: Array, action: Array) -> Array:
        del state
        velocity = self.velocity(action)
        velocity[..., self.players :, :] *= -1  # the table turned round
        return velocity.reshape(*velocity.shape[:-2], -1)

    def turned(self, state: Array) -> Array:
        """States (..., S) as the other side sees them; turned twice they are what they were."""
        order, signs = self._turn
        return state.take(order, axis=-1) * signs

    def goals(self, state: Array) -> Array:
        """Goals (..., 2) scored and conceded by the agents' side."""
        return state[..., self.score]

    @cached_property
    def _turn(self) -> tuple[Array, Array]:
        """Where in a state (S,) each number of the turned one is, and its sign."""
        order, signs = np.arange(self.state_size), np.ones(self.state_size)
        own, rest = np.arange(self.players), np.arange(2 * self.players, len(self.motion))
        sides = np.concatenate([own + self.players, own, rest])
        order[self.motion], signs[self.motion] = self.motion[sides], -1
        order[self.score] = order[self.score][::-1].copy()
        return order, signs
