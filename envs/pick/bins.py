"""`pick-2cubes-bins`: one of the cubes into one of the bins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mujoco
import numpy as np

from entitybench.envs.core.starts import drawn
from entitybench.envs.core.world import Start
from entitybench.envs.pick.furniture import PARTS
from entitybench.envs.pick.scene import HALF
from entitybench.envs.pick.world import AREA, PickWorld, on_table
from entitybench.envs.push.sizes import COLORS
from entitybench.envs.push.world import IDS
from entitybench.errors import BadValue
from entitybench.seeding import generator

if TYPE_CHECKING:
    from entitybench.types import Array

INNER, WALL_HALF = 0.045, 0.003  # m, from a bin's middle to its walls, and half their thickness
BIN_Y = 0.19  # m, of the bins' middles
ROOM = 0.08  # m between cubes, at least, so that each is free to be taken
NEAREST = 0.05  # m, largest y at which cubes begin


class BinsWorld(PickWorld):
    """`cubes` cubes before a row of 2 to 4 bins that stand fast; one cube is asked for, and a bin.

    Entities: hand, cubes, bins. The bins' ids, and so colours, are drawn for each episode. A goal
    has the place of the bin's middle in the row of the cube that is asked for, zeros in others.
    """

    def __init__(
        self,
        cubes: int = 2,
        bins: int = 3,
        *,
        pixels: int | None = None,
        view: str = "top",
        sleep: bool = False,
    ) -> None:
        super().__init__(cubes, pixels=pixels, view=view, sleep=sleep)
        if not isinstance(bins, int) or not 2 <= bins <= 4:
            raise BadValue(f"there are 2 to 4 bins: got {bins!r}.")
        self.bins = bins
        self.entities = 1 + cubes + bins
        xs = np.linspace(-0.17, 0.17, bins)
        self.places = np.stack([xs, np.full(bins, BIN_Y), np.full(bins, HALF)], axis=-1)

    @property
    def bodies(self) -> tuple[str, ...]:
        return (*super().bodies, *(f"bin{i}" for i in range(self.bins)))

    def spec(self) -> mujoco.MjSpec:
        spec = super().spec()
        for i, place in enumerate(self.places):
            body = spec.worldbody.add_body(name=f"bin{i}", pos=[*place[:2], 0])
            for side in (-1, 1):
                for along in (True, False):
                    offset = side * (INNER + WALL_HALF)
                    long = INNER + 2 * WALL_HALF
                    body.add_geom(
                        type=mujoco.mjtGeom.mjGEOM_BOX,
                        pos=[0, offset, 0.014] if along else [offset, 0, 0.014],
                        size=[long, WALL_HALF, 0.014] if along else [WALL_HALF, INNER, 0.014],
                        rgba=[0.5, 0.5, 0.5, 1],
                        **PARTS,
                    )
        return spec

    def start(self, seed: int) -> Start:
        rng = generator(seed, "bins-start")
        constants = np.zeros((self.entities, self.features), np.float32)
        ids = 1 + rng.permutation(IDS - 1)[: self.entities - 1]
        constants[0, self.first_id] = 1
        constants[np.arange(1, self.entities), self.first_id + ids] = 1
        constants[1 + self.cubes :, :3] = self.places
        cubes = drawn(
            lambda: self._before_bins(rng),
            lambda cubes: self.cubes < 2 or np.min(_gaps(cubes)) >= ROOM,
            f"{self.cubes} cubes, {ROOM:g} m apart, on the table's half before the bins",
        )
        yaw = rng.uniform(0, np.pi / 2, self.cubes)
        asked, target = int(rng.integers(self.cubes)), int(rng.integers(self.bins))
        goal = np.zeros_like(constants)
        goal[1 + asked, :3] = self.places[target]
        goal[1 + asked, self.first_id :] = constants[1 + asked, self.first_id :]
        return Start(self.lay(self.draw_hand(rng), cubes, yaw), constants, goal)

    def _before_bins(self, rng: np.random.Generator) -> Array:
        """Cubes (n, 3) on the table's half before the bins."""
        cubes = on_table(rng, self.cubes)
        cubes[:, 1] = (cubes[:, 1] + AREA) * (NEAREST + AREA) / (2 * AREA) - AREA
        return cubes

    def solved(self, achieved: Array, desired: Array) -> Array:
        """Whether the cube that is asked for is in its bin: bool (..., 1)."""
        asked = desired[..., self.rows, 2] > 0  # a bin's middle has a height
        well = super().solved(achieved, desired) | ~asked
        return np.logical_and.reduce(well, -1, keepdims=True)

    def goal_qpos(self, goal: Array) -> Array:
        cubes = goal[self.rows, :3].copy()
        spare = np.flatnonzero(cubes[:, 2] == 0)
        cubes[spare] = [[0.1 * i - 0.1, -0.15, HALF] for i in range(len(spare))]
        return self.lay(np.array([0, 0, 0.3, 0, 0.02, 0.02]), cubes, np.zeros(self.cubes))

    def paint(self, model: mujoco.MjModel, constants: Array) -> None:
        super().paint(model, constants)
        ids = constants[1 + self.cubes :, self.first_id : self.first_id + IDS]
        for i, row in enumerate(ids):
            geoms = model.geom_bodyid == model.body(f"bin{i}").id
            model.geom_rgba[geoms, :3] = COLORS[int(np.argmax(row)) - 1]

    def marks(self, goal: Array) -> list[tuple[Array, Array, Array]]:
        asked = np.flatnonzero(goal[self.rows, 2] > 0)
        return [super(BinsWorld, self).marks(goal)[i] for i in asked]


def _gaps(cubes: Array) -> Array:
    gaps = np.hypot(*(cubes[:, None, :2] - cubes[None, :, :2]).transpose(2, 0, 1))
    return np.asarray(gaps[np.triu_indices(len(cubes), 1)])
