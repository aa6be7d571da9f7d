"""What all scenes share: solver settings, who touches whom, what is drawn, joints with servos.

The settings are our choice, by measurements of speed and of exact restarts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mujoco

if TYPE_CHECKING:
    from collections.abc import Sequence

# Geoms by who sees them: pictures show PAINT and ROBOT, pictures of goals leave ROBOT out, and
# nobody sees UNSEEN. See render.py.
ROBOT_GROUP, PAINT_GROUP, UNSEEN_GROUP = 1, 2, 3
NOTHING: dict[str, Any] = {"contype": 0, "conaffinity": 0}  # a geom that touches nothing


def new_scene(
    name: str, dt: float, *, sleep: bool = False, gravity: bool = True, impratio: float = 1.0
) -> mujoco.MjSpec:
    """An empty scene with the suite's solver and drawing settings.

    Args:
        dt: s, of a physics step.
        sleep: whether resting bodies sleep.
        gravity: False for worlds in the plane, where nothing can fall.
        impratio: 10 for grasps: with 1, things creep out of the hand.
    """
    spec = mujoco.MjSpec()
    spec.modelname = name
    spec.memory = 512 * 1024
    spec.compiler.degree = False
    option = spec.option
    option.timestep = dt
    option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    option.solver = mujoco.mjtSolver.mjSOL_NEWTON
    option.iterations = 20
    option.ls_iterations = 20
    option.tolerance = 1e-8
    option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    option.impratio = impratio
    option.sleep_tolerance = 1e-4
    if not gravity:
        option.disableflags |= mujoco.mjtDisableBit.mjDSBL_GRAVITY
    if sleep:
        option.enableflags |= mujoco.mjtEnableBit.mjENBL_SLEEP
    quality = spec.visual.quality
    quality.offsamples = 0
    quality.numslices = 12
    quality.numstacks = 6
    spec.visual.headlight.ambient = [0.45, 0.45, 0.45]
    spec.visual.headlight.diffuse = [0.5, 0.5, 0.5]
    spec.visual.headlight.specular = [0, 0, 0]
    return spec


def add_views(spec: mujoco.MjSpec, size: float) -> None:
    """The cameras that every planar scene has: `top` (orthographic, +-size m) and `side` (45°)."""
    world = spec.worldbody
    world.add_camera(
        name="top", pos=[0, 0, 2], fovy=2 * size, proj=mujoco.mjtProjection.mjPROJ_ORTHOGRAPHIC
    )
    distance = 2.3 * size
    world.add_camera(
        name="side",
        pos=[0, -distance, distance],
        xyaxes=[1, 0, 0, 0, 0.5**0.5, 0.5**0.5],
        fovy=45,
    )


def add_joint(
    body: mujoco.MjsBody,
    name: str,
    kind: mujoco.mjtJoint,
    axis: Sequence[float],
    limits: Sequence[float] | None = None,
    **parameters: Any,
) -> mujoco.MjsJoint:
    """A slide (m) or hinge (rad), limited where limits are given; `parameters` as MuJoCo's."""
    if limits is not None:
        parameters |= {"limited": mujoco.mjtLimited.mjLIMITED_TRUE, "range": list(limits)}
    return body.add_joint(name=name, type=kind, axis=list(axis), **parameters)


def add_servo(
    spec: mujoco.MjSpec, joint: str, *, kp: float, kv: float, limits: Sequence[float]
) -> mujoco.MjsActuator:
    """A position servo on a joint, with its name; its target is kept within the limits."""
    servo = spec.add_actuator(name=joint, target=joint, trntype=mujoco.mjtTrn.mjTRN_JOINT)
    servo.set_to_position(kp=kp, kv=kv)
    servo.ctrllimited = mujoco.mjtLimited.mjLIMITED_TRUE
    servo.ctrlrange = list(limits)
    return servo
