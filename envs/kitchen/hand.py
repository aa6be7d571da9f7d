"""The two-finger hand that the arm and the gantry both have."""

from __future__ import annotations

from typing import Any

import mujoco

from entitybench.envs.kitchen.elements import (
    FINGER_FROM,
    FINGER_RADIUS,
    FINGER_TIP,
    GRIP,
    HAND_AT,
    HAND_HALF,
    HAND_RADIUS,
    OPEN,
)
from entitybench.envs.parts.scene import ROBOT_GROUP, add_joint, add_servo

ROBOT, ELEMENT, STATIC = 1, 2, 4  # who touches whom: roles of contype and conaffinity
TOUCHING: dict[str, Any] = {"contype": ROBOT, "conaffinity": ELEMENT | STATIC, "group": ROBOT_GROUP}
FINGERS = ("finger_left", "finger_right")


def add_hand(spec: mujoco.MjSpec, body: mujoco.MjsBody) -> None:
    """A palm and two fingers on `body`, pointing along its z; fingers slide along its y.

    The site "grip" is between the fingers. Their servos have the names of their joints, and push
    with at most 70 N (the Panda's hand).
    """
    body.add_geom(
        name="palm",
        type=mujoco.mjtGeom.mjGEOM_CAPSULE,
        fromto=[0, -HAND_HALF, HAND_AT, 0, HAND_HALF, HAND_AT],
        size=[HAND_RADIUS, 0, 0],
        mass=0.73,
        rgba=[0.85, 0.85, 0.86, 1],
        **TOUCHING,
    )
    body.add_site(name="grip", pos=[0, 0, GRIP])
    for name, side in zip(FINGERS, (1, -1), strict=True):
        finger = body.add_body(name=name, pos=[0, side * FINGER_RADIUS, 0])
        finger.add_geom(
            name=name,
            type=mujoco.mjtGeom.mjGEOM_CAPSULE,
            fromto=[0, 0, FINGER_FROM, 0, 0, FINGER_TIP - FINGER_RADIUS],
            size=[FINGER_RADIUS, 0, 0],
            mass=0.05,
            friction=[1.2, 0.005, 0.0001],
            rgba=[0.15, 0.15, 0.17, 1],
            **TOUCHING,
        )
        add_joint(
            finger,
            name,
            mujoco.mjtJoint.mjJNT_SLIDE,
            (0, side, 0),
            (0, OPEN),
            damping=80,
            armature=0.3,
        )
        servo = add_servo(spec, name, kp=3000, kv=0, limits=(0, OPEN))
        servo.forcelimited = mujoco.mjtLimited.mjLIMITED_TRUE
        servo.forcerange = [-70, 70]
