"""The air-hockey table as an MjSpec: rims, goals, mallets, puck, posts.

Sizes, dampings, speeds and the tilt are those of the air-hockey test-bed behind Chuck et al. (ICLR
2025; its public settings). What bounces is a choice of ours, measured in docs/hockey.md.

Bounces. A contact is given a reference acceleration -b v with b = (1 + e) / dt and hardly any
stiffness, so that one physics step turns the approach velocity v into -e v whatever the depth at
which the contact was found: a fast puck bounces as a slow one does, at any phase of its step.
Contacts have no friction (condim 1), since with it such a contact also turns sliding into
separation: a puck left a dead wall the faster, the faster it slid along it. So a disc never starts
to spin, and needs no yaw.
"""

from __future__ import annotations

from dataclasses import dataclass, field
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

HALF_LENGTH, HALF_WIDTH = 1.930 / 2, 0.864 / 2  # m, of the table
MALLET_RADIUS, PUCK_RADIUS = 0.0508, 0.0318  # m
SMALL_MALLET_RADIUS, SMALL_PUCK_RADIUS = 0.0308, 0.0218  # m, between obstacles
BLOCK_HALF_EDGE = 0.105 / 2  # m, of an obstacle
TILT = -0.5  # m/s^2 along x, of a table that leans towards the agent
MALLET_SPEED = 2.0  # m/s, the most that a mallet is told
MALLET_MASS, PUCK_MASS = 0.5, 0.1  # kg
MALLET_GAIN = 50.0  # N s/m, of the velocity servos: a time constant of 10 ms
MALLET_DAMPING, PUCK_DAMPING = 3.0, 0.5  # 1/s, of the speeds: forces by a kg
RIM_BOUNCE, MALLET_BOUNCE = 0.8, 0.5  # coefficients of restitution
MOUTH = 0.25  # m, width of a goal
NET = 0.15  # m, depth behind a goal line, and of the tray behind an open end

HEIGHT = 0.02  # m, of the centres of all that moves
_HARD = 0.999  # impedance of a contact
_RECOVERY = 200.0  # 1/s^2, stiffness by which things that overlap drift apart
_STUCK = 1e6  # N s/m, damping that holds an obstacle in its place

# Who touches whom: contype bits are a role, conaffinity the roles it touches.
PUCK, MALLET, RIM, BLOCK = 1, 2, 4, 8
_TOUCHED = {
    PUCK: PUCK | MALLET | RIM | BLOCK,
    MALLET: PUCK | MALLET | BLOCK,
    RIM: PUCK,
    BLOCK: PUCK | MALLET,
}

MALLET_COLORS = (
    (0.85, 0.10, 0.10),
    (0.10, 0.30, 0.95),
    (0.10, 0.60, 0.15),
    (0.95, 0.60, 0.05),
    (0.60, 0.10, 0.75),
    (0.05, 0.70, 0.75),
    (0.95, 0.40, 0.70),
    (0.45, 0.28, 0.10),
)
OPPONENT_COLOR = (0.10, 0.10, 0.12)
PUCK_COLOR = (0.95, 0.85, 0.05)
BLOCK_COLOR = (0.35, 0.35, 0.40)


@dataclass(frozen=True)
class Mallet:
    """One mallet: its name, where its centre may go (m), and how it looks."""

    name: str
    x: tuple[float, float]
    y: tuple[float, float]
    color: tuple[float, float, float] = MALLET_COLORS[0]


@dataclass(frozen=True)
class Layout:
    """What stands on a table. Lengths in m."""

    name: str
    mallets: tuple[Mallet, ...]
    half_length: float = HALF_LENGTH
    half_width: float = HALF_WIDTH
    mallet_radius: float = MALLET_RADIUS
    puck_radius: float = PUCK_RADIUS
    mouth: float = 0.0  # width of the goals; 0: closed ends
    tray: bool = False  # whether the agent's end is open, with a tray behind it
    tilt: float = 0.0  # m/s^2 along x
    blocks: int = 0
    spots: tuple[tuple[float, float, float], ...] = field(default=())  # colours of painted spots
    view: float = HALF_LENGTH + NET  # half the edge of what cameras see
    dt: float = 0.005  # s
    sleep: bool = False


def bounce(restitution: float, dt: float, *, recovery: float = _RECOVERY) -> dict[str, Any]:
    """Contact parameters of a geom with a coefficient of restitution.

    Of two geoms that touch, MuJoCo takes the smaller, that is here the stronger, of each number.
    """
    return {
        "solref": [-recovery * _HARD**2, -(1 + restitution) / dt * _HARD],
        "solimp": [_HARD, _HARD, 0.001, 0.5, 2],
        "condim": 1,
    }


