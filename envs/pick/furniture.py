"""What the scene world has beside hand and cube: a drawer, a window, two buttons that lock them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mujoco

from entitybench.envs.parts.scene import NOTHING, PAINT_GROUP, add_joint, add_servo
from entitybench.envs.pick.hand import HAND, THING
from entitybench.envs.pick.scene import HALF

if TYPE_CHECKING:
    from collections.abc import Sequence

PART = 8  # role of what is no cube and does not touch the floor
PARTS: dict[str, Any] = {
    "contype": PART,
    "conaffinity": HAND | THING,
    "group": PAINT_GROUP,
    "friction": [0.6, 0.005, 0.0001],
}
SEEN: dict[str, Any] = {**NOTHING, "group": PAINT_GROUP}
# m. Places of handles when closed, and how far they go.
DRAWER, DRAWER_WAY = (-0.17, 0.145, 0.03), 0.14  # towards -y
WINDOW, WINDOW_WAY = (0.05, 0.215, 0.05), 0.16  # towards +x
TRAY = 0.095  # from the drawer's handle back to the middle of its tray
TRAY_FLOOR = 0.004
BUTTONS = ((0.06, 0.07), (0.19, 0.07))
BUTTON_TOP = 0.034  # height
PRESS = 0.012  # how far a button goes
PRESSED, LET_GO = 0.006, 0.003  # how far down it counts as pressed, and as let go again
HANDLE = 0.004  # half the thickness of a handle
STUCK = 1e6  # N s/m, of a lock
DRAWER_COLOR, WINDOW_COLOR = (0.30, 0.50, 0.75), (0.85, 0.65, 0.20)


def add_furniture(spec: mujoco.MjSpec) -> None:
    """Bodies drawer, window, button0, button1, and joints of the same names.

    The actuators drawer_lock and window_lock hold their joints fast at a control of 1, and flag0
    and flag1 show that: red plates that come out from under the buttons.
    """
    _add_drawer(spec)
    _add_window(spec)
    for i, (target, color) in enumerate((("drawer", DRAWER_COLOR), ("window", WINDOW_COLOR))):
        _add_button(spec, i, color)
        lock = spec.add_actuator(
            name=f"{target}_lock", target=target, trntype=mujoco.mjtTrn.mjTRN_JOINT
        )
        # A force of -STUCK times control times velocity.
        lock.gaintype = mujoco.mjtGain.mjGAIN_AFFINE
        lock.gainprm[:3] = [0, 0, -STUCK]
        add_servo(spec, f"flag{i}", kp=50, kv=3, limits=(0, 0.04))


def _box(
    body: mujoco.MjsBody,
    pos: Sequence[float],
    size: Sequence[float],
    rgb: Any,
    how: Any,
    mass: float,
) -> None:
    body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_BOX,
        pos=list(pos),
        size=list(size),
        rgba=[*rgb, 1],
        mass=mass,
        **how,
    )


def _add_drawer(spec: mujoco.MjSpec) -> None:
    x, y, z = DRAWER
    dark = tuple(0.6 * c for c in DRAWER_COLOR)
    world = spec.worldbody
    # The cabinet's top; below it the drawer goes.
    _box(world, (x, y + TRAY, 0.064), (0.075, 0.052, 0.006), dark, PARTS, 0)
    for side in (-1, 1):
        _box(world, (x + 0.070 * side, y + TRAY, 0.029), (0.005, 0.052, 0.029), dark, PARTS, 0)
    drawer = world.add_body(name="drawer", pos=[x, y, 0], gravcomp=1)
    slide = mujoco.mjtJoint.mjJNT_SLIDE
    add_joint(drawer, "drawer", slide, (0, -1, 0), (0, DRAWER_WAY), damping=5)
    color = DRAWER_COLOR
    _box(drawer, (0, 0, z), (0.022, HANDLE, 0.015), (0.2, 0.2, 0.22), PARTS, 0.1)
    for side in (-1, 1):  # stays of the handle
        _box(drawer, (0.018 * side, 0.02, z), (0.003, 0.02, 0.004), (0.2, 0.2, 0.22), SEEN, 0)
    _box(drawer, (0, TRAY, TRAY_FLOOR / 2), (0.06, 0.055, TRAY_FLOOR / 2), color, PARTS, 0.1)
    for side in (-1, 1):
        _box(drawer, (0, TRAY + 0.052 * side, 0.024), (0.06, 0.003, 0.022), color, PARTS, 0.05)
        _box(drawer, (0.058 * side, TRAY, 0.024), (0.002, 0.052, 0.022), color, PARTS, 0.05)


def _add_window(spec: mujoco.MjSpec) -> None:
    x, y, z = WINDOW
    dark = tuple(0.6 * c for c in WINDOW_COLOR)
    world = spec.worldbody
    middle = x + WINDOW_WAY / 2
    for height in (0.004, 0.106):
        _box(world, (middle, y + 0.045, height), (0.14, 0.008, 0.004), dark, SEEN, 0)
    window = world.add_body(name="window", pos=[x, y, 0], gravcomp=1)
    slide = mujoco.mjtJoint.mjJNT_SLIDE
    add_joint(window, "window", slide, (1, 0, 0), (0, WINDOW_WAY), damping=5)
    _box(window, (0, 0.045, 0.055), (0.06, 0.004, 0.047), WINDOW_COLOR, PARTS, 0.2)
    _box(window, (0, 0, z), (HANDLE, 0.018, 0.018), (0.2, 0.2, 0.22), PARTS, 0.1)
    _box(window, (0, 0.03, z), (0.003, 0.013, 0.004), (0.2, 0.2, 0.22), SEEN, 0)


def _add_button(spec: mujoco.MjSpec, index: int, color: Any) -> None:
    x, y = BUTTONS[index]
    world, name, slide = spec.worldbody, f"button{index}", mujoco.mjtJoint.mjJNT_SLIDE
    _box(world, (x, y, 0.007), (0.025, 0.025, 0.007), (0.4, 0.4, 0.42), SEEN, 0)
    button = world.add_body(name=name, pos=[x, y, BUTTON_TOP - 0.01], gravcomp=1)
    _box(button, (0, 0, 0), (0.018, 0.018, 0.01), color, PARTS, 0.05)
    add_joint(button, name, slide, (0, 0, 1), (-PRESS, 0), stiffness=150, damping=3)
    flag = world.add_body(name=f"flag{index}", pos=[x, y, 0.003], gravcomp=1)
    _box(flag, (0, 0, 0), (0.015, 0.020, 0.002), (0.9, 0.1, 0.1), SEEN, 0.05)
    add_joint(flag, f"flag{index}", slide, (1, 0, 0), (0, 0.04))


def tray_middle(opened: float) -> tuple[float, float, float]:
    """Where a cube in the middle of the tray is, when the drawer is open by so much (m)."""
    return DRAWER[0], DRAWER[1] + TRAY - opened, TRAY_FLOOR + HALF
