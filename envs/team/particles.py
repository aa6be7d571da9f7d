"""Discs that accelerate, bump and coast: the physics of mpe2's particle worlds, batched.

Each control step is one explicit step of 0.1 s: places move with the old velocities, velocities
lose a quarter and gain force / mass, contacts are soft springs between discs. The arithmetic is
done in mpe2's order, so that both give the same numbers to the last bit.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.core.world import ArrayMixin, TeamWorld
from entitybench.envs.drawing.edges import check_observed

if TYPE_CHECKING:
    import mujoco

    from entitybench.types import Array

DT = 0.1  # s
DAMPING = 0.25  # share of its velocity that a disc loses in a step
STIFFNESS = 1e2  # N/m
MARGIN = 1e-3  # m, softness of a contact
VIEWS = ("top", "side")


class ParticleWorld(ArrayMixin, TeamWorld):
    """`movers` discs of 1 kg that move, the agents first, then discs that stay.

    The state is the places (N, 2), the velocities (movers, 2), and `extra` numbers of the world's
    own. Entities: x, y (m), vx, vy (m/s), and a one-hot kind. Nothing can be absent or perturbed:
    the worlds are to equal mpe2's.
    """

    movers: int
    radii: tuple[float, ...]  # (N,) m
    gains: tuple[float, ...]  # (movers,) N, the force of an action of 1 along an axis
    fastest: float | tuple[float, ...] = np.inf  # (movers,) m/s
    solid: tuple[bool, ...]  # (N,), whether it bumps
    kinds: tuple[str, ...]  # (N,), the entities' kinds
    extra: int = 0
    reach: float = 1.5  # m, what pictures show

    action_dim = 2
    control_dt = DT
    physics_dt = DT

    def __init__(self, *, pixels: int | None = None, view: str = "top") -> None:
        check_observed(pixels, view, VIEWS)
        self.pixels = pixels
        self.view = view
        self.entities = len(self.radii)
        self.memory = 2 * self.entities + 2 * self.movers + self.extra
        names = tuple(dict.fromkeys(self.kinds))
        self.feature_names = ("x", "y", "vx", "vy", *names)
        self._constants = np.zeros((self.entities, self.features), np.float32)
        for row, kind in enumerate(self.kinds):
            self._constants[row, 4 + names.index(kind)] = 1
        self._bumpers = np.flatnonzero(self.solid)
        radii = np.array(self.radii)
        self._touch = radii[: self.movers, None] + radii  # (movers, N) m
        self._itself = np.eye(self.movers, self.entities)
        self._gains = np.array(self.gains)[:, None]
        self._fastest = np.broadcast_to(self.fastest, self.movers)[:, None]

    @property
    def bounds(self) -> Array:
        """Places have no bound: nothing keeps a disc near, here as in mpe2."""
        bounds = np.ones(self.features, np.float32)
        bounds[:2] = np.inf
        bounds[2:4] = self._speed
        return bounds

    @cached_property
    def _speed(self) -> float:
        """No disc is faster along an axis, m/s: the most force it can feel, for ever."""
        bumps = STIFFNESS * (self._touch[:, self._bumpers].sum(axis=1) + 0.1)
        limit = (bumps + self._gains[:, 0]) * DT / DAMPING
        return float(np.minimum(limit, self._fastest[:, 0] * 1.0001).max())

    @property
    def bodies(self) -> tuple[str, ...]:
        counts: dict[str, int] = {}
        names = []
        for kind in self.kinds:
            names.append(f"{kind}_{counts.setdefault(kind, 0)}")
            counts[kind] += 1
        return tuple(names)

    @property
    def movable(self) -> tuple[str, ...]:
        return ()

    @property
    def driven(self) -> tuple[int, ...]:
        return tuple(range(len(self.agents)))

    # State.

    def places(self, state: Array) -> Array:
        """(..., N, 2) m, of states (..., S)."""
        return state[..., : 2 * self.entities].reshape(*state.shape[:-1], self.entities, 2)

    def velocities(self, state: Array) -> Array:
        """(..., movers, 2) m/s."""
        first = 2 * self.entities
        flat = state[..., first : first + 2 * self.movers]
        return flat.reshape(*state.shape[:-1], self.movers, 2)

    def extras(self, state: Array) -> Array:
        """(..., extra)."""
        return state[..., state.shape[-1] - self.extra :]

    def compose(self, places: Array, velocities: Array, extras: Array | None = None) -> Array:
        """The state (..., S) of these parts."""
        lead = places.shape[:-2]
        parts = [places.reshape(*lead, -1), velocities.reshape(*lead, -1)]
        if self.extra:
            parts.append(np.zeros((*lead, self.extra)) if extras is None else extras)
        return np.concatenate(parts, axis=-1)

    # Physics.

    def forces(self, state: Array, action: Array) -> Array:
        """What the movers push with, (..., movers, 2) N: the agents' actions and, here, no more."""
        del state
        return action * self._gains

    def transition(self, state: Array, action: Array) -> Array:
        places, velocities = self.places(state), self.velocities(state)
        force = self.forces(state, action)
        delta, distance = self._gaps(places)
        depth = np.logaddexp(0, -(distance - self._touch) / MARGIN) * MARGIN
        bump = STIFFNESS * delta / distance[..., None] * depth[..., None]
        for other in self._bumpers:
            force = bump[..., other, :] + force
        after = np.empty_like(state)
        moved = after[..., : 2 * self.movers]
        np.multiply(velocities.reshape(moved.shape), DT, out=moved)
        moved += state[..., : 2 * self.movers]
        after[..., 2 * self.movers : 2 * self.entities] = state[
            ..., 2 * self.movers : 2 * self.entities
        ]
        faster = velocities * (1 - DAMPING)
        faster += force * DT
        first = 2 * self.entities
        limited = self._limit(faster)
        after[..., first : first + 2 * self.movers] = limited.reshape(moved.shape)
        if self.extra:
            after[..., first + 2 * self.movers :] = self.extras(state)
        return after

    def _gaps(self, places: Array) -> tuple[Array, Array]:
        """From every disc to the movers, (..., movers, N, 2), and how far, (..., movers, N)."""
        delta = places[..., : self.movers, None, :] - places[..., None, :, :]
        square = delta * delta
        distance = np.sqrt(square[..., 0] + square[..., 1])
        # A disc does not bump into itself, and two in one place push nowhere (mpe2 gives NaN).
        distance += self._itself
        return delta, np.maximum(distance, 1e-300)

    def _limit(self, velocities: Array) -> Array:
        if self.fastest is np.inf:
            return velocities
        square = velocities * velocities
        speed = np.sqrt(square[..., 0] + square[..., 1])[..., None]
        with np.errstate(divide="ignore", invalid="ignore"):
            slower = velocities / speed * self._fastest
        return np.where(speed > self._fastest, slower, velocities)

    def collisions(self, places: Array) -> Array:
        """Which movers overlap which discs: bool (..., movers, N)."""
        _, distance = self._gaps(places)
        overlap = (distance < self._touch) & (self._itself == 0)
        overlap[..., ~np.array(self.solid)] = False
        return overlap

    def touching(self, before: Array, action: Array, after: Array) -> Array:
        """Contacts act at the places where the step begins."""
        del action, after
        found = np.zeros((*before.shape[:-1], self.entities, self.entities), bool)
        overlap = self.collisions(self.places(before))
        found[..., : self.movers, :] = overlap
        found[..., :, : self.movers] |= np.swapaxes(overlap, -1, -2)
        return found

    # What is seen.

    def observe(self, state: Array, constants: Array) -> Array:
        observation = np.array(
            np.broadcast_to(constants, (*state.shape[:-1], *constants.shape[-2:]))
        )
        observation[..., :2] = self.places(state)
        observation[..., : self.movers, 2:4] = self.velocities(state)
        return observation

    def recall(self, entities: Array) -> Array:
        """The state (..., S) in which `observe` gives these entities (..., N, D); extras are 0."""
        seen = entities.astype(np.float64)
        return self.compose(seen[..., :2], seen[..., : self.movers, 2:4])

    def _look(self, state: Array, order: Array) -> Array:
        """Velocity, place, and where others are from there, (..., M, 4 + 2 K) float32.

        Args:
            order: (M, K) int, whom each agent looks at, one after the other.
        """
        places, velocities = self.places(state), self.velocities(state)
        count, others = order.shape
        seen = np.empty((*state.shape[:-1], count, 4 + 2 * others), np.float32)
        seen[..., 0:2] = velocities[..., :count, :]
        seen[..., 2:4] = places[..., :count, :]
        relative = places[..., order, :] - places[..., :count, None, :]
        seen[..., 4:] = relative.reshape(*seen.shape[:-1], 2 * others)
        return seen

    # Pictures.

    def colours(self) -> dict[str, tuple[float, float, float]]:
        """The colour of each kind."""
        return {"agent": (0.35, 0.35, 0.85), "landmark": (0.25, 0.25, 0.25)}

    def spec(self) -> mujoco.MjSpec:
        from entitybench.envs.parts.discs import Disc, disc_scene

        colours = self.colours()
        discs = [
            Disc(name, radius, colours[kind], 0.1 if row < self.movers else 0.02, row < self.movers)
            for row, (name, radius, kind) in enumerate(
                zip(self.bodies, self.radii, self.kinds, strict=True)
            )
        ]
        return disc_scene(type(self).__name__, discs, self.reach, dt=DT)

    def pose(self, state: Array) -> Array:
        return state[..., : 2 * self.entities]


def others(agents: int, entities: int, *, first: int) -> Array:
    """Whom each agent looks at (agents, entities - 1): `first` and all after it, then the rest."""
    return np.array(
        [
            [*range(first, entities), *(i for i in range(first) if i != agent)]
            for agent in range(agents)
        ]
    )
