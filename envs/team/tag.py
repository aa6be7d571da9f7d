"""Three predators, a faster prey, two obstacles: mpe2's simple_tag_v3, with a scripted prey."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.core.world import Start
from entitybench.envs.team.particles import ParticleWorld, others
from entitybench.seeding import generator

if TYPE_CHECKING:
    from entitybench.types import Array

PREDATORS, OBSTACLES = 3, 2
PREY = PREDATORS  # its row
CAUGHT = 10.0  # reward for each predator that overlaps the prey


class TagWorld(ParticleWorld):
    """Catch the prey. The predators are the agents; the prey flees by `flee`, a part of the world.

    What a predator sees is what mpe2 shows it: its velocity, its place, the obstacles, the other
    predators and the prey from there, and the prey's velocity. The state has one number more, the
    steps so far in which the prey was caught.
    """

    movers = PREDATORS + 1
    agents = tuple(f"adversary_{i}" for i in range(PREDATORS))
    radii = (*(0.075,) * PREDATORS, 0.05, *(0.2,) * OBSTACLES)
    gains = (*(3.0,) * PREDATORS, 4.0)
    fastest = (*(1.0,) * PREDATORS, 1.3)
    solid = (True,) * (PREDATORS + 1 + OBSTACLES)
    kinds = (*("adversary",) * PREDATORS, "agent", *("landmark",) * OBSTACLES)
    extra = 1
    agent_feature_names = (
        *("vx", "vy", "x", "y"),
        *(f"landmark_{i}_{axis}" for i in range(OBSTACLES) for axis in "xy"),
        *(f"other_{i}_{axis}" for i in range(PREDATORS - 1) for axis in "xy"),
        *("prey_x", "prey_y", "prey_vx", "prey_vy"),
    )
    _order = others(PREDATORS, PREDATORS + 1 + OBSTACLES, first=PREDATORS + 1)

    @property
    def agent_bounds(self) -> Array:
        bounds = np.full(len(self.agent_feature_names), np.inf, np.float32)
        bounds[:2] = bounds[-2:] = self._speed
        return bounds

    def start(self, seed: int) -> Start:
        rng = generator(seed, "tag-start")
        places = rng.uniform(-1, 1, (len(self.radii), 2))
        places[self.movers :] *= 0.9
        memory = self.compose(places, np.zeros((self.movers, 2)))
        return Start(np.empty(0), self._constants, np.zeros_like(self._constants), memory=memory)

    def forces(self, state: Array, action: Array) -> Array:
        prey = flee(self.places(state))
        return np.concatenate([action, prey[..., None, :]], axis=-2) * self._gains

    def transition(self, state: Array, action: Array) -> Array:
        after = super().transition(state, action)
        after[..., -1] += self.catches(after) > 0
        return after

    def catches(self, state: Array) -> Array:
        """How many predators overlap the prey, (...)."""
        overlap = self.collisions(self.places(state))
        return overlap[..., :PREDATORS, PREY].sum(axis=-1)

    def observe_agents(self, state: Array, constants: Array) -> Array:
        del constants
        seen = self._look(state, self._order)
        prey = self.velocities(state)[..., None, PREY, :]
        found = np.empty((*seen.shape[:-1], len(self.agent_feature_names)), np.float32)
        found[..., :-2] = seen
        found[..., -2:] = prey
        return found

    def reward_terms(self, before: Array, action: Array, after: Array) -> dict[str, Array]:
        del before, action
        caught = CAUGHT * self.catches(after).astype(np.float64)
        return {"caught": np.repeat(caught[..., None], PREDATORS, axis=-1)}

    @property
    def obstacles(self) -> tuple[str, ...]:
        return self.bodies[self.movers :]

    def bumping(self, state: Array) -> Array:
        overlap = self.collisions(self.places(state))
        return np.logical_or.reduce(overlap[..., :PREDATORS, self.movers :], axis=(-2, -1))

    def status(self, state: Array) -> dict[str, Array]:
        """Success is to have caught the prey; the share grows to 1 with five steps of it."""
        steps = self.extras(state)[..., 0]
        return {
            "is_success": steps > 0,
            "success_fraction": np.minimum(steps / 5, 1).astype(np.float32),
        }

    def colours(self) -> dict[str, tuple[float, float, float]]:
        return {
            "adversary": (0.85, 0.35, 0.35),
            "agent": (0.30, 0.75, 0.30),
            "landmark": (0.25, 0.25, 0.25),
        }


def flee(places: Array) -> Array:
    """The prey's action (..., 2) in [-1, 1], version 1; places (..., N, 2) in TagWorld's order.

    Away from the predators, the nearer the more; off the obstacles; and back when it nears the
    edge of +-1. It always pushes as hard as it can along one axis. Only +, *, / and square roots,
    which round alike however many episodes run side by side.
    """
    prey = places[..., PREY, :]
    x, y = np.zeros(prey.shape[:-1]), np.zeros(prey.shape[:-1])
    for other in (*range(PREDATORS), *range(PREDATORS + 1, places.shape[-2])):
        dx = prey[..., 0] - places[..., other, 0]
        dy = prey[..., 1] - places[..., other, 1]
        square = np.maximum(dx * dx + dy * dy, 1e-4)
        if other < PREDATORS:
            weight = 1 / square
        else:  # an obstacle matters within 0.4 m of its centre
            weight = 0.5 * np.maximum(0.16 - square, 0) / (square * 0.16)
        x = x + weight * dx
        y = y + weight * dy
    x = x - _edge(prey[..., 0])
    y = y - _edge(prey[..., 1])
    most = np.maximum(np.maximum(np.abs(x), np.abs(y)), 1e-9)
    # Single precision, that of mpe2's actions: so its prey can be driven by the same numbers.
    return np.stack([x / most, y / most], axis=-1).astype(np.float32)


def _edge(place: Array) -> Array:
    """How much the edge pushes back along an axis."""
    over = np.maximum(np.abs(place) - 0.6, 0)
    return np.sign(place) * 40 * over * over
