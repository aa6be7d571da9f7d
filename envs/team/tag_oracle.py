"""The scripted predators: chase, cut off and close in, whichever a simulated try finds best."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.api import world_as
from entitybench.envs.team.tag import PREDATORS, PREY, TagWorld

if TYPE_CHECKING:
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs, TaskSpec

LEADS = (0.0, 0.3, 0.8)  # s, how far ahead of the prey a predator aims
PLANS = np.array(list(product(LEADS, repeat=PREDATORS)))  # (27, 3)
CENTRAL = (0.0, 0.5)  # how far an aim is drawn towards the middle, which the prey comes back to
AHEAD = 12  # control steps that a plan is tried for


class TagOracle:
    """Each step: try every plan for a second, and begin the one that catches most.

    In a plan each predator aims at where the prey will be after a time of its own. The trial uses
    the world's own rules, of which the prey's script is one.
    """

    def __init__(self, task: TaskSpec | str) -> None:
        world = world_as(task, TagWorld)
        self._world = world
        self._plans = np.array([(*plan, pull) for pull in CENTRAL for plan in PLANS])

    def initial_state(self, batch: int) -> None:
        """It remembers nothing."""

    def act(self, obs: Obs, state: None, rng: BatchGenerator) -> tuple[Array, None]:
        del rng
        now = self._world.recall(obs["state"])
        plans = self._plans[:, None]
        states = np.array(np.broadcast_to(now, (len(plans), *now.shape)))
        value = np.zeros(states.shape[:-1])
        first = self._aim(states, plans)
        action = first
        for step in range(AHEAD):
            states = self._world.transition(states, action)
            value += (0.97**step) * (10 * self._world.catches(states) - self._gap(states))
            action = self._aim(states, plans)
        return first[np.argmax(value, axis=0), np.arange(len(now))], state

    def _gap(self, state: Array) -> Array:
        """How far the predators are from the prey, (...): the nearest, and a little of all."""
        places = self._world.places(state)
        delta = places[..., :PREDATORS, :] - places[..., PREY : PREY + 1, :]
        square = delta * delta
        gaps = np.sqrt(square[..., 0] + square[..., 1])
        return gaps.min(axis=-1) + 0.3 * (gaps[..., 0] + gaps[..., 1] + gaps[..., 2])

    def _aim(self, state: Array, plans: Array) -> Array:
        """Actions (..., 3, 2) of plans (..., 4): leads in s of the predators, and the pull."""
        places, velocities = self._world.places(state), self._world.velocities(state)
        prey, speed = places[..., PREY, None, :], velocities[..., PREY, None, :]
        aim = prey + plans[..., :PREDATORS, None] * speed
        aim = aim - plans[..., PREDATORS, None, None] * (aim - prey * 0.5) * (
            plans[..., :PREDATORS, None] > 0
        )
        way = aim - places[..., :PREDATORS, :] - 0.1 * velocities[..., :PREDATORS, :]
        most = np.maximum(np.abs(way[..., :1]), np.abs(way[..., 1:]))
        return way / np.maximum(most, 1e-9)
