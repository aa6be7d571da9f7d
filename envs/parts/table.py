"""A table with things that a round pusher pushes about: what planar pushing scenes share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mujoco

from entitybench.envs.parts.scene import (
    NOTHING,
    PAINT_GROUP,
    ROBOT_GROUP,
    UNSEEN_GROUP,
    add_joint,
    add_servo,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

# Who touches whom: contype bits are a role, conaffinity the roles it touches.
PUSHER, PUSHED = 1, 2
_AXES = (("x", (1, 0, 0)), ("y", (0, 1, 0)))


def add_table(spec: mujoco.MjSpec, size: float) -> None:
    """The table top, +-size m: seen, never touched."""
    # Drawing a plane takes five times as long as a box.
    spec.worldbody.add_geom(
        name="table",
        type=mujoco.mjtGeom.mjGEOM_BOX,
        pos=[0, 0, -0.01],
        size=[size, size, 0.01],
        rgba=[0.82, 0.82, 0.80, 1],
        **NOTHING,
        group=PAINT_GROUP,
    )


def add_pusher(
    spec: mujoco.MjSpec, edge: float, radius: float, height: float, tall: float, **parameters: Any
) -> None:
    """A disc on two servos, pusher_x and pusher_y, whose centre stops at +-edge.

    Args:
        height: m, half that of what it pushes.
        tall: how many times as tall it is.
        parameters: more of its geom, as MuJoCo's.
    """
    body = spec.worldbody.add_body(name="pusher", pos=[0, 0, height])
    # In the plane a sphere at mid-height touches a block exactly as an upright cylinder does, and
    # costs less; the cylinder is what one sees.
    body.add_geom(
        name="pusher",
        type=mujoco.mjtGeom.mjGEOM_SPHERE,
        size=[radius, 0, 0],
        mass=0.5,
        contype=PUSHER,
        conaffinity=PUSHED,
        group=UNSEEN_GROUP,
        **parameters,
    )
    body.add_geom(
        name="pusher_seen",
        type=mujoco.mjtGeom.mjGEOM_CYLINDER,
        size=[radius, tall * height, 0],
        pos=[0, 0, (tall - 1) * height],
        mass=0,
        **NOTHING,
        rgba=[0.1, 0.1, 0.12, 1],
        group=ROBOT_GROUP,
    )
    for axis, vector in _AXES:
        name = f"pusher_{axis}"
        add_joint(body, name, mujoco.mjtJoint.mjJNT_SLIDE, vector, (-edge, edge))
        add_servo(spec, name, kp=300, kv=30, limits=(-edge, edge))


def add_planar_joints(
    body: mujoco.MjsBody,
    rail: float,
    slides: Mapping[str, Any],
    hinge: Mapping[str, Any],
) -> None:
    """Joints <body>_x, _y (m, that stop at +-rail) and _yaw, with parameters as MuJoCo's."""
    for axis, vector in _AXES:
        kind = mujoco.mjtJoint.mjJNT_SLIDE
        add_joint(body, f"{body.name}_{axis}", kind, vector, (-rail, rail), **slides)
    add_joint(body, f"{body.name}_yaw", mujoco.mjtJoint.mjJNT_HINGE, (0, 0, 1), **hinge)
