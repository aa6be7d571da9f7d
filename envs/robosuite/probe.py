"""What the rules need of MuJoCo's data, as numbers of the state: poses, velocities, contacts.

robosuite's rewards ask who touches whom, which positions alone do not tell. So a world's state is
qpos, qvel and these numbers, the same ones whatever steps the episode.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import mujoco
import numpy as np

if TYPE_CHECKING:
    from entitybench.types import Array

# Where the first two axes of a frame are in its rotation matrix, which MuJoCo stores by rows.
_AXES = np.array([0, 3, 6, 1, 4, 7])
PER_ENTITY = 13


@dataclass(frozen=True, slots=True)
class Entity:
    """One row of the observation. Names are those of the scene."""

    body: str  # what hangs on it belongs to the entity
    site: str | None = None  # its frame, if that is not the body's
    free: str | None = None  # its free joint
    angle: str | None = None  # a hinge whose angle is observed
    fingers: tuple[str, str] | None = None  # geoms whose distance is observed
    size: tuple[float, float, float] = (0.0, 0.0, 0.0)  # m, half
    id: int = 0


@dataclass(frozen=True, slots=True)
class Grasp:
    """A hand that may hold something: its two groups of pads, and what it may hold."""

    robot: int  # row of the hand
    entity: int  # row of what it may hold
    pads: tuple[tuple[str, ...], tuple[str, ...]]
    geoms: tuple[str, ...]


Pair = tuple[tuple[str, ...], tuple[str, ...]]  # geoms, of which any may touch any


class Layout:
    """Where things are in the numbers: all functions take (..., K) and keep leading axes."""

    def __init__(self, entities: int, grasps: int, pairs: int) -> None:
        self.entities = entities
        self.grasps = grasps
        self.size = PER_ENTITY * entities + 2 * grasps + pairs

    def positions(self, numbers: Array) -> Array:
        """(..., N, 3), m."""
        return self._block(numbers, 0, 3)

    def axes(self, numbers: Array) -> Array:
        """The frames' x and y axes (..., N, 6)."""
        return self._block(numbers, 3, 6)

    def velocities(self, numbers: Array) -> Array:
        """(..., N, 3), m/s."""
        return self._block(numbers, 9, 3)

    def angles(self, numbers: Array) -> Array:
        """Angles (rad) and openings of hands (m), (..., N)."""
        return self._block(numbers, 12, 1)[..., 0]

    def pads(self, numbers: Array) -> Array:
        """Whether each pad of each grasp touches: bool (..., grasps, 2)."""
        first = PER_ENTITY * self.entities
        flags = numbers[..., first : first + 2 * self.grasps] > 0.5
        return flags.reshape(*numbers.shape[:-1], self.grasps, 2)

    def held(self, numbers: Array) -> Array:
        """Whether each grasp holds, both pads touching: bool (..., grasps)."""
        pads = self.pads(numbers)
        return pads[..., 0] & pads[..., 1]

    def touching(self, numbers: Array) -> Array:
        """Whether the geoms of each pair touch: bool (..., pairs)."""
        return numbers[..., PER_ENTITY * self.entities + 2 * self.grasps :] > 0.5

    def _block(self, numbers: Array, first: int, width: int) -> Array:
        count = self.entities
        block = numbers[..., first * count : (first + width) * count]
        return block.reshape(*numbers.shape[:-1], count, width)


class Probe:
    """Reads the numbers of one model's data."""

    def __init__(
        self,
        model: mujoco.MjModel,
        entities: list[Entity],
        grasps: list[Grasp],
        pairs: list[Pair],
    ) -> None:
        self._model = model
        self._count = len(entities)
        rows = range(len(entities))
        self._site_rows = [i for i in rows if entities[i].site is not None]
        self._sites = [model.site(entities[i].site).id for i in self._site_rows]
        self._body_rows = [i for i in rows if entities[i].site is None]
        self._bodies = [model.body(entities[i].body).id for i in self._body_rows]
        self._free_rows = [i for i in rows if entities[i].free is not None]
        self._free = np.array(
            [int(model.joint(entities[i].free).dofadr[0]) + np.arange(3) for i in self._free_rows],
            np.int64,
        ).reshape(-1, 3)
        kinds = mujoco.mjtObj
        self._moving = [  # (row, what, its id) of what has no free joint but moves
            (i, kinds.mjOBJ_SITE, model.site(entities[i].site).id)
            if entities[i].site is not None
            else (i, kinds.mjOBJ_BODY, model.body(entities[i].body).id)
            for i in rows
            if entities[i].free is None
        ]
        self._angles = [
            (i, int(model.joint(entities[i].angle).qposadr[0]))
            for i in rows
            if entities[i].angle is not None
        ]
        self._fingers = [
            (i, *(model.geom(name).id for name in fingers))
            for i in rows
            if (fingers := entities[i].fingers) is not None
        ]
        groups: list[Pair] = [(pads, g.geoms) for g in grasps for pads in g.pads] + pairs
        self._ones = _members(model, [one for one, _ in groups])
        self._others = _members(model, [other for _, other in groups])
        self._velocity = np.zeros(6)

    def read(self, data: mujoco.MjData, numbers: Array) -> None:
        """Write the numbers (K,) of the data as they are."""
        count = self._count
        positions = numbers[: 3 * count].reshape(count, 3)
        axes = numbers[3 * count : 9 * count].reshape(count, 6)
        velocities = numbers[9 * count : 12 * count].reshape(count, 3)
        positions[self._site_rows] = data.site_xpos[self._sites]
        positions[self._body_rows] = data.xpos[self._bodies]
        axes[self._site_rows] = data.site_xmat[self._sites][:, _AXES]
        axes[self._body_rows] = data.xmat[self._bodies][:, _AXES]
        if self._free_rows:
            velocities[self._free_rows] = data.qvel[self._free]
        for row, kind, index in self._moving:
            mujoco.mj_objectVelocity(self._model, data, kind, index, self._velocity, 0)
            velocities[row] = self._velocity[3:]
        for row, place in self._angles:
            numbers[12 * count + row] = data.qpos[place]
        for row, left, right in self._fingers:
            apart = data.geom_xpos[left] - data.geom_xpos[right]
            numbers[12 * count + row] = np.sqrt((apart * apart).sum())
        flags = numbers[PER_ENTITY * count :]
        if data.ncon and len(flags):
            geoms = data.contact.geom
            one, other = geoms[:, 0], geoms[:, 1]
            both = (self._ones[:, one] & self._others[:, other]) | (
                self._ones[:, other] & self._others[:, one]
            )
            flags[:] = both.any(axis=1)
        else:
            flags[:] = 0


def _members(model: mujoco.MjModel, groups: list[tuple[str, ...]]) -> Array:
    """Which geoms (groups, ngeom) are in each group."""
    members = np.zeros((len(groups), model.ngeom), bool)
    for row, group in enumerate(groups):
        for name in group:
            members[row, model.geom(name).id] = True
    return members
