"""Pictures of planar worlds without MuJoCo: discs on a floor, seen by the usual cameras."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import mujoco

from entitybench.envs.parts.scene import (
    NOTHING,
    PAINT_GROUP,
    ROBOT_GROUP,
    add_joint,
    add_views,
    new_scene,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Disc:
    """How an entity is drawn."""

    name: str
    radius: float  # m
    colour: tuple[float, float, float]
    height: float = 0.08  # m
    robot: bool = False


def disc_scene(
    name: str, discs: Sequence[Disc], size: float, *, dt: float, floor: float | None = None
) -> mujoco.MjSpec:
    """A scene to look at: each disc on two slides, so that qpos is x, y of one after the other.

    Args:
        size: m, the cameras show +-size.
        dt: s, that MuJoCo would step.
        floor: m, half an edge of what the floor shows as the ground; `size` by default.
    """
    spec = new_scene(name, dt, gravity=False)
    half = size if floor is None else floor
    spec.worldbody.add_geom(
        name="floor",
        type=mujoco.mjtGeom.mjGEOM_BOX,
        pos=[0, 0, -0.01],
        size=[half, half, 0.01],
        rgba=[0.82, 0.82, 0.80, 1],
        group=PAINT_GROUP,
        **NOTHING,
    )
    add_views(spec, size)
    for disc in discs:
        body = spec.worldbody.add_body(name=disc.name)
        body.add_geom(
            name=disc.name,
            type=mujoco.mjtGeom.mjGEOM_CYLINDER,
            size=[disc.radius, disc.height / 2, 0],
            pos=[0, 0, disc.height / 2],
            mass=1,
            rgba=[*disc.colour, 1],
            group=ROBOT_GROUP if disc.robot else PAINT_GROUP,
            **NOTHING,
        )
        for axis, vector in (("x", (1, 0, 0)), ("y", (0, 1, 0))):
            add_joint(body, f"{disc.name}_{axis}", mujoco.mjtJoint.mjJNT_SLIDE, vector)
    return spec
