"""The kitchen as an MjSpec; solver settings in `entitybench.envs.parts.scene`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mujoco
import numpy as np

from entitybench.envs.kitchen import elements as k
from entitybench.envs.kitchen.hand import ELEMENT, ROBOT, STATIC, add_hand
from entitybench.envs.parts.gantry import add_gantry
from entitybench.envs.parts.scene import NOTHING, PAINT_GROUP, add_joint, new_scene

if TYPE_CHECKING:
    from collections.abc import Sequence

BOX, CAPSULE, SPHERE, CYLINDER = (
    mujoco.mjtGeom.mjGEOM_BOX,
    mujoco.mjtGeom.mjGEOM_CAPSULE,
    mujoco.mjtGeom.mjGEOM_SPHERE,
    mujoco.mjtGeom.mjGEOM_CYLINDER,
)
SLIDE, HINGE = mujoco.mjtJoint.mjJNT_SLIDE, mujoco.mjtJoint.mjJNT_HINGE
SEEN: dict[str, Any] = {**NOTHING, "group": PAINT_GROUP}
FIXED: dict[str, Any] = {"contype": STATIC, "conaffinity": ROBOT, "group": PAINT_GROUP}
MOVED: dict[str, Any] = {"contype": ELEMENT, "conaffinity": ROBOT, "group": PAINT_GROUP}
# Slippery ones decide for themselves (priority): else the larger friction of two counts.
SLIPPERY: dict[str, Any] = {"friction": [0.25, 0.005, 0.0001], "priority": 1}
GRIPPY = [1.2, 0.005, 0.0001]
# What the gantry reaches; the hand points along +y.
LIMITS = {"x": (-1.0, 0.7), "y": (-0.3, 0.6), "z": (0.05, 1.2), "yaw": (-1.6, 1.6)}
METAL, WHITE, DARK = [0.6, 0.62, 0.65, 1], [0.88, 0.88, 0.86, 1], [0.25, 0.26, 0.28, 1]
COLORS = {
    "microwave": [0.25, 0.35, 0.75, 1],
    "kettle": [0.80, 0.20, 0.15, 1],
    "bottom-left-burner": [0.95, 0.60, 0.10, 1],
    "bottom-right-burner": [0.85, 0.80, 0.15, 1],
    "top-left-burner": [0.60, 0.30, 0.75, 1],
    "top-right-burner": [0.90, 0.45, 0.65, 1],
    "light-switch": [0.15, 0.65, 0.60, 1],
    "slide-cabinet": [0.30, 0.60, 0.25, 1],
    "hinge-cabinet": [0.60, 0.40, 0.22, 1],
}
PLACES = {element.name: element.place for element in k.ELEMENTS}


def kitchen_scene(robot: str, dt: float, sleep: bool) -> mujoco.MjSpec:
    """The kitchen with a robot, "arm" or "gripper".

    Bodies have the entities' names, joints those in `elements`, and sites "<name>" are what the
    entities' positions are. The robot's body is "robot", between its fingers is the site "grip".
    """
    # Things move level or turn about the vertical, knobs are balanced, robots carry their weight.
    spec = new_scene(f"kitchen-{robot}", dt, sleep=sleep, gravity=False, impratio=10)
    _add_room(spec)
    if robot == "arm":
        from entitybench.envs.kitchen.arm import add_arm

        add_arm(spec)
    else:
        # Its z, where the hand points, is the gantry's y; its y, along which fingers slide, is -x.
        quat = np.zeros(4)
        mujoco.mju_mat2Quat(quat, np.array([0.0, -1, 0, 0, 0, 1, -1, 0, 0]))
        add_hand(spec, add_gantry(spec, "robot", LIMITS, quat=quat.tolist()))
    _add_microwave(spec)
    _add_kettle(spec)
    for element in k.ELEMENTS:
        if element.name.endswith("burner"):
            _add_knob(spec, element.name)
    _add_switch(spec)
    _add_slide(spec)
    _add_hinges(spec)
    return spec


def _add_room(spec: mujoco.MjSpec) -> None:
    """What never moves, and cameras. Hands touch the stove, the panel and the cabinets' fronts."""
    world = spec.worldbody

    def box(name: str, low: Sequence[float], high: Sequence[float], rgba: Any, touch: Any) -> None:
        low_, high_ = np.array(low), np.array(high)
        world.add_geom(
            name=name, type=BOX, pos=(low_ + high_) / 2, size=(high_ - low_) / 2, rgba=rgba, **touch
        )

    box("counter", (-1.3, 0.12, -0.06), (0.7, 1.0, 0.0), WHITE, FIXED)
    box("panel", (-0.52, 0.70, 0.40), (0.02, 0.98, 0.74), METAL, FIXED)
    box("cabinets", (-1.0, 0.72, 0.78), (0.7, 0.98, 1.02), [0.75, 0.68, 0.58, 1], FIXED)
    box("wall", (-1.3, 0.99, -0.06), (0.7, 1.01, 1.10), [0.93, 0.92, 0.88, 1], SEEN)
    for element in k.ELEMENTS:
        if element.name.endswith("burner"):
            x = -0.23 if "left" in element.name else 0.22
            y = 0.35 if "bottom" in element.name else 0.75
            world.add_geom(
                name=f"{element.name}_plate",
                type=CYLINDER,
                pos=[x, y, 0.001],
                size=[0.1, 0.001, 0],
                rgba=DARK,
                **SEEN,
            )
    world.add_geom(
        name="lamp",
        type=BOX,
        pos=[-0.25, 0.66, 0.755],
        size=[0.2, 0.04, 0.006],
        rgba=[1, 0.95, 0.6, 1],
        **SEEN,
    )
    _add_camera(spec, "top", (-0.28, -0.70, 1.85), (-0.28, 0.60, 0.38), 54)
    _add_camera(spec, "side", (1.05, -0.95, 1.15), (-0.30, 0.48, 0.42), 52)
    _add_camera(spec, "front", (-0.25, -1.6, 0.75), (-0.25, 0.6, 0.48), 42)


