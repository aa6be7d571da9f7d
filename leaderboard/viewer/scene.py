"""A task's scene as the viewer shows it: what is drawn, in which body, and where bodies are.

As `envs/drawing/render.py` draws it: the same geoms and sites, colours and sizes of the episode.
Bodies that move together are one frame; what never moves lies in the world's.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import mujoco
import numpy as np

from entitybench.envs.core.banks import paint, vary
from entitybench.envs.drawing.render import SEEN_GROUPS
from entitybench.envs.worlds import world_of
from entitybench.errors import BadValue
from entitybench.leaderboard.viewer.meshes import Mesh, simplified
from entitybench.leaderboard.viewer.numbers import DIGITS, rounded

if TYPE_CHECKING:
    from entitybench.envs.core.world import Variation, World
    from entitybench.types import Array, TaskSpec

STILL = -1  # the frame of what never moves
_SITE_GROUPS = (0, 1, 2)  # that MuJoCo shows unless told otherwise
_PLAIN = np.array([0.5, 0.5, 0.5, 1.0], np.float32)  # a geom of this colour has its material's
_TYPES = {
    int(mujoco.mjtGeom.mjGEOM_PLANE): "plane",
    int(mujoco.mjtGeom.mjGEOM_SPHERE): "sphere",
    int(mujoco.mjtGeom.mjGEOM_CAPSULE): "capsule",
    int(mujoco.mjtGeom.mjGEOM_ELLIPSOID): "ellipsoid",
    int(mujoco.mjtGeom.mjGEOM_CYLINDER): "cylinder",
    int(mujoco.mjtGeom.mjGEOM_BOX): "box",
    int(mujoco.mjtGeom.mjGEOM_MESH): "mesh",
}


@dataclass(frozen=True, slots=True)
class Look:
    """Sizes (G, 3), colours (G, 4) and places of what is drawn: geoms, then sites.

    Places are positions (G, 3) and quaternions (G, 4) in their frames.
    """

    size: Array
    rgba: Array
    pos: Array
    quat: Array


class Scene:
    """What is drawn of one task."""

    def __init__(self, task: TaskSpec) -> None:
        """Raises BadValue for a scene with shapes that the viewer has not."""
        self.task = task
        self.world: World = world_of(task)
        self._model = copy.copy(self.world.model)
        self.world.for_pictures(self._model)
        self._data = mujoco.MjData(self._model)
        self._source = self._model
        self._variation: Variation | None = None
        model = self._model
        self._plain = model.geom_rgba.copy()
        self._geoms = np.flatnonzero(np.isin(model.geom_group, SEEN_GROUPS))
        self._sites = np.flatnonzero(np.isin(model.site_group, _SITE_GROUPS))
        bodies = np.concatenate([model.geom_bodyid[self._geoms], model.site_bodyid[self._sites]])
        self.types = [
            _type(task, int(kind))
            for kind in (*model.geom_type[self._geoms], *model.site_type[self._sites])
        ]
        moving = [_root(model, int(body)) for body in bodies]
        self.frames = sorted(set(moving) - {0})  # ids of bodies
        places = {body: index for index, body in enumerate(self.frames)} | {0: STILL}
        self.frame_of = [places[body] for body in moving]
        self.base = self.look(self.world.start(0).constants, None, None)

    def look(self, constants: Array, variation: Variation | None, absent: Array | None) -> Look:
        """How an episode with these constants (N, D) looks."""
        model, plain = self._model, self.world.model
        if variation is not self._variation:
            source = plain
            if variation is not None:
                source = vary(self.world, copy.copy(plain), variation, None)
            model.geom_size[:], model.geom_pos[:] = source.geom_size, source.geom_pos
            self._variation = variation
        model.geom_rgba[:] = self._plain
        paint(self.world, model, constants, variation, absent)
        self._data.qpos[:] = model.qpos0
        mujoco.mj_kinematics(model, self._data)
        pos, quat = self._places()
        return Look(
            np.concatenate([model.geom_size[self._geoms], model.site_size[self._sites]]),
            np.concatenate([_colours(model)[self._geoms], model.site_rgba[self._sites]]),
            pos,
            quat,
        )

    def poses(self, qpos: Array) -> Array:
        """Where the frames are, (T, K, 7): position and quaternion, for positions (T, nq)."""
        found = np.empty((len(qpos), len(self.frames), 7))
        data = self._data
        for step, each in enumerate(qpos):
            data.qpos[:] = each
            mujoco.mj_kinematics(self._model, data)
            found[step, :, :3] = data.xpos[self.frames]
            found[step, :, 3:] = data.xquat[self.frames]
        return found

    def trails(self) -> list[int]:
        """Of each entity that the action drives, the frame whose path tells where it went."""
        model, found = self._model, []
        for entity in self.world.driven:
            body = model.body(self.world.bodies[entity]).id
            root = _root(model, body)
            below = [k for k, frame in enumerate(self.frames) if _hangs(model, frame, body)]
            if root in self.frames:
                found.append(self.frames.index(root))
            elif below:
                found.append(below[-1])  # the end of an arm
        return found

    def cameras(self) -> list[dict[str, Any]]:
        """The scene's cameras at a start, but for those that a moving body carries."""
        model, data, world = self._model, self._data, self.world
        data.qpos[:] = world.pose(_start_state(world))[: model.nq]
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        mujoco.mj_camlight(model, data)
        fixed = int(mujoco.mjtCamLight.mjCAMLIGHT_FIXED)
        found = []
        for index in range(model.ncam):
            follows = int(model.cam_mode[index]) != fixed
            if _root(model, int(model.cam_bodyid[index])) and not follows:
                continue
            found.append(
                {
                    "name": model.camera(index).name,
                    "pos": rounded(data.cam_xpos[index]),
                    "mat": rounded(data.cam_xmat[index]),
                    "fovy": round(float(model.cam_fovy[index]), DIGITS),
                    "flat": bool(model.cam_projection[index]),
                    "follows": follows,
                }
            )
        return found

    def _places(self) -> tuple[Array, Array]:
        """Of geoms and sites in their frames: positions (G, 3) and quaternions (G, 4)."""
        data = self._data
        positions = np.concatenate([data.geom_xpos[self._geoms], data.site_xpos[self._sites]])
        turns = np.concatenate([data.geom_xmat[self._geoms], data.site_xmat[self._sites]])
        pos, quat = np.empty((len(turns), 3)), np.empty((len(turns), 4))
        for k, (position, turn, frame) in enumerate(
            zip(positions, turns.reshape(-1, 3, 3), self.frame_of, strict=True)
        ):
            body = self.frames[frame] if frame != STILL else 0
            inverse = data.xmat[body].reshape(3, 3).T
            pos[k] = inverse @ (position - data.xpos[body])
            mujoco.mju_mat2Quat(quat[k], (inverse @ turn).ravel())
        return pos, quat

    def meshes(self) -> tuple[list[Mesh], list[int | None]]:
        """The different meshes, made small, and which of them each thing that is drawn has."""
        model = self._model
        known: dict[bytes, int] = {}
        meshes: list[Mesh] = []
        which: list[int | None] = [None] * len(self.types)
        for k, geom in enumerate(self._geoms):
            if self.types[k] != "mesh":
                continue
            mesh = _mesh(model, int(model.geom_dataid[geom]))
            key = mesh.corners.tobytes() + mesh.faces.tobytes()
            if key not in known:
                known[key] = len(meshes)
                meshes.append(mesh)
            which[k] = known[key]
        return simplified(meshes), which