def hockey_scene(layout: Layout) -> mujoco.MjSpec:
    """The scene of a layout.

    Joints are named `<mallet>_x`, `<mallet>_y`, puck_x, puck_y, block<i>_x, block<i>_y;
    bodies as the mallets, puck and block<i>.
    """
    tilted = layout.tilt != 0
    spec = new_scene(layout.name, layout.dt, sleep=layout.sleep, gravity=tilted)
    if tilted:
        spec.option.gravity = [layout.tilt, 0, 0]
    add_views(spec, layout.view)
    _add_rims(spec, layout)
    _add_looks(spec, layout)
    for mallet in layout.mallets:
        _add_mallet(spec, layout, mallet)
    _add_puck(spec, layout)
    for index in range(layout.blocks):
        _add_block(spec, layout, index)
    return spec


def _role(role: int) -> dict[str, Any]:
    return {"contype": role, "conaffinity": _TOUCHED[role]}


def _add_rims(spec: mujoco.MjSpec, layout: Layout) -> None:
    """What the puck bounces off. Planes and thick boxes: nothing fast gets behind them."""
    world, length, width = spec.worldbody, layout.half_length, layout.half_width
    rim = {**_role(RIM), "group": UNSEEN_GROUP}
    springy = {**rim, **bounce(RIM_BOUNCE, layout.dt)}
    # No recovery: what lies in a net or tray stays there.
    dead = {**rim, **bounce(0.0, layout.dt, recovery=0.0)}

    def plane(name: str, x: float, y: float, normal: tuple[float, float], kind: Any) -> None:
        world.add_geom(
            name=name,
            type=mujoco.mjtGeom.mjGEOM_PLANE,
            pos=[x, y, 0],
            zaxis=[*normal, 0],
            size=[1, 1, 1],
            **kind,
        )

    plane("side_n", 0, width, (0, -1), springy)
    plane("side_s", 0, -width, (0, 1), springy)
    for name, side in (("far", 1), ("near", -1)):
        open_end = layout.tray and side < 0
        if open_end or layout.mouth:
            plane(f"net_{name}", side * (length + NET), 0, (-side, 0), dead)
        elif not open_end:
            plane(f"end_{name}", side * length, 0, (-side, 0), springy)
        if layout.mouth and not open_end:
            # The parts of the end beside the goal; their inner edges are the posts.
            half = (width - layout.mouth / 2 + 0.3) / 2
            for suffix, up in (("n", 1), ("s", -1)):
                world.add_geom(
                    name=f"end_{name}_{suffix}",
                    type=mujoco.mjtGeom.mjGEOM_BOX,
                    pos=[side * (length + 0.15), up * (layout.mouth / 2 + half), HEIGHT],
                    size=[0.15, half, 0.1],
                    **springy,
                )


def _add_looks(spec: mujoco.MjSpec, layout: Layout) -> None:
    """The table top, its rims and lines, and painted spots: seen, never touched."""
    world, length, width = spec.worldbody, layout.half_length, layout.half_width
    paint = {**NOTHING, "group": PAINT_GROUP}

    def box(name: str, pos: list[float], size: list[float], rgba: list[float]) -> None:
        world.add_geom(
            name=name, type=mujoco.mjtGeom.mjGEOM_BOX, pos=pos, size=size, rgba=rgba, **paint
        )

    box("table", [0, 0, -0.01], [length, width, 0.01], [0.86, 0.90, 0.93, 1])
    wood = [0.45, 0.38, 0.32, 1]
    thick = min(0.02, max(layout.view - length, 0.004) / 2)
    for name, up in (("n", 1.0), ("s", -1.0)):
        box(f"rim_{name}", [0, up * (width + thick), 0.01], [length, thick, 0.015], wood)
    for name, side in (("far", 1), ("near", -1)):
        x = side * (length + thick)
        if layout.tray and side < 0:
            box("tray", [-length - NET / 2, 0, -0.012], [NET / 2, width, 0.01], [0.6, 0.6, 0.6, 1])
        elif layout.mouth:
            half = (width - layout.mouth / 2) / 2
            for suffix, up in (("n", 1.0), ("s", -1.0)):
                y = up * (layout.mouth / 2 + half)
                box(f"rim_{name}_{suffix}", [x, y, 0.01], [thick, half, 0.015], wood)
            box(
                f"goal_{name}",
                [side * (length + NET / 2), 0, -0.012],
                [NET / 2, layout.mouth / 2, 0.01],
                [0.35, 0.75, 0.4, 1] if side > 0 else [0.85, 0.45, 0.4, 1],
            )
        else:
            box(f"rim_{name}", [x, 0, 0.01], [thick, width, 0.015], wood)
    box("line", [0, 0, 0.0003], [0.004, width, 0.0003], [0.8, 0.5, 0.5, 1])
    for index, color in enumerate(layout.spots):
        # Drawn where `paint` puts it.
        box(f"spot{index}", [0.01, 0.01, 0.001], [0.028, 0.028, 0.0005], [*color, 0.45])


