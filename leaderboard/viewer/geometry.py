"""The geometry file of a task, and what an episode shows otherwise than it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mujoco
import numpy as np

from entitybench.datasets.pages.moments import people_view
from entitybench.leaderboard.viewer.coding import packed
from entitybench.leaderboard.viewer.meshes import quantised
from entitybench.leaderboard.viewer.numbers import rounded

if TYPE_CHECKING:
    from entitybench.envs.core.world import World
    from entitybench.leaderboard.viewer.scene import Look, Scene
    from entitybench.types import Array


def geometry(scene: Scene) -> bytes:
    """The geometry file of a task: what is drawn, in which frame, and from where."""
    meshes, which = scene.meshes()
    arrays, boxes = {}, []
    for k, mesh in enumerate(meshes):
        box, arrays[f"corners{k}"], arrays[f"faces{k}"] = quantised(mesh)
        boxes.append(rounded(box.ravel()))
    look, drawn = scene.base, []
    for k, kind in enumerate(scene.types):
        about = {"type": kind, "frame": scene.frame_of[k], **described(look, k)}
        drawn.append(about if which[k] is None else {**about, "mesh": which[k]})
    world = scene.world
    header = {
        "task": scene.task.id,
        "step": world.control_dt,
        "frames": [scene.world.model.body(body).name for body in scene.frames],
        "drawn": drawn,
        "meshes": boxes,
        "cameras": scene.cameras(),
        "view": "side" if "side" in world.camera_names else people_view(world),
        "grid": world.grid,
        "trails": scene.trails(),
    }
    return packed(header, arrays)


def described(look: Look, index: int) -> dict[str, list[float]]:
    """One thing that is drawn, as data files have it."""
    parts = {"size": look.size, "rgba": look.rgba, "pos": look.pos, "quat": look.quat}
    return {name: rounded(values[index]) for name, values in parts.items()}


def changed(look: Look, base: Look) -> list[list[Any]]:
    """What an episode shows otherwise than the geometry file: [index, what differs]."""
    found: list[list[Any]] = []
    for k in range(len(base.size)):
        mine, usual = described(look, k), described(base, k)
        if mine != usual:
            found.append([k, {name: x for name, x in mine.items() if x != usual[name]}])
    return found


def marked(world: World, goal: Array) -> list[list[list[float]]]:
    """The boxes that mark a goal (N, D): position, half sizes, colour, quaternion of each."""
    if not hasattr(world, "achieved"):
        return []
    found = []
    for position, size, rgba, *frame in world.marks(goal):
        quat = np.array([1.0, 0, 0, 0])
        if frame:
            mujoco.mju_mat2Quat(quat, np.asarray(frame[0], np.float64).ravel())
        found.append([rounded(each) for each in (position, size, rgba, quat)])
    return found