def _add_camera(
    spec: mujoco.MjSpec, name: str, pos: Sequence[float], at: Sequence[float], fovy: float
) -> None:
    back = np.array(pos) - np.array(at)
    right = np.cross([0, 0, 1], back)
    up = np.cross(back, right)
    axes = [*(right / np.linalg.norm(right)), *(up / np.linalg.norm(up))]
    spec.worldbody.add_camera(name=name, pos=list(pos), xyaxes=axes, fovy=fovy)


def _add_door(
    parent: mujoco.MjsBody,
    joint: str,
    *,
    width: float,
    bar: float,
    half: float,
    limits: Sequence[float],
    site: str | None,
    rgba: Any,
) -> None:
    """A door with an upright bar; its hinge is where `parent` is. A negative width goes to -x."""
    door = parent.add_body(name=f"{joint}_door")
    side = float(np.sign(width))
    door.add_geom(
        name=f"{joint}_door",
        type=BOX,
        pos=[width / 2, 0, 0],
        size=[abs(width) / 2, 0.008, half],
        mass=0.3,
        rgba=rgba,
        **MOVED,
    )
    door.add_geom(
        name=f"{joint}_bar",
        type=CAPSULE,
        fromto=[bar, -k.OFF, -k.BAR_HALF, bar, -k.OFF, k.BAR_HALF],
        size=[k.BAR_RADIUS, 0, 0],
        mass=0.04,
        friction=GRIPPY,
        rgba=DARK,
        **MOVED,
    )
    for end in (-1, 1):
        z = end * k.BAR_HALF
        door.add_geom(
            type=CAPSULE,
            fromto=[bar, -k.OFF, z, bar - 0.01 * side, 0, z],
            size=[0.006, 0, 0],
            mass=0,
            rgba=DARK,
            **SEEN,
        )
    add_joint(door, joint, HINGE, (0, 0, 1), limits, damping=2, armature=0.01)
    if site is not None:
        door.add_site(name=site, pos=[bar, -k.OFF, 0])


def _add_microwave(spec: mujoco.MjSpec) -> None:
    body = spec.worldbody.add_body(name="microwave", pos=PLACES["microwave"])
    rgba = COLORS["microwave"]
    body.add_geom(
        name="microwave_box",
        type=BOX,
        pos=[0.25, 0.21, -0.01],
        size=[0.25, 0.18, 0.15],
        rgba=[*(0.6 * np.array(rgba[:3])), 1],
        **FIXED,
    )
    _add_door(
        body,
        "microwave",
        width=k.MICROWAVE_DOOR,
        bar=k.MICROWAVE_BAR,
        half=0.14,
        limits=k.DOOR,
        site="microwave",
        rgba=rgba,
    )


