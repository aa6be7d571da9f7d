"""PickPlace: groceries in one bin, each to be put into its own part of the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.core.starts import drawn
from entitybench.envs.core.world import RewardWorld
from entitybench.envs.robosuite import library
from entitybench.envs.robosuite.probe import Entity, Grasp, Pair
from entitybench.envs.robosuite.world import TABLE, SuiteWorld, hands, pads
from entitybench.errors import BadValue, unknown
from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.types import Array

NAMES = ("milk", "bread", "cereal", "can")
# Half sizes (m) of the upright things: of robosuite's meshes.
SIZES = {
    "milk": (0.020, 0.020, 0.072),
    "bread": (0.024, 0.020, 0.024),
    "cereal": (0.050, 0.015, 0.075),
    "can": (0.025, 0.025, 0.040),
}
# Where robosuite's sampler takes their bottoms to be under their centres, and their radii, m.
BOTTOMS = {"milk": 0.085, "bread": 0.045, "cereal": 0.10, "can": 0.06}
RADII = {"milk": 0.025, "bread": 0.03, "cereal": 0.04, "can": 0.025}
FROM = np.array([0.1, -0.25])  # m, the middle of the bin they start in
TO = np.array([0.1, 0.28])  # m, of the one they go to
EDGES = np.array([0.39, 0.49])  # m, of a bin
MARGIN = 0.05  # m, between the bin's walls and where things start
AWAY = (10.0, 10.0, 10.0)  # m, where robosuite puts what it does not use


class BinsWorld(SuiteWorld, RewardWorld):
    """robosuite's PickPlace with the things that are asked for.

    A thing is placed when its centre is in its quarter of the second bin and the hand has left it.
    What is not used is out of the scene, as robosuite has it, but does not fall for ever.
    """

    def __init__(
        self,
        things: Sequence[str] = NAMES,
        robot: str = "Panda",
        profile: str = "fast",
        **kwargs: Any,
    ) -> None:
        for name in things:
            if name not in NAMES:
                raise unknown("thing", str(name), NAMES)
        if not things:
            raise BadValue(f"things are one or more of {', '.join(NAMES)}: got none.")
        super().__init__(robot, profile, **kwargs)
        self.things = tuple(name for name in NAMES if name in things)
        self._index = np.array([NAMES.index(name) for name in self.things])

    def environment(self) -> tuple[type, dict[str, Any]]:
        library.load()
        from robosuite.environments.manipulation.pick_place import PickPlace

        return PickPlace, {"robots": self.robot, "reward_shaping": True}

    def cameras(self) -> list[tuple[str, tuple[float, ...], tuple[float, ...], float]]:
        half = 0.5**0.5
        return [
            ("top", (0.1, 0.0, 2.6), (0, -1, 0, 1, 0, 0), 34),
            ("side", (1.15, 0.0, 1.85), (0, 1, 0, -half, 0, half), 48),
        ]

    def describe(self, env: Any) -> tuple[list[Entity], list[Grasp], list[Pair]]:
        entities, grasps = hands(env), []
        holds = pads(env.robots[0].gripper["right"])
        for row, name in enumerate(self.things):
            thing = env.objects[NAMES.index(name)]
            code = 1 + NAMES.index(name)
            entities.append(
                Entity(thing.root_body, free=thing.joints[0], size=SIZES[name], id=code)
            )
            grasps.append(Grasp(0, 1 + row, holds, tuple(thing.contact_geoms)))
        return entities, grasps, []

    def patch(self, start: Any) -> dict[str, Array]:
        del start
        damping = self.model.dof_damping.copy()
        for name in NAMES:
            if name not in self.things:
                first = int(self.model.joint(f"{name.title()}_joint0").dofadr[0])
                damping[first : first + 6] = 1e6
        return {} if len(self.things) == len(NAMES) else {"dof_damping": damping}

    def arrange(self, seed: int, qpos: Array, constants: Array) -> None:
        del constants
        rng = generator(seed, "robosuite-pickplace")
        places = self._places(rng)
        yaws = rng.uniform(0, 2 * np.pi, len(self.things))
        for index, name in enumerate(NAMES):
            place: Any = tuple(value + 0.1 * index for value in AWAY)
            yaw = 0.0
            if name in self.things:
                row = self.things.index(name)
                place, yaw = (*places[row], TABLE[2] + BOTTOMS[name]), float(yaws[row])
            self.place(qpos, f"{name.title()}_joint0", place, yaw)

    def _places(self, rng: np.random.Generator) -> Array:
        """Where the things start (n, 2): as robosuite's sampler has it, none over another."""
        radii = np.array([RADII[name] for name in self.things])
        half = EDGES / 2 - MARGIN

        def scatter() -> list[Array]:
            places: list[Array] = []
            for radius in radii:
                for _ in range(100):
                    point = FROM + rng.uniform(radius - half, half - radius)
                    apart = [np.hypot(*(point - other)) for other in places]
                    if all(d > r + radius for d, r in zip(apart, radii, strict=False)):
                        places.append(point)
                        break
            return places

        what = f"places of {len(radii)} things in the bin, none over another"
        return np.array(drawn(scatter, lambda places: len(places) == len(radii), what))

    @property
    def targets(self) -> Array:
        """The middles (n, 2) of the things' quarters, m."""
        low = TO - EDGES / 2 * np.array([[1, 1], [0, 1], [1, 0], [0, 0]])
        return (low + EDGES / 4)[self._index]

    def placed(self, state: Array) -> Array:
        """Which things are where they belong, the hand gone: bool (..., n)."""
        positions = self.layout.positions(self.numbers(state))
        things = positions[..., 1:, :]
        low = self.targets - EDGES / 4
        inside = (things[..., :2] > low) & (things[..., :2] < low + EDGES / 2)
        height = things[..., 2]
        high = (height > TABLE[2]) & (height < TABLE[2] + 0.1)
        return inside[..., 0] & inside[..., 1] & high & (1 - np.tanh(10 * self._apart(state)) < 0.6)

    def _apart(self, state: Array) -> Array:
        """Distances (..., n) of the hand from the things, m."""
        positions = self.layout.positions(self.numbers(state))
        apart = positions[..., 1:, :] - positions[..., :1, :]
        apart = apart * apart
        return np.sqrt(apart[..., 0] + apart[..., 1] + apart[..., 2])

    def status(self, state: Array) -> dict[str, Array]:
        placed = self.placed(state)
        share = placed.sum(axis=-1) / len(self.things)
        return {"is_success": placed.all(axis=-1), "success_fraction": share.astype(np.float32)}

    def reward_terms(self, before: Array, action: Array, after: Array) -> dict[str, Array]:
        del before, action
        placed = self.placed(after)
        todo = ~placed
        numbers = self.numbers(after)
        count = 4.0 if len(self.things) == len(NAMES) else 1.0
        near = np.where(todo, self._apart(after), np.inf).min(axis=-1)
        reaching = 0.1 * (1 - np.tanh(10.0 * near))
        touched = (self.layout.pads(numbers) & todo[..., None]).any(axis=-2)
        grasped = 0.35 * (touched[..., 0] & touched[..., 1])
        height = self.layout.positions(numbers)[..., 1:, 2]
        short = np.where(todo, np.maximum(TABLE[2] + 0.25 - height, 0.0), np.inf).min(axis=-1)
        lifting = np.where(grasped > 0, 0.35 + 0.15 * (1 - np.tanh(15.0 * short)), 0.0)
        hovering = self._hovering(after, todo, lifting)
        staged = np.maximum(np.maximum(reaching, grasped), np.maximum(lifting, hovering))
        return {"placed": placed.sum(axis=-1) / count, "stage": staged / count}

    def _hovering(self, state: Array, todo: Array, lifting: Array) -> Array:
        things = self.layout.positions(self.numbers(state))[..., 1:, :2]
        apart = things - self.targets
        above = np.abs(apart) < EDGES / 4
        square = apart * apart
        near = 0.2 * (1 - np.tanh(10.0 * np.sqrt(square[..., 0] + square[..., 1])))
        hover = np.where(above[..., 0] & above[..., 1], 0.5, lifting[..., None]) + near
        return np.where(todo, hover, 0.0).max(axis=-1)
