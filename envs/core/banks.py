"""Banks of start states: public, perturbed, hidden; and episodes that lack some entities.

A bank turns an episode seed into a start. The public one is the world's own. The perturbed one is
the same start in a world that differs in named ways, each within `BOUNDS`. The hidden one draws the
starts of other seeds, which only those know who know the salt.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.core.world import Variation
from entitybench.errors import BadValue, unknown
from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Sequence

    import mujoco

    from entitybench.envs.core.world import Start, World
    from entitybench.types import Array

SALT = "ENTITYBENCH_SALT"  # environment variable that hidden starts are drawn with
# What can be perturbed, and between which bounds: factors, but for colour (added to red, green and
# blue) and latency (control steps by which actions come late).
BOUNDS: dict[str, tuple[float, float]] = {
    "colour": (-0.25, 0.25),
    "size": (0.92, 1.08),
    "mass": (0.6, 1.6),
    "friction": (0.75, 1.3),
    "latency": (0, 1),
}
_STUCK = 1e6  # N s/m


@dataclass(frozen=True, slots=True)
class Bank:
    """A bank, by its name: "public", "hidden", "perturbed", or "perturbed:mass,friction"."""

    name: str = "public"
    absent: float | tuple[str, ...] = 0.0  # the chance of each movable entity, or their names

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise BadValue(f"a bank is public, perturbed or hidden: got {self.name!r}.")
        kind, _, names = self.name.partition(":")
        if kind not in ("public", "perturbed", "hidden") or (names and kind != "perturbed"):
            raise unknown("bank", self.name, ["public", "perturbed", "hidden"], see="--help")
        for name in self.perturbed:
            if name not in BOUNDS:
                raise unknown("perturbation", name, list(BOUNDS), see="docs/banks.md")
        if isinstance(self.absent, float | int) and not isinstance(self.absent, bool):
            if not 0 <= self.absent <= 1:
                raise BadValue(f"the chance that an entity is absent is 0 to 1: got {self.absent}.")
        elif not isinstance(self.absent, tuple | list):
            raise BadValue(
                "absent is the chance of each entity, 0 to 1, or a tuple of names: "
                f"got {self.absent!r}."
            )

    @property
    def perturbed(self) -> tuple[str, ...]:
        """The names of what is perturbed."""
        kind, _, names = self.name.partition(":")
        if kind != "perturbed":
            return ()
        return tuple(names.split(",")) if names else tuple(BOUNDS)

    def check(self) -> None:
        """Raises BadValue when its starts cannot be drawn here."""
        if self.name == "hidden":
            hidden_seed(0)

    @property
    def varies_number(self) -> bool:
        """Whether episodes can lack entities."""
        return bool(self.absent)

    @property
    def latency(self) -> int:
        """The most control steps by which actions come late."""
        return int(BOUNDS["latency"][1]) if "latency" in self.perturbed else 0

    def start(self, world: World, seed: int) -> tuple[Start, Variation | None]:
        """The start of an episode, and how its world differs."""
        if self.name == "hidden":
            seed = hidden_seed(seed)
        start = world.start(seed)
        if self.absent:
            start = world.without(start, self._absent(world, seed))
        return start, variation(world, seed, self.perturbed) if self.perturbed else None

    def _absent(self, world: World, seed: int) -> Array:
        absent = np.zeros(world.entities, bool)
        rows = [world.bodies.index(name) for name in world.movable]
        if isinstance(self.absent, tuple | list):
            for name in self.absent:
                if name not in world.movable:
                    raise unknown("entity", name, world.movable, see="docs/banks.md")
                absent[world.bodies.index(name)] = True
        else:
            rng = generator(seed, "absent")
            absent[rows] = rng.random(len(rows)) < self.absent
            if rows and self.absent < 1 and absent[rows].all():  # nothing would be left to do
                absent[rng.choice(rows)] = False
        return absent


def hidden_seed(seed: int) -> int:
    """The seed that an episode of the hidden bank has in truth. Raises BadValue without a salt."""
    salt = os.environ.get(SALT, "")
    if len(salt) < 16:
        raise BadValue(
            f"hidden starts need a salt of 16 characters or more in the variable {SALT}: "
            f"{'it is not set' if not salt else f'it has {len(salt)}'}."
        )
    digest = hashlib.sha256(f"{salt}:{seed}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def variation(world: World, seed: int, names: Sequence[str]) -> Variation:
    """What the episode of a seed differs in: each name has a stream of its own."""
    count = len(world.varied)
    names = [name for name in names if name in world.perturbations]

    def draw(name: str, *shape: int) -> Array:
        low, high = BOUNDS[name]
        rng = generator(seed, "perturbed", name)
        if name == "colour":
            return rng.uniform(low, high, shape)
        return np.exp(rng.uniform(np.log(low), np.log(high), shape))

    latency = generator(seed, "perturbed", "latency").integers(0, int(BOUNDS["latency"][1]) + 1)
    return Variation(
        colour=draw("colour", count, 3) if "colour" in names else np.zeros((count, 3)),
        size=draw("size", count) if "size" in names else np.ones(count),
        mass=draw("mass", count) if "mass" in names else np.ones(count),
        friction=draw("friction", count) if "friction" in names else np.ones(count),
        latency=int(latency) if "latency" in names else 0,
    )


def vary(
    world: World, model: mujoco.MjModel, variation: Variation | None, absent: Array | None
) -> mujoco.MjModel:
    """Change `model`, a copy of the world's own, and return it.

    Absent entities touch nothing and are not drawn; they stay where the start state has them.
    """
    import mujoco

    if variation is not None:
        for index, name in enumerate(world.varied):
            size, mass = variation.size[index], variation.mass[index]
            for body in _subtree(model, model.body(name).id):
                model.body_mass[body] *= mass * size**3
                model.body_inertia[body] *= mass * size**5
                model.body_ipos[body] *= size
                if model.body_bvhadr[body] >= 0:  # else contacts beyond the old boxes are missed
                    boxes = model.body_bvhadr[body] + np.arange(model.body_bvhnum[body])
                    model.bvh_aabb[boxes] *= size
                geoms = np.flatnonzero(model.geom_bodyid == body)
                model.geom_size[geoms] *= size
                model.geom_pos[geoms] *= size
                model.site_pos[model.site_bodyid == body] *= size
                model.geom_rbound[geoms] *= size
                model.geom_aabb[geoms] *= size
                model.geom_friction[geoms, 0] *= variation.friction[index]
                first = model.body_dofadr[body]
                count = model.body_dofnum[body]
                if count:
                    dofs = slice(first, first + count)
                    model.dof_frictionloss[dofs] *= variation.friction[index]
        world.adapt(model, variation)
        mujoco.mj_setConst(model, mujoco.MjData(model))
        _tint(world, model, variation)
    if absent is not None:
        for entity in np.flatnonzero(absent):
            for body in _subtree(model, model.body(world.bodies[entity]).id):
                geoms = np.flatnonzero(model.geom_bodyid == body)
                model.geom_contype[geoms] = 0
                model.geom_conaffinity[geoms] = 0
                model.geom_rgba[geoms, 3] = 0
                first = model.body_dofadr[body]
                if first >= 0:  # so that a free body does not fall: nothing is under it any more
                    model.dof_damping[first : first + model.body_dofnum[body]] = _STUCK
    return model


def _tint(world: World, model: mujoco.MjModel, variation: Variation) -> None:
    for index, name in enumerate(world.varied):
        for body in _subtree(model, model.body(name).id):
            geoms = np.flatnonzero(model.geom_bodyid == body)
            rgb = model.geom_rgba[geoms, :3] + variation.colour[index]
            model.geom_rgba[geoms, :3] = np.clip(rgb, 0, 1)


def paint(
    world: World,
    model: mujoco.MjModel,
    constants: Array,
    variation: Variation | None,
    absent: Array | None,
) -> None:
    """The colours of an episode: the world's own, tinted, and absent entities unseen."""
    world.paint(model, constants)
    if variation is not None:
        _tint(world, model, variation)
    if absent is not None:
        for entity in np.flatnonzero(absent):
            for body in _subtree(model, model.body(world.bodies[entity]).id):
                model.geom_rgba[model.geom_bodyid == body, 3] = 0


def _subtree(model: mujoco.MjModel, root: int) -> list[int]:
    found = [root]
    for body in range(root + 1, model.nbody):  # parents come before their children
        if model.body_parentid[body] in found:
            found.append(body)
    return found
