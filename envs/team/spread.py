"""Three agents and three landmarks, each of which should have an agent: mpe2's simple_spread_v3."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.core.world import Start
from entitybench.envs.team.particles import ParticleWorld, others
from entitybench.seeding import generator

if TYPE_CHECKING:
    from entitybench.types import Array

AGENTS = 3
COVERED = 0.1  # m, an agent so near has a landmark
LOCAL = 0.5  # share of an agent's reward that is its own
AT = 0.25  # m, an agent so near to its nearest landmark has chosen it
WAYS = np.array(list(permutations(range(AGENTS))))  # (6, 3): the landmark of each agent


class SpreadWorld(ParticleWorld):
    """Cover all landmarks without bumping.

    What an agent sees is what mpe2 shows: its velocity, its place, the landmarks and the other
    agents from there, and four zeros (the channel of agents that can speak, which these cannot).
    """

    movers = AGENTS
    agents = tuple(f"agent_{i}" for i in range(AGENTS))
    radii = (0.15,) * AGENTS + (0.05,) * AGENTS
    gains = (5.0,) * AGENTS
    solid = (True,) * AGENTS + (False,) * AGENTS
    kinds = ("agent",) * AGENTS + ("landmark",) * AGENTS
    agent_feature_names = (
        *("vx", "vy", "x", "y"),
        *(f"landmark_{i}_{axis}" for i in range(AGENTS) for axis in "xy"),
        *(f"other_{i}_{axis}" for i in range(AGENTS - 1) for axis in "xy"),
        *(f"word_{i}_{j}" for i in range(AGENTS - 1) for j in range(2)),
    )
    _order = others(AGENTS, 2 * AGENTS, first=AGENTS)
    conventions = tuple("".join(map(str, way)) for way in WAYS.tolist())

    @property
    def agent_bounds(self) -> Array:
        bounds = np.full(len(self.agent_feature_names), np.inf, np.float32)
        bounds[:2] = self._speed
        bounds[-4:] = 1
        return bounds

    def start(self, seed: int) -> Start:
        places = generator(seed, "spread-start").uniform(-1, 1, (2 * AGENTS, 2))
        memory = self.compose(places, np.zeros((AGENTS, 2)))
        return Start(np.empty(0), self._constants, np.zeros_like(self._constants), memory=memory)

    def observe_agents(self, state: Array, constants: Array) -> Array:
        del constants
        seen = self._look(state, self._order)
        found = np.zeros((*seen.shape[:-1], len(self.agent_feature_names)), np.float32)
        found[..., : seen.shape[-1]] = seen
        return found

    def gaps(self, state: Array) -> Array:
        """How far each agent is from each landmark, (..., 3, 3) m."""
        places = self.places(state)
        delta = places[..., :AGENTS, None, :] - places[..., None, AGENTS:, :]
        square = delta * delta
        return np.sqrt(square[..., 0] + square[..., 1])

    def nearest(self, state: Array) -> Array:
        """How far from each landmark the nearest agent is, (..., 3) m."""
        return self.gaps(state).min(axis=-2)

    def convention(self, state: Array) -> Array:
        """Who has which landmark, once each agent is near one, and none near another's."""
        gaps = self.gaps(state)
        fits = (gaps.argmin(axis=-1)[..., None, :] == WAYS).all(axis=-1)
        there = fits.any(axis=-1) & (gaps.min(axis=-1) < AT).all(axis=-1)
        return np.where(there, fits.argmax(axis=-1), -1)

    def bumps(self, state: Array) -> Array:
        """How many others each agent overlaps, (..., 3)."""
        return self.collisions(self.places(state)).sum(axis=-1).astype(np.float64)

    def reward_terms(self, before: Array, action: Array, after: Array) -> dict[str, Array]:
        del before, action
        gaps = self.nearest(after)
        shared = -(gaps[..., 0] + gaps[..., 1] + gaps[..., 2])
        bumps = self.bumps(after)
        covering = np.broadcast_to(shared[..., None], bumps.shape)
        return {"landmarks": (1 - LOCAL) * covering, "bumps": -LOCAL * bumps}

    def status(self, state: Array) -> dict[str, Array]:
        covered = self.nearest(state) < COVERED
        return {
            "is_success": covered.all(axis=-1),
            "success_fraction": covered.mean(axis=-1, dtype=np.float32),
        }


class OmarSpreadWorld(SpreadWorld):
    """The same with the rewards of the OMAR data (Pan et al., ICML 2022): large and positive.

    An agent's is the sum over landmarks of min(1 / distance of the nearest agent, 10), less 5 for
    each agent it overlaps.
    """

    def reward_terms(self, before: Array, action: Array, after: Array) -> dict[str, Array]:
        del before, action
        near = np.minimum(1 / np.maximum(self.nearest(after), 1e-9), 10)
        shared = near[..., 0] + near[..., 1] + near[..., 2]
        bumps = self.bumps(after)
        return {"landmarks": np.broadcast_to(shared[..., None], bumps.shape), "bumps": -5 * bumps}
