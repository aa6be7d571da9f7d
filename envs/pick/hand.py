"""The hand of the pick worlds: a palm and two parallel fingers on a gantry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mujoco

from entitybench.envs.parts.gantry import add_gantry
from entitybench.envs.parts.scene import ROBOT_GROUP, add_joint, add_servo

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Who touches whom: contype bits are a role, conaffinity the roles it touches.
HAND, THING, FIXED = 1, 2, 4
TIP = 0.012  # m, from the grip point down to the fingers' tips
THICK = 0.004  # m, half the thickness of a finger
WIDE = 0.008  # m, half the width of a finger
PALM = 0.055  # m, from the grip point up to the palm
OPEN = 0.04  # m, how far each finger goes from the middle
HAND_MASS = 1.0  # kg
JOINTS = ("hand_x", "hand_y", "hand_z", "hand_yaw", "finger_left", "finger_right")
TOUCHING: dict[str, Any] = {"contype": HAND, "conaffinity": THING, "group": ROBOT_GROUP}


def add_hand(spec: mujoco.MjSpec, limits: Mapping[str, Sequence[float]]) -> None:
    """The body "hand" on joints hand_x, hand_y, hand_z, hand_yaw, with fingers along its y.

    The grip point is the body's origin, so that the joints' values are its place. Servos have the
    names of their joints.
    """
    # Fast and critically damped: a step of the target is made by two thirds in 50 ms.
    hand = add_gantry(spec, "hand", limits, kp=3000, kv=115, turn_kp=12, turn_kv=0.5)
    hand.add_geom(
        name="palm",
        type=mujoco.mjtGeom.mjGEOM_BOX,
        pos=[0, 0, PALM + 0.015],
        size=[0.02, 0.045, 0.015],
        mass=HAND_MASS,
        rgba=[0.75, 0.76, 0.78, 1],
        **TOUCHING,
    )
    for name, side in (("finger_left", 1), ("finger_right", -1)):
        finger = hand.add_body(name=name, gravcomp=1)
        finger.add_geom(
            name=name,
            type=mujoco.mjtGeom.mjGEOM_BOX,
            pos=[0, side * THICK, (PALM - TIP) / 2],
            size=[WIDE, THICK, (PALM + TIP) / 2],
            mass=0.05,
            friction=[1.5, 0.005, 0.0001],
            rgba=[0.15, 0.15, 0.17, 1],
            **TOUCHING,
        )
        slide = mujoco.mjtJoint.mjJNT_SLIDE
        add_joint(finger, name, slide, (0, side, 0), (0, OPEN), armature=0.1)
        add_servo(spec, name, kp=700, kv=25, limits=(0, OPEN))