def _add_kettle(spec: mujoco.MjSpec) -> None:
    body = spec.worldbody.add_body(name="kettle", pos=PLACES["kettle"])
    rgba = COLORS["kettle"]
    # A sphere at half height is what the hand touches, a pot with a handle what one sees.
    body.add_geom(
        name="kettle",
        type=SPHERE,
        size=[k.KETTLE_RADIUS, 0, 0],
        mass=0.88,
        rgba=rgba,
        **SLIPPERY,
        **MOVED,
    )
    body.add_geom(
        name="kettle_foot",
        type=CYLINDER,
        pos=[0, 0, -0.06],
        size=[0.075, 0.04, 0],
        mass=0,
        rgba=rgba,
        **SEEN,
    )
    body.add_geom(
        name="kettle_spout",
        type=CAPSULE,
        fromto=[0, 0.06, 0, 0, 0.13, 0.05],
        size=[0.012, 0, 0],
        mass=0,
        rgba=rgba,
        **SEEN,
    )
    body.add_geom(
        name="kettle_handle",
        type=CAPSULE,
        fromto=[0, -0.06, 0.12, 0, 0.06, 0.12],
        size=[0.01, 0, 0],
        mass=0,
        rgba=DARK,
        **SEEN,
    )
    body.add_site(name="kettle")
    friction = {"damping": 40}
    add_joint(body, "kettle_x", SLIDE, (1, 0, 0), (-0.55, 0.6), **friction)
    add_joint(body, "kettle_y", SLIDE, (0, 1, 0), (0.2, 0.85), **friction)
    add_joint(
        body,
        "kettle_yaw",
        HINGE,
        (0, 0, 1),
        (-k.KETTLE_YAW, k.KETTLE_YAW),
        damping=0.2,
    )


def _add_knob(spec: mujoco.MjSpec, name: str) -> None:
    body = spec.worldbody.add_body(name=name, pos=PLACES[name])
    rgba = COLORS[name]
    body.add_geom(
        name=f"{name}_disc",
        type=CYLINDER,
        fromto=[0, 0, 0, 0, -0.03, 0],
        size=[0.025, 0, 0],
        mass=0.02,
        rgba=DARK,
        **SEEN,
    )
    body.add_geom(
        name=name,
        type=CAPSULE,
        fromto=[0, -k.LEVER_OUT, 0, 0, -k.LEVER_OUT, k.LEVER - 0.009],
        size=[k.LEVER_RADIUS, 0, 0],
        mass=0.02,
        rgba=rgba,
        **SLIPPERY,
        **MOVED,
    )
    body.add_site(name=name, pos=[0, -k.LEVER_OUT, 0.04])
    add_joint(body, name, HINGE, (0, -1, 0), k.KNOB, damping=0.15, armature=0.001)


def _add_switch(spec: mujoco.MjSpec) -> None:
    body = spec.worldbody.add_body(name="light-switch", pos=PLACES["light-switch"])
    tip = k.SWITCH * np.array([np.sin(k.SWITCH_LEAN), -np.cos(k.SWITCH_LEAN)])
    body.add_geom(
        name="light-switch",
        type=CAPSULE,
        fromto=[0, 0, 0, *tip, 0],
        size=[k.SWITCH_RADIUS, 0, 0],
        mass=0.1,
        rgba=COLORS["light-switch"],
        **SLIPPERY,
        **MOVED,
    )
    body.add_site(name="light-switch", pos=[*(0.75 * tip), 0])
    add_joint(
        body,
        "light-switch",
        HINGE,
        (0, 0, 1),
        (-0.7, 0),
        damping=0.15,
        armature=0.001,
    )


def _add_slide(spec: mujoco.MjSpec) -> None:
    body = spec.worldbody.add_body(name="slide-cabinet", pos=PLACES["slide-cabinet"])
    body.add_geom(
        name="slide-cabinet_door",
        type=BOX,
        pos=[-0.05, 0.0, 0],
        size=[0.11, 0.008, 0.11],
        mass=0.3,
        rgba=COLORS["slide-cabinet"],
        **MOVED,
    )
    body.add_geom(
        name="slide-cabinet_bar",
        type=CAPSULE,
        fromto=[0, -k.OFF, -k.BAR_HALF, 0, -k.OFF, k.BAR_HALF],
        size=[k.BAR_RADIUS, 0, 0],
        mass=0.04,
        friction=GRIPPY,
        rgba=DARK,
        **MOVED,
    )
    body.add_site(name="slide-cabinet", pos=[0, -k.OFF, 0])
    add_joint(body, "slide-cabinet", SLIDE, (1, 0, 0), (0, 0.44), damping=20, armature=0.01)


def _add_hinges(spec: mujoco.MjSpec) -> None:
    body = spec.worldbody.add_body(name="hinge-cabinet", pos=PLACES["hinge-cabinet"])
    door: dict[str, Any] = {"half": 0.11, "rgba": COLORS["hinge-cabinet"]}
    left = body.add_body(
        name="hinge-cabinet_left", pos=[k.LEFT_HINGE - PLACES["hinge-cabinet"][0], 0, 0]
    )
    _add_door(
        left,
        "hinge-cabinet_left",
        width=k.CABINET_DOOR,
        bar=k.CABINET_BAR,
        limits=(-1.57, 0),
        site=None,
        **door,
    )
    _add_door(
        body,
        "hinge-cabinet_right",
        width=-k.CABINET_DOOR,
        bar=-k.CABINET_BAR,
        limits=(0, 1.57),
        site="hinge-cabinet",
        **door,
    )
