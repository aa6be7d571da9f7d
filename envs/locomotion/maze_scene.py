"""The scene of a maze: floor, border, walls, the goal's mark, and the point with its two motors."""

from __future__ import annotations

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
    from entitybench.types import Array

_HEIGHT = 0.2  # m, of walls
_DAMPING = 0.7  # N s/m, of the point's slides
_BOX = mujoco.mjtGeom.mjGEOM_BOX
_TOUCHES_POINT = {"contype": 1, "conaffinity": 0}


def maze_scene(
    edge: float,
    walls: Array,
    goal: Array,
    dt: float,
    *,
    radius: float,
    goal_radius: float,
    sleep: bool = False,
) -> mujoco.MjSpec:
    """The scene. `edge`: half the maze, m; `walls` (walls, 4): x, y, half x, half y, m.

    `radius` and `goal_radius`: of the point and of the goal's region, m.
    """
    spec = new_scene("point-maze", dt, sleep=sleep, gravity=False)
    add_views(spec, edge + 0.25)
    world = spec.worldbody
    world.add_geom(
        name="floor",
        type=_BOX,
        pos=[0, 0, -0.01],
        size=[edge + 0.2, edge + 0.2, 0.01],
        rgba=[0.84, 0.84, 0.82, 1],
        group=PAINT_GROUP,
        **NOTHING,
    )
    for i, (x, y) in enumerate(((1, 0), (-1, 0), (0, 1), (0, -1))):
        out = edge + 0.1
        _wall(world, f"border{i}", (x * out, y * out), (out if y else 0.1, out if x else 0.1))
    for i, (x, y, half_x, half_y) in enumerate(walls):
        body = world.add_body(name=f"wall{i}", pos=[x, y, 0])
        _wall(body, f"wall{i}", (0, 0), (half_x, half_y))
    mark = world.add_body(name="goal", pos=[*goal, 0])
    mark.add_geom(
        name="goal",
        type=mujoco.mjtGeom.mjGEOM_CYLINDER,
        pos=[0, 0, 0.002],
        size=[goal_radius, 0.002, 0],
        rgba=[0.35, 0.75, 0.35, 1],
        group=PAINT_GROUP,
        **NOTHING,
    )
    _point(spec, radius)
    return spec


def _wall(
    body: mujoco.MjsBody, name: str, place: tuple[float, float], half: tuple[float, float]
) -> None:
    body.add_geom(
        name=name,
        type=_BOX,
        pos=[*place, _HEIGHT / 2],
        size=[*half, _HEIGHT / 2],
        rgba=[0.45, 0.42, 0.40, 1],
        group=PAINT_GROUP,
        **_TOUCHES_POINT,
    )


def _point(spec: mujoco.MjSpec, radius: float) -> None:
    body = spec.worldbody.add_body(name="point", pos=[0, 0, radius])
    body.add_geom(
        name="point",
        type=mujoco.mjtGeom.mjGEOM_SPHERE,
        size=[radius, 0, 0],
        mass=1.0,
        rgba=[0.15, 0.25, 0.85, 1],
        group=ROBOT_GROUP,
        contype=0,
        conaffinity=1,
    )
    for axis, vector in (("x", (1, 0, 0)), ("y", (0, 1, 0))):
        add_joint(body, f"point_{axis}", mujoco.mjtJoint.mjJNT_SLIDE, vector, damping=_DAMPING)
        motor = spec.add_actuator(name=f"point_{axis}", target=f"point_{axis}")
        motor.trntype = mujoco.mjtTrn.mjTRN_JOINT
        motor.set_to_motor()