def _type(task: TaskSpec, kind: int) -> str:
    if kind not in _TYPES:
        name = mujoco.mjtGeom(kind).name.removeprefix("mjGEOM_").lower()
        raise BadValue(f"the viewer has no shape {name}, and the scene of {task.id} has one.")
    return _TYPES[kind]


def _root(model: mujoco.MjModel, body: int) -> int:
    """The body that this one moves with; 0: it never moves."""
    root = int(model.body_weldid[body])
    while body and model.body_mocapid[body] < 0:
        body = int(model.body_parentid[body])
    return root or body


def _hangs(model: mujoco.MjModel, body: int, above: int) -> bool:
    while body and body != above:
        body = int(model.body_parentid[body])
    return body == above


def _start_state(world: World) -> Array:
    """The state (S,) of a start, as far as positions and memory tell it."""
    start = world.start(0)
    state = np.zeros(world.state_size)
    state[: len(start.qpos)] = start.qpos
    if world.memory and start.memory is not None:
        state[world.slot("memory")] = start.memory
    return state


def _colours(model: mujoco.MjModel) -> Array:
    """What colour MuJoCo draws each geom in, (ngeom, 4); of a texture its mean."""
    rgba: Array = model.geom_rgba.copy()
    for geom in np.flatnonzero(model.geom_matid >= 0):
        material = model.geom_matid[geom]
        own = not np.array_equal(rgba[geom], _PLAIN)
        colour = rgba[geom] if own else model.mat_rgba[material]
        texture = model.mat_texid[material, int(mujoco.mjtTextureRole.mjTEXROLE_RGB)]
        rgba[geom] = colour
        if texture >= 0:
            rgba[geom, :3] = colour[:3] * _mean(model, int(texture))
    return rgba


def _mean(model: mujoco.MjModel, texture: int) -> Array:
    """The mean colour (3,) of a texture, 0 to 1."""
    channels = int(model.tex_nchannel[texture])
    count = int(model.tex_height[texture]) * int(model.tex_width[texture]) * channels
    first = int(model.tex_adr[texture])
    colours = model.tex_data[first : first + count].reshape(-1, channels)
    mean: Array = colours[:, : min(channels, 3)].mean(axis=0) / 255 * np.ones(3)
    return mean


def _mesh(model: mujoco.MjModel, index: int) -> Mesh:
    corner, face = int(model.mesh_vertadr[index]), int(model.mesh_faceadr[index])
    return Mesh(
        model.mesh_vert[corner : corner + model.mesh_vertnum[index]].astype(np.float64),
        model.mesh_face[face : face + model.mesh_facenum[index]].astype(np.int64),
    )
