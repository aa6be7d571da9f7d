"""The push-box scene as an MjSpec: three robots, a box on one foot, a pillar, and the goal's place.

The robots and the pillar need no height. The box has one (a slide that rests on the floor), since
friction between its foot and the floor is what makes it heavy: MuJoCo's contact with a torsional
friction limits force and torque together, by an ellipsoid, as a box on a floor does.
"""

from __future__ import annotations

from typing import Any

import mujoco

from entitybench.envs.parts.scene import (
    NOTHING,
    PAINT_GROUP,
    ROBOT_GROUP,
    UNSEEN_GROUP,
    add_joint,
    add_views,
    new_scene,
)
from entitybench.envs.team.pushbox_sizes import (
    ARENA,
    BOX_HALF,
    BOX_MASS,
    DAMPING,
    FORCE,
    FRICTION,
    HEIGHT,
    PILLAR,
    ROBOT_MASS,
    ROBOT_RADIUS,
    ROBOTS,
    TWIST,
)

# Who touches whom: contype bits are a role, conaffinity the roles it touches.
ROBOT, BOX, STILL, FOOT, FLOOR = 1, 2, 4, 8, 16
COLOURS = ((0.10, 0.45, 0.75), (0.10, 0.60, 0.35), (0.75, 0.40, 0.10))
FOOT_RADIUS = 0.01  # m
# What this scene has no use for costs a tenth of a step.
_UNUSED = (
    mujoco.mjtDisableBit.mjDSBL_EQUALITY
    | mujoco.mjtDisableBit.mjDSBL_MIDPHASE
    | mujoco.mjtDisableBit.mjDSBL_SENSOR
    | mujoco.mjtDisableBit.mjDSBL_WARMSTART
)
SLIDE, HINGE = mujoco.mjtJoint.mjJNT_SLIDE, mujoco.mjtJoint.mjJNT_HINGE
CYLINDER, SPHERE, CUBOID = (
    mujoco.mjtGeom.mjGEOM_CYLINDER,
    mujoco.mjtGeom.mjGEOM_SPHERE,
    mujoco.mjtGeom.mjGEOM_BOX,
)


def pushbox_scene(dt: float, sleep: bool) -> mujoco.MjSpec:
    """Joints robot<i>_x, robot<i>_y, box_x, box_y, box_z, box_yaw."""
    spec = new_scene("pushbox", dt, sleep=sleep, impratio=10)
    # The robots' damping is explicit: made implicit, it would weaken contacts, and a robot at full
    # speed would get through half a box.
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_EULER
    spec.option.disableflags |= mujoco.mjtDisableBit.mjDSBL_EULERDAMP
    spec.option.disableflags |= _UNUSED
    spec.option.tolerance = 1e-6
    if not sleep:  # which goes by islands
        spec.option.disableflags |= mujoco.mjtDisableBit.mjDSBL_ISLAND
    _add_floor(spec)
    for i in range(ROBOTS):
        _add_robot(spec, i)
    _add_box(spec)
    _add_pillar(spec)
    _add_goal(spec)
    return spec


def _smooth() -> dict[str, Any]:
    """Sides without friction: half the cost of a step, and robots that touch do not stick."""
    return {"condim": 1, "solimp": [0.99, 0.99, 0.001, 0.5, 2]}


def _add_floor(spec: mujoco.MjSpec) -> None:
    spec.worldbody.add_geom(
        name="floor",
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=[2, 2, 1],
        contype=FLOOR,
        conaffinity=FOOT,
        group=UNSEEN_GROUP,
    )
    size = ARENA + ROBOT_RADIUS
    spec.worldbody.add_geom(
        name="ground",
        type=CUBOID,
        pos=[0, 0, -0.011],
        size=[size, size, 0.01],
        rgba=[0.82, 0.82, 0.80, 1],
        group=PAINT_GROUP,
        **NOTHING,
    )
    add_views(spec, size)


