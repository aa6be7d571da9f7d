"""A gantry: three slides and a turn about the vertical, with servos, that carry a hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mujoco

from entitybench.envs.parts.scene import add_joint, add_servo

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def add_gantry(
    spec: mujoco.MjSpec,
    name: str,
    limits: Mapping[str, Sequence[float]],
    *,
    kp: float = 1000.0,
    kv: float = 80.0,
    turn_kp: float = 20.0,
    turn_kv: float = 1.5,
    quat: Sequence[float] = (1, 0, 0, 0),
) -> mujoco.MjsBody:
    """A massless gantry; hang something with a mass on the body that it returns.

    Args:
        name: of the body; joints and servos are <name>_x, _y, _z and _yaw.
        limits: of "x", "y", "z" (m) and "yaw" (rad).
        kp: of the slides' servos, N/m; kv in N s/m.
        turn_kp: of the yaw's servo, N m/rad; turn_kv in N m s/rad.
        quat: of the body returned in the gantry's frame, which turns about z: where a hand points.
    """
    body = spec.worldbody.add_body(name=name, gravcomp=1)
    for axis, vector in (("x", (1, 0, 0)), ("y", (0, 1, 0)), ("z", (0, 0, 1))):
        joint = f"{name}_{axis}"
        add_joint(body, joint, mujoco.mjtJoint.mjJNT_SLIDE, vector, limits[axis])
        add_servo(spec, joint, kp=kp, kv=kv, limits=limits[axis])
    joint = f"{name}_yaw"
    add_joint(body, joint, mujoco.mjtJoint.mjJNT_HINGE, (0, 0, 1), limits["yaw"])
    add_servo(spec, joint, kp=turn_kp, kv=turn_kv, limits=limits["yaw"])
    return body.add_body(name=f"{name}_hand", quat=list(quat), gravcomp=1)