def _add_mallet(spec: mujoco.MjSpec, layout: Layout, mallet: Mallet) -> None:
    radius = layout.mallet_radius
    body = spec.worldbody.add_body(name=mallet.name, pos=[0, 0, HEIGHT])
    # The table's tilt is the puck's affair: a hand holds the mallet.
    body.gravcomp = 1 if layout.tilt else 0
    # In the plane spheres at one height touch exactly as upright discs do, and cost less.
    body.add_geom(
        name=mallet.name,
        type=mujoco.mjtGeom.mjGEOM_SPHERE,
        size=[radius, 0, 0],
        mass=MALLET_MASS,
        group=UNSEEN_GROUP,
        **_role(MALLET),
        **bounce(MALLET_BOUNCE, layout.dt),
    )
    for name, size, pos, shade in (
        ("seen", [radius, 0.012, 0], 0.0, 1.0),
        ("knob", [0.45 * radius, 0.012, 0], 0.024, 0.75),
    ):
        body.add_geom(
            name=f"{mallet.name}_{name}",
            type=mujoco.mjtGeom.mjGEOM_CYLINDER,
            size=size,
            pos=[0, 0, pos],
            mass=0,
            rgba=[*(shade * part for part in mallet.color), 1],
            group=ROBOT_GROUP,
            **NOTHING,
        )
    for axis, vector, limits in (("x", [1, 0, 0], mallet.x), ("y", [0, 1, 0], mallet.y)):
        name = f"{mallet.name}_{axis}"
        joint = add_joint(
            body,
            name,
            mujoco.mjtJoint.mjJNT_SLIDE,
            vector,
            limits,
            damping=MALLET_DAMPING * MALLET_MASS,
        )
        stop = bounce(0.0, layout.dt)
        joint.solref_limit = stop["solref"]
        joint.solimp_limit = stop["solimp"]
        servo = spec.add_actuator(name=name, target=name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
        # The servo also overcomes the damping, so that the mallet moves as fast as told.
        servo.set_to_velocity(kv=MALLET_GAIN)
        servo.gainprm[0] = MALLET_GAIN + MALLET_DAMPING * MALLET_MASS


def _add_puck(spec: mujoco.MjSpec, layout: Layout) -> None:
    radius = layout.puck_radius
    body = spec.worldbody.add_body(name="puck", pos=[0, 0, HEIGHT])
    body.add_geom(
        name="puck",
        type=mujoco.mjtGeom.mjGEOM_SPHERE,
        size=[radius, 0, 0],
        mass=PUCK_MASS,
        group=UNSEEN_GROUP,
        **_role(PUCK),
        **bounce(-1.0, layout.dt, recovery=0.0),  # what it touches decides
    )
    body.add_geom(
        name="puck_seen",
        type=mujoco.mjtGeom.mjGEOM_CYLINDER,
        size=[radius, 0.006, 0],
        pos=[0, 0, -0.01],
        mass=0,
        rgba=[*PUCK_COLOR, 1],
        group=PAINT_GROUP,
        **NOTHING,
    )
    for axis, vector in (("x", [1, 0, 0]), ("y", [0, 1, 0])):
        add_joint(
            body,
            f"puck_{axis}",
            mujoco.mjtJoint.mjJNT_SLIDE,
            vector,
            damping=PUCK_DAMPING * PUCK_MASS,
        )


def _add_block(spec: mujoco.MjSpec, layout: Layout, index: int) -> None:
    """An obstacle: two slides so heavy and damped that only a start state moves them."""
    name = f"block{index}"
    body = spec.worldbody.add_body(name=name, pos=[0, 0, HEIGHT])
    body.add_geom(
        name=name,
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=[BLOCK_HALF_EDGE, BLOCK_HALF_EDGE, 0.03],
        mass=1000,
        rgba=[*BLOCK_COLOR, 1],
        group=PAINT_GROUP,
        **_role(BLOCK),
        **bounce(RIM_BOUNCE, layout.dt),
    )
    for axis, vector in (("x", [1, 0, 0]), ("y", [0, 1, 0])):
        add_joint(body, f"{name}_{axis}", mujoco.mjtJoint.mjJNT_SLIDE, vector, damping=_STUCK)
