"""The pick scene as an MjSpec; solver settings in `entitybench.envs.parts.scene`."""

from __future__ import annotations

from typing import Any

import mujoco

from entitybench.envs.parts.scene import (
    NOTHING,
    PAINT_GROUP,
    UNSEEN_GROUP,
    add_views,
    new_scene,
)
from entitybench.envs.pick.hand import FIXED, HAND, THING, add_hand

HALF = 0.02  # m, half an edge of a cube
CUBE_MASS = 0.064  # kg: 1 g/cm³
CUBE: dict[str, Any] = {
    "contype": THING,
    "conaffinity": HAND | THING | FIXED,
    "group": PAINT_GROUP,
    "friction": [0.6, 0.005, 0.0001],
    "solref": [0.01, 1],  # stiff, so that fingers do not sink in
}
STATIC: dict[str, Any] = {"contype": FIXED, "conaffinity": THING, "friction": [0.6, 0.005, 0.0001]}


def pick_scene(
    name: str, cubes: int, reach: float, wall: float, height: tuple[float, float], sleep: bool
) -> mujoco.MjSpec:
    """A table with a hand and `cubes` cubes.

    Args:
        name: of the model.
        cubes: how many; bodies and free joints cube<i>.
        reach: m, where the hand's x and y stop.
        wall: m, where cubes are stopped, by walls that the hand passes.
        height: m, between which the grip point is.
        sleep: whether resting bodies sleep.
    """
    spec = new_scene(name, 0.005, sleep=sleep, impratio=10)
    world = spec.worldbody
    plane = mujoco.mjtGeom.mjGEOM_PLANE
    world.add_geom(name="floor", type=plane, size=[1, 1, 0.1], group=UNSEEN_GROUP, **STATIC)
    for side, x, y in (("e", 1, 0), ("w", -1, 0), ("n", 0, 1), ("s", 0, -1)):
        world.add_geom(
            name=f"wall_{side}",
            type=plane,
            pos=[x * wall, y * wall, 0],
            zaxis=[-x, -y, 0],
            size=[1, 1, 0.1],
            group=UNSEEN_GROUP,
            **STATIC,
        )
    # Drawing a plane takes five times as long as a box.
    world.add_geom(
        name="table",
        type=mujoco.mjtGeom.mjGEOM_BOX,
        pos=[0, 0, -0.01],
        size=[wall, wall, 0.01],
        rgba=[0.82, 0.82, 0.80, 1],
        group=PAINT_GROUP,
        **NOTHING,
    )
    world.add_light(
        pos=[0, 0, 3],
        dir=[0, 0, -1],
        type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
        castshadow=False,
        diffuse=[0.3, 0.3, 0.3],
        specular=[0, 0, 0],
    )
    add_views(spec, wall)
    limits = dict.fromkeys("xy", (-reach, reach))
    add_hand(spec, {**limits, "z": height, "yaw": (-2.4, 2.4)})
    for i in range(cubes):
        add_cube(spec, f"cube{i}")
    return spec


def add_cube(spec: mujoco.MjSpec, name: str) -> None:
    """A free cube."""
    body = spec.worldbody.add_body(name=name, pos=[0, 0, HALF])
    body.add_freejoint(name=name)
    body.add_geom(
        name=name,
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=[HALF, HALF, HALF],
        mass=CUBE_MASS,
        rgba=[0.5, 0.5, 0.5, 1],
        **CUBE,
    )
