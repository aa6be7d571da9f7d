"""The arm: the Panda's kinematics, masses and limits, with capsules for its links.

Servos as in FrankaKitchen: stiffness 870 N m/rad (120 for the wrist), damping in the joints. The
arm carries its own weight, as the real one does.
"""

from __future__ import annotations

import mujoco
import numpy as np

from entitybench.envs.kitchen import panda
from entitybench.envs.kitchen.hand import TOUCHING, add_hand
from entitybench.envs.parts.scene import NOTHING, ROBOT_GROUP, add_joint, add_servo

STIFFNESS = (870.0,) * 4 + (120.0,) * 3
DAMPING = (100.0,) * 4 + (10.0,) * 3
WHITE = [0.93, 0.93, 0.94, 1]
# Capsules: of which link, from, to (m, in its frame), radius, and whether they touch anything.
# What is near the base touches nothing: it reaches no element.
CAPSULES = (
    (1, (0, 0, -0.14), (0, 0, 0.0), 0.065, False),
    (2, (0, 0, 0), (0, -0.25, 0), 0.060, False),
    (3, (0.0, 0, -0.05), (0.08, 0, 0.0), 0.055, False),
    (4, (0, 0, 0), (-0.0825, 0.06, 0), 0.055, False),
    (5, (0, 0.0, -0.30), (0, 0.02, -0.05), 0.050, True),
    (6, (0, 0, 0), (0.088, 0, 0), 0.050, True),
    (7, (0, 0, 0.0), (0, 0, 0.10), 0.040, True),
)


def add_arm(spec: mujoco.MjSpec) -> None:
    """The arm on its pedestal; joints and servos are panda1 .. panda7."""
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_EULER  # quicker for a chain of seven
    base = np.array(panda.BASE)
    quat = [np.cos(panda.BASE_YAW / 2), 0, 0, np.sin(panda.BASE_YAW / 2)]
    body = spec.worldbody.add_body(name="robot", pos=base, quat=quat)
    body.add_geom(
        name="pedestal",
        type=mujoco.mjtGeom.mjGEOM_CYLINDER,
        fromto=[0, 0, -0.3, 0, 0, 0.16],
        size=[0.08, 0, 0],
        rgba=WHITE,
        group=ROBOT_GROUP,
        **NOTHING,
    )
    for i in range(panda.JOINTS):
        alpha = panda.ALPHA[i]
        offset = [panda.A[i], -panda.D[i] * np.sin(alpha), panda.D[i] * np.cos(alpha)]
        turn = [np.cos(alpha / 2), np.sin(alpha / 2), 0, 0]
        body = body.add_body(name=f"panda{i + 1}", pos=offset, quat=turn)
        body.mass = panda.MASS[i]
        body.ipos = panda.CENTRE[i]
        body.fullinertia = panda.INERTIA[i]
        body.explicitinertial = True
        limits = (panda.LOWER[i], panda.UPPER[i])
        name = f"panda{i + 1}"
        add_joint(body, name, mujoco.mjtJoint.mjJNT_HINGE, (0, 0, 1), limits, damping=DAMPING[i])
        servo = add_servo(spec, name, kp=STIFFNESS[i], kv=0, limits=limits)
        servo.forcelimited = mujoco.mjtLimited.mjLIMITED_TRUE
        servo.forcerange = [-panda.TORQUE[i], panda.TORQUE[i]]
        for link, start, end, radius, touches in CAPSULES:
            if link == i + 1:
                body.add_geom(
                    name=f"link{link}",
                    type=mujoco.mjtGeom.mjGEOM_CAPSULE,
                    fromto=[*start, *end],
                    size=[radius, 0, 0],
                    mass=0,
                    rgba=WHITE,
                    **(TOUCHING if touches else {**NOTHING, "group": ROBOT_GROUP}),
                )
    turn = [np.cos(panda.HAND_TURN / 2), 0, 0, np.sin(panda.HAND_TURN / 2)]
    add_hand(spec, body.add_body(name="hand", pos=[0, 0, panda.FLANGE], quat=turn))
