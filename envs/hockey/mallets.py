"""Worlds to film for latent action models: M mallets of different colours and one free puck.

Every mallet gets one of five commands a step: stay, +x, -x, +y, -y. One step moves it 5 cm, which
is 3.6 pixels of a picture of 64 pixels, in which its radius is 3.7 pixels. Spots are painted on the
table, one of each mallet's colour; a team is done when every mallet is on its own.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.core.starts import all_apart, drawn, spread
from entitybench.envs.core.world import Start, TeamWorld
from entitybench.envs.hockey.table import (
    HALF_WIDTH,
    MALLET_COLORS,
    MALLET_RADIUS,
    PUCK_RADIUS,
    Layout,
    Mallet,
)
from entitybench.envs.hockey.world import MOTION, HockeyWorld
from entitybench.errors import BadValue
from entitybench.seeding import generator

if TYPE_CHECKING:
    import mujoco

    from entitybench.types import Array

COMMANDS = ("stay", "+x", "-x", "+y", "-y")
_COURSES = np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]], np.float64)
PACE = 1.0  # m/s, of a commanded mallet
EDGE = HALF_WIDTH  # m, half the edge of the table: half an air-hockey table is square
VIEW = 0.44  # m, half the edge of the picture
SPACING = 0.14  # m, between the centres of two mallets, or of two spots
ON_SPOT = 0.05  # m, a mallet so near to its spot is on it
SPOT = len(MOTION)  # column of a mallet's spot
_HALF = EDGE - MALLET_RADIUS - 0.01  # m, where starts and spots are


class HockeyMallets(HockeyWorld, TeamWorld):
    """`mallets` agents, each with a spot of its own; a free puck that bounces about.

    Features beside those of all hockey worlds: `spot_x`, `spot_y` (m) of a mallet. Actions are
    commands. An agent observes itself, the way to its spot, the puck, and the other mallets, as
    seen from where it is. The reward, shared, is the share of mallets on their spots.
    """

    extra_features = ("spot_x", "spot_y")
    action_dim = 1
    actions = len(COMMANDS)
    speed = PACE

    def __init__(
        self,
        mallets: int,
        sync: bool = False,
        *,
        pixels: int | None = None,
        view: str = "top",
        sleep: bool = False,
    ) -> None:
        """Make it.

        Args:
            mallets: 2 to 8.
            sync: whether the second mallet gets the commands of the first, whatever its own.
            pixels: edge of the pictures, or None.
            view: top or side.
            sleep: whether what rests sleeps.
        """
        if not isinstance(mallets, int) or not 2 <= mallets <= len(MALLET_COLORS):
            raise BadValue(f"there are 2 to {len(MALLET_COLORS)} mallets: got {mallets!r}.")
        self.sync = bool(sync)
        self.agents = self.mallets = tuple(f"mallet{i}" for i in range(mallets))
        super().__init__(pixels=pixels, view=view, sleep=sleep)
        others = [f"other{i}" for i in range(1, mallets)]
        self.agent_feature_names = (
            *(f"own_{name}" for name in MOTION),
            "to_spot_x",
            "to_spot_y",
            *(f"{who}_{name}" for who in ("puck", *others) for name in MOTION),
        )

    def layout(self) -> Layout:
        room = (-EDGE + MALLET_RADIUS, EDGE - MALLET_RADIUS)
        return Layout(
            name="hockey-mallets",
            mallets=tuple(
                Mallet(n, room, room, MALLET_COLORS[i]) for i, n in enumerate(self.mallets)
            ),
            half_length=EDGE,
            half_width=EDGE,
            spots=MALLET_COLORS[: len(self.mallets)],
            view=VIEW,
            dt=self.physics_dt,
            sleep=self.sleep,
        )

    def extra_bounds(self, layout: Layout) -> tuple[float, ...]:
        return (layout.half_length, layout.half_width)

    @property
    def agent_bounds(self) -> Array:
        motion = self.bounds[: len(MOTION)]
        apart = 2 * motion
        return np.concatenate([motion, apart[:2], *(apart,) * len(self.mallets)])

    @property
    def driven(self) -> tuple[int, ...]:
        return tuple(range(len(self.mallets)))

    def start(self, seed: int) -> Start:
        rng = generator(seed, "hockey-mallets-start")
        count = len(self.mallets)
        places = _spread(rng, count + 1)  # the last one is the puck's
        if self.sync:
            # The spots of the two that move together are as far apart as these start.
            offset = places[1] - places[0]

            def draw() -> Array:
                spots = _spread(rng, count)
                spots[1] = spots[0] + offset
                return spots

            spots = drawn(
                draw,
                lambda spots: np.all(np.abs(spots[1]) <= _HALF) and all_apart(spots, SPACING),
                f"{count} spots, {SPACING:g} m apart, two of them as far apart as their mallets",
            )
        else:
            spots = _spread(rng, count)
        speeds = np.zeros((self.entities, 2))
        heading, pace = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 0.8)
        speeds[self.puck] = pace * np.array([np.cos(heading), np.sin(heading)])
        qpos, qvel = np.zeros(self.model.nq), np.zeros(self.model.nv)
        self.write(qpos, qvel, places, speeds)
        constants = self.kinds()
        constants[:count, SPOT : SPOT + 2] = spots
        goal = np.zeros_like(constants)
        return Start(qpos, constants, goal, qvel, spots.astype(np.float32).ravel())

    @property
    def memory(self) -> int:  # type: ignore[override]
        """The spots, for scores are functions of states."""
        return 2 * len(self.mallets)

    def control(self, state: Array, action: Array) -> Array:
        del state
        course = _COURSES[self.commands(action)] * PACE
        return course.reshape(*course.shape[:-2], -1)

    def commands(self, action: Array) -> Array:
        """Which of COMMANDS actions (..., M, 1) are, int (..., M): equal parts of [-1, 1]."""
        count = len(COMMANDS)
        chosen = np.minimum((action[..., 0] + 1) * (count / 2), count - 1).astype(np.intp)
        if self.sync:
            chosen[..., 1] = chosen[..., 0]
        return chosen

    @cached_property
    def _motion_of(self) -> Array:
        """(N, 4): where x, y, vx, vy are in the state."""
        return np.concatenate([self.places, self.speeds], axis=1)

    @cached_property
    def _orders(self) -> Array:
        """(M, M): rows of the puck and the other mallets, as each agent sees them."""
        own = range(len(self.mallets))
        return np.array([[self.puck, *(j for j in own if j != i)] for i in own])

    def observe_agents(self, state: Array, constants: Array) -> Array:
        seen = self.observe(state, constants)[..., : len(MOTION)]
        count = len(self.mallets)
        own = seen[..., :count, :]
        way = constants[..., :count, SPOT : SPOT + 2] - own[..., :2]
        others = seen[..., self._orders, :] - own[..., None, :]
        flat = others.reshape(*others.shape[:-2], -1)
        return np.concatenate([own, way, flat], axis=-1)

    def _on_spots(self, state: Array) -> Array:
        """Which mallets are on their spots, bool (..., M)."""
        count = len(self.mallets)
        places = state.take(self.places[:count], axis=-1)
        spots = state[..., self.slot("memory")].reshape(places.shape)
        square = (places - spots) ** 2
        return square[..., 0] + square[..., 1] <= ON_SPOT**2

    def reward_terms(self, before: Array, action: Array, after: Array) -> dict[str, Array]:
        """`coverage`: the share of mallets on their spots, shared."""
        del before, action
        share = np.add.reduce(self._on_spots(after), -1, keepdims=True) / len(self.mallets)
        return {"coverage": share * np.ones(len(self.mallets))}

    def status(self, state: Array) -> dict[str, Array]:
        count = np.add.reduce(self._on_spots(state), -1)
        return {
            "is_success": count == len(self.mallets),
            "success_fraction": (count / len(self.mallets)).astype(np.float32),
        }

    def paint(self, model: mujoco.MjModel, constants: Array) -> None:
        for i in range(len(self.mallets)):
            model.geom(f"spot{i}").pos[:2] = constants[i, SPOT : SPOT + 2]


def _spread(rng: np.random.Generator, count: int) -> Array:
    """Points (count, 2) of the table, SPACING apart."""
    return spread(rng, count, -_HALF, _HALF, SPACING)


assert PUCK_RADIUS < MALLET_RADIUS
