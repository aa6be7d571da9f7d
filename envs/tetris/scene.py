"""The scene of the tetris worlds as an MjSpec: a table under an oil film."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mujoco

from entitybench.envs.parts.scene import NOTHING, PAINT_GROUP, add_views, new_scene
from entitybench.envs.parts.table import (
    PUSHED,
    PUSHER,
    add_planar_joints,
    add_pusher,
    add_table,
)
from entitybench.envs.tetris.shapes import CELL, CELLS, SPREAD

if TYPE_CHECKING:
    from collections.abc import Sequence

PUSHER_RADIUS = 0.015  # m
HEIGHT = CELL / 2  # m, half of it
MASS = 0.1  # kg, of a piece
# Friction with the table is that of a film of oil: a force on each bit of area against its motion
# and proportional to it. Summed over a piece that is a force and a torque about its centre, each
# proportional to its speed alone, so that a piece stops where the pusher stops.
DRAG = 8.0  # N s/m, of a piece; the torque's is DRAG * SPREAD
FRICTION = 0.5  # of pieces with the pusher and each other
_FRICTION = [FRICTION, 0.005, 0.0001]
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
    add_pusher(spec, edge, PUSHER_RADIUS, HEIGHT, 1.5, friction=_FRICTION)
    for i, shape in enumerate(shapes):
        _add_piece(spec, i, shape, rail)
    return spec


def _add_looks(spec: mujoco.MjSpec, grid: float, edge: float) -> None:
    """Light, cameras and the table top: seen, never touched."""
    size = edge + PUSHER_RADIUS
    add_table(spec, size)
    for i in range(9):
        spec.worldbody.add_geom(
            name=f"node{i}",
            type=mujoco.mjtGeom.mjGEOM_BOX,
            pos=[grid * (i % 3 - 1), grid * (i // 3 - 1), 0.0002],
            size=[0.004, 0.004, 0.0002],
            rgba=[0.6, 0.6, 0.58, 1],
            **NOTHING,
            group=PAINT_GROUP,
        )
    add_views(spec, size)


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
            friction=_FRICTION,
            contype=PUSHED,
            conaffinity=PUSHER | PUSHED,
            rgba=[*COLORS[shape], 1],
            group=PAINT_GROUP,
        )
    drag = DRAG * float(SPREAD[shape])
    add_planar_joints(body, rail, {"damping": DRAG}, {"damping": drag})
