"""The push scene as an MjSpec; solver settings in `entitybench.envs.parts.scene`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mujoco

from entitybench.envs.parts.scene import (
    NOTHING,
    PAINT_GROUP,
    UNSEEN_GROUP,
    add_joint,
    add_views,
    new_scene,
)
from entitybench.envs.parts.table import (
    PUSHED,
    PUSHER,
    add_planar_joints,
    add_pusher,
    add_table,
)
from entitybench.envs.push.sizes import COLORS, HALF_EDGE, PUSHER_RADIUS

if TYPE_CHECKING:
    from collections.abc import Sequence


def push_scene(
    blocks: int, area: float, rail: float, edge: float, dt: float, sleep: bool
) -> mujoco.MjSpec:
    """A table with a pusher and `blocks` blocks; lengths in m.

    Joints are named pusher_x, pusher_y, block<i>_x, block<i>_y and block<i>_yaw, bodies pusher and
    block<i>.
    """
    spec = new_scene(f"push-{blocks}", dt, sleep=sleep, gravity=False)
    _add_looks(spec, area, edge)
    add_pusher(spec, edge, PUSHER_RADIUS, HALF_EDGE, 1.25)
    for i in range(blocks):
        _add_block(spec, i, rail)
    return spec


def add_posts(spec: mujoco.MjSpec, places: Sequence[Sequence[float]], radius: float) -> None:
    """Upright cylinders that stand fast, bodies post<i>."""
    for i, (x, y) in enumerate(places):
        body = spec.worldbody.add_body(name=f"post{i}", pos=[x, y, HALF_EDGE])
        # In the plane an upright capsule touches as a cylinder does, and costs less.
        body.add_geom(
            name=f"post{i}",
            type=mujoco.mjtGeom.mjGEOM_CAPSULE,
            size=[radius, HALF_EDGE, 0],
            contype=PUSHED,
            conaffinity=PUSHER | PUSHED,
            group=UNSEEN_GROUP,
        )
        body.add_geom(
            name=f"post{i}_seen",
            type=mujoco.mjtGeom.mjGEOM_CYLINDER,
            size=[radius, 1.5 * HALF_EDGE, 0],
            pos=[0, 0, 0.5 * HALF_EDGE],
            **NOTHING,
            rgba=[0.35, 0.35, 0.33, 1],
            group=PAINT_GROUP,
        )


def add_regions(spec: mujoco.MjSpec, places: Sequence[Sequence[float]], radius: float) -> None:
    """Discs on the table in the colours of the first blocks, each where a block is to be."""
    for i, (x, y) in enumerate(places):
        spec.worldbody.add_geom(
            name=f"region{i}",
            type=mujoco.mjtGeom.mjGEOM_CYLINDER,
            pos=[x, y, 0.001],
            size=[radius, 0.0005, 0],
            **NOTHING,
            rgba=[*COLORS[i], 0.4],
            group=PAINT_GROUP,
        )


def add_zones(spec: mujoco.MjSpec, zones: int, radius: float) -> None:
    """Coloured discs that nothing touches, bodies zone<i> on joints zone<i>_x and zone<i>_y.

    No force moves them: the joints only let each episode have them elsewhere.
    """
    for i in range(zones):
        body = spec.worldbody.add_body(name=f"zone{i}", pos=[0, 0, 0.001])
        body.add_geom(
            name=f"zone{i}",
            type=mujoco.mjtGeom.mjGEOM_CYLINDER,
            size=[radius, 0.0005, 0],
            mass=0.1,
            **NOTHING,
            rgba=[*COLORS[i], 0.5],
            group=PAINT_GROUP,
        )
        for axis, vector in (("x", [1, 0, 0]), ("y", [0, 1, 0])):
            add_joint(body, f"zone{i}_{axis}", mujoco.mjtJoint.mjJNT_SLIDE, vector)


def _add_looks(spec: mujoco.MjSpec, area: float, edge: float) -> None:
    """Light, cameras and the table top: seen, never touched."""
    size = edge + PUSHER_RADIUS
    world = spec.worldbody
    add_table(spec, size)
    for name, x, y in (("e", 1, 0), ("w", -1, 0), ("n", 0, 1), ("s", 0, -1)):
        offset = area + 0.08 + HALF_EDGE + 0.02
        world.add_geom(
            name=f"rail_{name}",
            type=mujoco.mjtGeom.mjGEOM_BOX,
            pos=[offset * x, offset * y, 0.0005],
            size=[offset if y else 0.002, offset if x else 0.002, 0.0005],
            rgba=[0.6, 0.6, 0.58, 1],
            **NOTHING,
            group=PAINT_GROUP,
        )
    add_views(spec, size)


def _add_block(spec: mujoco.MjSpec, index: int, rail: float) -> None:
    name = f"block{index}"
    body = spec.worldbody.add_body(name=name, pos=[0, 0, HALF_EDGE])
    body.add_geom(
        name=name,
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=[HALF_EDGE] * 3,
        mass=0.1,
        contype=PUSHED,
        conaffinity=PUSHER | PUSHED,
        rgba=[*COLORS[index], 1],
        group=PAINT_GROUP,
    )
    add_planar_joints(
        body,
        rail,
        {"damping": 2, "frictionloss": 0.5},
        {"damping": 0.004, "frictionloss": 0.012},
    )
