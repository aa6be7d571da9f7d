"""Discs in a box that bounce: an agent is to knock one of them to a place.

After the Spriteworld domain of Chuck et al. (ICLR 2025).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.core.starts import all_apart, drawn
from entitybench.envs.core.world import ArrayMixin, GoalWorld, Start
from entitybench.envs.drawing.edges import check_observed
from entitybench.errors import BadValue
from entitybench.seeding import generator

if TYPE_CHECKING:
    import mujoco

    from entitybench.types import Array

RADIUS = 0.05  # m, of every disc; all weigh the same
HALF = 0.5  # m, half an edge of the box
WALL = HALF - RADIUS  # m, where centres stop
PUSH = 2.0  # m/s^2, acceleration of an action of 1 along an axis
DAMPING = 1.0  # 1/s
FASTEST = 2.0  # m/s along an axis; nothing gets near it but by bumps in a crowd
TOLERANCE = 0.06  # m
SPACING = 0.13  # m, at least, between centres at the start
GOAL_AWAY = (0.15, 0.40)  # m, between the target's start and its goal
# m: an agent fits behind the target wherever it starts, and no goal is at a wall.
TARGET_AREA, GOAL_AREA = 0.30, 0.40
VIEWS = ("top", "side")


class SpritesWorld(ArrayMixin, GoalWorld):
    """An agent, the target, and distractors; all bounce off each other and off the walls.

    Entities: x, y (m, the box is +-0.5), vx, vy (m/s). The action is the agent's acceleration. A
    goal asks for the target's x and y; the rest of it is zero. Starts are at rest.
    """

    feature_names = ("x", "y", "vx", "vy")
    action_dim = 2
    control_dt = 0.1
    physics_dt = 0.02

    def __init__(
        self, distractors: int = 2, *, pixels: int | None = None, view: str = "top"
    ) -> None:
        if not isinstance(distractors, int) or not 0 <= distractors <= 6:
            raise BadValue(f"there are 0 to 6 distractors: got {distractors!r}.")
        check_observed(pixels, view, VIEWS)
        self.distractors = distractors
        self.entities = 2 + distractors
        self.memory = 5 * self.entities
        self.pixels = pixels
        self.view = view
        self._first, self._second = np.triu_indices(self.entities, 1)

    @property
    def bounds(self) -> Array:
        return np.array([WALL + 1e-6] * 2 + [FASTEST] * 2, np.float32)

    @property
    def bodies(self) -> tuple[str, ...]:
        return ("agent", "target", *(f"distractor{i}" for i in range(self.distractors)))

    # State: places, velocities, and who is there.

    def places(self, state: Array) -> Array:
        """(..., N, 2) m."""
        return self._part(state, 0)

    def velocities(self, state: Array) -> Array:
        """(..., N, 2) m/s."""
        return self._part(state, 1)

    def _part(self, state: Array, which: int) -> Array:
        size = 2 * self.entities
        flat = state[..., which * size : (which + 1) * size]
        return flat.reshape(*state.shape[:-1], self.entities, 2)

    def compose(self, places: Array, velocities: Array, present: Array | None = None) -> Array:
        """The state (..., S) of these parts; everybody is there by default."""
        lead = places.shape[:-2]
        there = np.ones((*lead, self.entities)) if present is None else present
        return np.concatenate(
            [places.reshape(*lead, -1), velocities.reshape(*lead, -1), there], axis=-1
        )

    def start(self, seed: int) -> Start:
        rng = generator(seed, "sprites-start")
        places = _spread(rng, self.entities)
        near, far = GOAL_AWAY
        goal_place = drawn(
            lambda: rng.uniform(-GOAL_AREA, GOAL_AREA, 2),
            lambda place: near <= np.hypot(*(place - places[1])) <= far,
            f"a goal {near:g} to {far:g} m from the target",
        )
        goal = np.zeros((self.entities, self.features), np.float32)
        goal[1, :2] = goal_place
        memory = self.compose(places, np.zeros_like(places))
        return Start(np.empty(0), np.zeros_like(goal), goal, memory=memory)

    def without(self, start: Start, absent: Array) -> Start:
        assert start.memory is not None
        memory = np.concatenate([start.memory[: -self.entities], np.where(absent, 0.0, 1.0)])
        return replace(start, absent=absent, memory=memory)

    # Physics.

    def transition(self, state: Array, action: Array) -> Array:
        return self._move(state, action)[0]

    def touching(self, before: Array, action: Array, after: Array) -> Array:
        del after
        return self._move(before, action)[1]

    def _move(self, state: Array, action: Array) -> tuple[Array, Array]:
        """The state after a control step, and who touched whom in it (..., N, N)."""
        dt, first, second = self.physics_dt, self._first, self._second
        places, velocities = self.places(state).copy(), self.velocities(state).copy()
        present = state[..., 4 * self.entities :] > 0
        both = present[..., first] & present[..., second]
        met = np.zeros(both.shape, bool)
        for _ in range(self.substeps):
            velocities *= 1 - DAMPING * dt
            velocities[..., 0, :] += PUSH * dt * action
            places += dt * velocities
            gap = places[..., first, :] - places[..., second, :]
            square = gap * gap
            distance = np.maximum(np.sqrt(square[..., 0] + square[..., 1]), 1e-12)
            hit = both & (distance < 2 * RADIUS)
            met |= hit
            if hit.any():
                self._bounce(places, velocities, gap / distance[..., None], distance, hit)
            outside = np.abs(places) > WALL
            velocities = np.where(outside, -np.sign(places) * np.abs(velocities), velocities)
            np.clip(places, -WALL, WALL, out=places)
            np.clip(velocities, -FASTEST, FASTEST, out=velocities)
        touched = np.zeros((*met.shape[:-1], self.entities, self.entities), bool)
        touched[..., first, second] = met
        touched[..., second, first] = met
        return self.compose(places, velocities, state[..., 4 * self.entities :]), touched

    def _bounce(
        self, places: Array, velocities: Array, normal: Array, distance: Array, hit: Array
    ) -> None:
        """Discs that overlap and close in exchange their velocities along the line of centres."""
        relative = velocities[..., self._first, :] - velocities[..., self._second, :]
        closing = relative[..., 0] * normal[..., 0] + relative[..., 1] * normal[..., 1]
        impulse = np.where(hit, np.maximum(-closing, 0.0), 0.0)[..., None] * normal
        shift = np.where(hit, RADIUS - distance / 2, 0.0)[..., None] * normal
        # One pair after the other, so that sums round alike for any batch.
        for pair, (i, j) in enumerate(zip(self._first, self._second, strict=True)):
            velocities[..., i, :] += impulse[..., pair, :]
            velocities[..., j, :] -= impulse[..., pair, :]
            places[..., i, :] += shift[..., pair, :]
            places[..., j, :] -= shift[..., pair, :]

    # Rules.

    def observe(self, state: Array, constants: Array) -> Array:
        del constants
        return np.concatenate([self.places(state), self.velocities(state)], axis=-1).astype(
            np.float32
        )

    def achieved(self, observation: Array) -> Array:
        achieved = np.zeros_like(observation)
        achieved[..., 1, :2] = observation[..., 1, :2]
        return achieved

    def solved(self, achieved: Array, desired: Array) -> Array:
        gap = achieved[..., 1:2, :2] - desired[..., 1:2, :2]
        near = gap[..., 0] * gap[..., 0] + gap[..., 1] * gap[..., 1] <= np.float32(TOLERANCE**2)
        # A goal of zeros is that of an absent target: it asks for nothing that could be reached.
        return near & (desired[..., 1:2, :2] != 0).any(-1)

    # Pictures.

    def spec(self) -> mujoco.MjSpec:
        from entitybench.envs.parts.discs import Disc, disc_scene

        colours = [(0.1, 0.1, 0.12), (0.90, 0.10, 0.10), (0.10, 0.25, 0.95), (0.10, 0.65, 0.15)]
        colours += [(0.95, 0.80, 0.05), (0.65, 0.10, 0.75), (0.05, 0.75, 0.80), (0.95, 0.45, 0.05)]
        discs = [
            Disc(name, RADIUS, colour, robot=name == "agent")
            for name, colour in zip(self.bodies, colours, strict=False)
        ]
        return disc_scene("sprites", discs, HALF, dt=self.physics_dt)

    def pose(self, state: Array) -> Array:
        return state[..., : 2 * self.entities]

    def goal_qpos(self, goal: Array) -> Array:
        places = np.full((self.entities, 2), 9.0)  # only the target is asked for: the rest is away
        places[1] = goal[1, :2]
        return places.ravel()

    def marks(self, goal: Array) -> list[tuple[Array, Array, Array]]:
        place = np.array([*goal[1, :2], 0.001], np.float64)
        return [(place, np.array([RADIUS, RADIUS, 0.0005]), np.array([0.9, 0.1, 0.1, 0.45]))]


def _spread(rng: np.random.Generator, count: int) -> Array:
    """Places (count, 2), uniform in the box (the target's in its area), SPACING apart."""

    def scatter() -> Array:
        places = rng.uniform(-WALL, WALL, (count, 2))
        places[1] *= TARGET_AREA / WALL
        return places

    what = f"{count} places, {SPACING:g} m apart, in +-{WALL:g} m"
    return drawn(scatter, lambda places: all_apart(places, SPACING), what)