def _add_robot(spec: mujoco.MjSpec, index: int) -> None:
    name = f"robot{index}"
    body = spec.worldbody.add_body(name=name, pos=[0, 0, HEIGHT / 2])
    # A sphere at mid-height touches as an upright cylinder does, and costs less.
    body.add_geom(
        name=name,
        type=SPHERE,
        size=[ROBOT_RADIUS, 0, 0],
        mass=ROBOT_MASS,
        **_smooth(),
        contype=ROBOT,
        conaffinity=ROBOT | BOX | STILL,
        group=UNSEEN_GROUP,
    )
    body.add_geom(
        name=f"{name}_seen",
        type=CYLINDER,
        size=[ROBOT_RADIUS, HEIGHT / 2, 0],
        mass=0,
        rgba=[*COLOURS[index], 1],
        group=ROBOT_GROUP,
        **NOTHING,
    )
    for axis, vector in (("x", (1, 0, 0)), ("y", (0, 1, 0))):
        joint = f"{name}_{axis}"
        add_joint(body, joint, SLIDE, vector, (-ARENA, ARENA), damping=DAMPING)
        motor = spec.add_actuator(name=joint, target=joint, trntype=mujoco.mjtTrn.mjTRN_JOINT)
        motor.gear[0] = FORCE


def _add_box(spec: mujoco.MjSpec) -> None:
    body = spec.worldbody.add_body(name="box", pos=[0, 0, HEIGHT / 2])
    body.add_geom(
        name="box",
        type=CUBOID,
        size=[*BOX_HALF, HEIGHT / 2 - 0.005],
        mass=BOX_MASS,
        **_smooth(),
        contype=BOX,
        conaffinity=ROBOT | STILL,
        rgba=[0.80, 0.65, 0.35, 1],
        group=PAINT_GROUP,
    )
    body.add_geom(
        name="front",  # seen from above: which way the box points
        type=CUBOID,
        pos=[0, 0.75 * BOX_HALF[1], HEIGHT / 2],
        size=[0.8 * BOX_HALF[0], 0.12 * BOX_HALF[1], 0.002],
        mass=0,
        rgba=[0.45, 0.30, 0.10, 1],
        group=PAINT_GROUP,
        **NOTHING,
    )
    body.add_geom(
        name="foot",
        type=SPHERE,
        pos=[0, 0, FOOT_RADIUS - HEIGHT / 2],
        size=[FOOT_RADIUS, 0, 0],
        mass=0,
        condim=4,
        priority=1,
        friction=[FRICTION, FRICTION * TWIST, 0],
        contype=FOOT,
        conaffinity=FLOOR,
        group=UNSEEN_GROUP,
    )
    add_joint(body, "box_x", SLIDE, (1, 0, 0), (-ARENA, ARENA))
    add_joint(body, "box_y", SLIDE, (0, 1, 0), (-ARENA, ARENA))
    add_joint(body, "box_z", SLIDE, (0, 0, 1))
    add_joint(body, "box_yaw", HINGE, (0, 0, 1))


def _add_pillar(spec: mujoco.MjSpec) -> None:
    body = spec.worldbody.add_body(name="pillar", pos=[0, 0, HEIGHT / 2])
    # Upright to what moves in the plane, again a sphere would do; boxes need the whole cylinder.
    body.add_geom(
        name="pillar",
        type=mujoco.mjtGeom.mjGEOM_CAPSULE,
        size=[PILLAR, HEIGHT / 2, 0],
        **_smooth(),
        contype=STILL,
        conaffinity=ROBOT | BOX,
        group=UNSEEN_GROUP,
    )
    body.add_geom(
        name="pillar_seen",
        type=CYLINDER,
        size=[PILLAR, HEIGHT / 2, 0],
        rgba=[0.35, 0.35, 0.38, 1],
        group=PAINT_GROUP,
        **NOTHING,
    )


def _add_goal(spec: mujoco.MjSpec) -> None:
    """A mark on the floor, put into its place by `PushboxWorld.paint`."""
    body = spec.worldbody.add_body(name="goal", pos=[0, 0, 0.001])
    for name, pos, size, rgba in (
        ("goal", (0, 0, 0), (*BOX_HALF, 0.0005), (0.80, 0.65, 0.35, 0.45)),
        (
            "goal_front",
            (0, 0.75 * BOX_HALF[1], 0.001),
            (0.8 * BOX_HALF[0], 0.12 * BOX_HALF[1], 0.0005),
            (0.45, 0.30, 0.10, 0.45),
        ),
    ):
        body.add_geom(
            name=name,
            type=CUBOID,
            pos=list(pos),
            size=list(size),
            rgba=list(rgba),
            group=PAINT_GROUP,
            **NOTHING,
        )
