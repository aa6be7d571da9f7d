"""The scene of the tetris worlds as an MjSpec: a table under an oil film."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mujoco

from entitybench.envs.core.scene import (
    NOTHING,
    PAINT_GROUP,
    ROBOT_GROUP,
    UNSEEN_GROUP,
    add_joint,
    add_servo,
    add_views,
    new_scene,
)
from entitybench.envs.tetris.shapes import CELL, CELLS, SPREAD

if TYPE_CHECKING:
    from collections.abc import Sequence

PUSHER, PIECE = 1, 2  # contype bits are a role, conaffinity the roles it touches
PUSHER_RADIUS = 0.015  # m
HEIGHT = CELL / 2  # m, half of it
MASS = 0.1  # kg, of a piece
# Friction with the table is that of a film of oil: a force on each bit of area against its motion
# and proportional to it. Summed over a piece that is a force and a torque about its centre, each
# proportional to its speed alone, so that a piece stops where the pusher stops.
DRAG = 8.0  # N s/m, of a piece; the torque's is DRAG * SPREAD
FRICTION = 0.5  # of pieces with the pusher and each other
COLORS = (
    (0.05, 0.75, 0.80),
    (0.95, 0.80, 0.05),
    (0.65, 0.10, 0.75),
    (0.10, 0.65, 0.15),
    (0.90, 0.10, 0.10),
    (0.10, 0.25, 0.95),
    (0.95, 0.45, 0.05),
)


def tetris_scene(
    shapes: Sequence[int], grid: float, rail: float, edge: float, dt: float, sleep: bool
) -> mujoco.MjSpec:
    """A table with a pusher and a piece of each of the shapes; lengths in m.

    Joints are named pusher_x, pusher_y, piece<i>_x, piece<i>_y and piece<i>_yaw, bodies pusher and
    piece<i>, the geoms of a piece's cells piece<i>_<0 to 3>.
    """
    spec = new_scene(f"tetris-{len(shapes)}", dt, sleep=sleep, gravity=False)
    _add_looks(spec, grid, edge)
    _add_pusher(spec, edge)
    for i, shape in enumerate(shapes):
        _add_piece(spec, i, shape, rail)
    return spec


def _add_looks(spec: mujoco.MjSpec, grid: float, edge: float) -> None:
    """Light, cameras and the table top: seen, never touched."""
    size = edge + PUSHER_RADIUS
    paint = {**NOTHING, "group": PAINT_GROUP}
    box = mujoco.mjtGeom.mjGEOM_BOX
    world = spec.worldbody
    world.add_geom(
        name="table",
        type=box,
        pos=[0, 0, -0.01],
        size=[size, size, 0.01],
        rgba=[0.82, 0.82, 0.80, 1],
        **paint,
    )
    for i in range(9):
        world.add_geom(
            name=f"node{i}",
            type=box,
            pos=[grid * (i % 3 - 1), grid * (i // 3 - 1), 0.0002],
            size=[0.004, 0.004, 0.0002],
            rgba=[0.6, 0.6, 0.58, 1],
            **paint,
        )
    add_views(spec, size)


def _add_pusher(spec: mujoco.MjSpec, edge: float) -> None:
    body = spec.worldbody.add_body(name="pusher", pos=[0, 0, HEIGHT])
    # In the plane a sphere at mid-height touches a piece exactly as an upright cylinder does.
    body.add_geom(
        name="pusher",
        type=mujoco.mjtGeom.mjGEOM_SPHERE,
        size=[PUSHER_RADIUS, 0, 0],
        mass=0.5,
        friction=[FRICTION, 0.005, 0.0001],
        contype=PUSHER,
        conaffinity=PIECE,
        group=UNSEEN_GROUP,
    )
    body.add_geom(
        name="pusher_seen",
        type=mujoco.mjtGeom.mjGEOM_CYLINDER,
        size=[PUSHER_RADIUS, 1.5 * HEIGHT, 0],
        pos=[0, 0, 0.5 * HEIGHT],
        mass=0,
        **NOTHING,
        rgba=[0.1, 0.1, 0.12, 1],
        group=ROBOT_GROUP,
    )
    for axis, vector in (("x", [1, 0, 0]), ("y", [0, 1, 0])):
        name = f"pusher_{axis}"
        add_joint(body, name, mujoco.mjtJoint.mjJNT_SLIDE, vector, (-edge, edge))
        add_servo(spec, name, kp=300, kv=30, limits=(-edge, edge))


def _add_piece(spec: mujoco.MjSpec, index: int, shape: int, rail: float) -> None:
    name = f"piece{index}"
    body = spec.worldbody.add_body(name=name, pos=[0, 0, HEIGHT])
    for i, (x, y) in enumerate(CELLS[shape]):
        body.add_geom(
            name=f"{name}_{i}",
            type=mujoco.mjtGeom.mjGEOM_BOX,
            pos=[x, y, 0],
            size=[CELL / 2, CELL / 2, HEIGHT],
            mass=MASS / 4,
            friction=[FRICTION, 0.005, 0.0001],
            contype=PIECE,
            conaffinity=PUSHER | PIECE,
            rgba=[*COLORS[shape], 1],
            group=PAINT_GROUP,
        )
    for axis, vector in (("x", [1, 0, 0]), ("y", [0, 1, 0])):
        add_joint(
            body,
            f"{name}_{axis}",
            mujoco.mjtJoint.mjJNT_SLIDE,
            vector,
            (-rail, rail),
            damping=DRAG,
        )
    add_joint(
        body,
        f"{name}_yaw",
        mujoco.mjtJoint.mjJNT_HINGE,
        (0, 0, 1),
        damping=DRAG * float(SPREAD[shape]),
    )
