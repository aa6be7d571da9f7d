"""Pictures of a world's states, for pixel tasks and for videos."""

from __future__ import annotations

import atexit
import copy
import weakref
from typing import TYPE_CHECKING, Any

import mujoco
import numpy as np

from entitybench.envs.core.gl import make_context
from entitybench.envs.core.scene import PAINT_GROUP, ROBOT_GROUP
from entitybench.errors import BadValue, RenderError

if TYPE_CHECKING:
    from entitybench.envs.core.batch import Worlds
    from entitybench.envs.core.world import World
    from entitybench.types import Array

SEEN_GROUPS = (0, ROBOT_GROUP, PAINT_GROUP)
LARGEST = 4096  # pixels along an edge


class Renderer:
    """Draws states of one world at one size, off screen. Not for use from several threads."""

    def __init__(self, world: World, width: int, height: int, view: str = "top") -> None:
        """Open an OpenGL context.

        Raises:
            RenderError: when neither EGL nor OSMesa works, saying what to install.
            BadValue: for a view or a size that does not exist.
        """
        for name, size in (("width", width), ("height", height)):
            if not isinstance(size, int) or not 1 <= size <= LARGEST:
                raise BadValue(f"the {name} of a picture is 1 to {LARGEST} pixels: got {size!r}.")
        # A copy, since colours are painted on it, and the size of the off-screen buffer is the
        # model's: one larger than the picture costs three times the time.
        self._model = copy.copy(world.model)
        self._model.vis.global_.offwidth = width
        self._model.vis.global_.offheight = height
        cameras = [self._model.camera(i).name for i in range(self._model.ncam)]
        if view not in cameras:
            raise BadValue(f"no view {view!r}; choose one of {', '.join(cameras)}.")
        self._world = world
        self._data = mujoco.MjData(self._model)
        self._rect = mujoco.MjrRect(0, 0, width, height)
        self._pixels = np.empty((height, width, 3), np.uint8)
        self._scene = mujoco.MjvScene(self._model, maxgeom=200)
        for flag in (mujoco.mjtRndFlag.mjRND_SHADOW, mujoco.mjtRndFlag.mjRND_REFLECTION):
            self._scene.flags[flag] = 0
        self._option = mujoco.MjvOption()
        self._option.geomgroup[:] = 0
        self._option.geomgroup[list(SEEN_GROUPS)] = 1
        self._camera = mujoco.MjvCamera()
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
        self._camera.fixedcamid = self._model.camera(view).id
        self._gl: Any = make_context(width, height)
        try:
            self._context = mujoco.MjrContext(self._model, mujoco.mjtFontScale.mjFONTSCALE_100)
        except mujoco.FatalError as error:
            raise RenderError(f"the OpenGL driver cannot draw: {error}.") from None
        # EGL is shut down at exit, and a context must be freed before.
        atexit.register(_close, weakref.ref(self))
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)

    def render(
        self, qpos: Array, constants: Array, *, goal: Array | None = None, robot: bool = True
    ) -> Array:
        """A picture (H, W, 3) uint8 of one state.

        Args:
            qpos: (nq,).
            constants: (N, D), the features that stay: they decide the colours.
            goal: (N, D), to be marked in the picture, or None.
            robot: whether the robot is seen.
        """
        self._update(qpos, constants, robot)
        if goal is not None:
            for position, size, rgba in self._world.marks(goal):
                self._mark(position, size, rgba)
        return self._read()

    def goal(self, goal: Array) -> Array:
        """A picture (H, W, 3) uint8 of a goal (N, D) that is reached; without the robot."""
        return self.render(self._world.goal_qpos(goal), goal, robot=False)

    def frame(self, worlds: Worlds, row: int) -> Array:
        """A picture for people, (H, W, 3) uint8: one episode as it is, its goal marked."""
        return self.render(worlds.qpos[row], worlds.constants[row], goal=worlds.goals[row])

    def segmentation(self, qpos: Array, constants: Array) -> Array:
        """Which entity each pixel shows, (H, W) int: 0 to N - 1, or -1 for the rest."""
        self._update(qpos, constants, robot=True)
        flags = [int(mujoco.mjtRndFlag.mjRND_SEGMENT), int(mujoco.mjtRndFlag.mjRND_IDCOLOR)]
        self._scene.flags[flags] = 1
        try:
            code = self._read().astype(np.int64) @ [1, 2**8, 2**16]
        finally:
            self._scene.flags[flags] = 0
        entity = np.full(self._scene.ngeom + 1, -1)
        bodies = {self._model.body(name).id: i for i, name in enumerate(self._world.bodies)}
        for i in range(self._scene.ngeom):
            geom = self._scene.geoms[i]
            if geom.objtype == mujoco.mjtObj.mjOBJ_GEOM and geom.segid >= 0:
                entity[geom.segid + 1] = bodies.get(int(self._model.geom_bodyid[geom.objid]), -1)
        return entity[code]

    def close(self) -> None:
        """Free the context. Drawing is over then."""
        if self._gl is not None:
            self._gl.make_current()
            self._context.free()
            self._gl.free()
            self._gl = None

    def _update(self, qpos: Array, constants: Array, robot: bool) -> None:
        self._data.qpos[:] = self._world.pose(qpos) if len(qpos) != self._model.nq else qpos
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_camlight(self._model, self._data)
        self._world.paint(self._model, constants)
        self._option.geomgroup[ROBOT_GROUP] = robot
        mujoco.mjv_updateScene(
            self._model,
            self._data,
            self._option,
            None,
            self._camera,
            mujoco.mjtCatBit.mjCAT_ALL,
            self._scene,
        )

    def _mark(self, position: Array, size: Array, rgba: Array) -> None:
        geom = self._scene.geoms[self._scene.ngeom]
        mujoco.mjv_initGeom(
            geom,
            mujoco.mjtGeom.mjGEOM_BOX,
            np.asarray(size, np.float64),
            np.asarray(position, np.float64),
            np.eye(3).ravel(),
            np.asarray(rgba, np.float32),
        )
        self._scene.ngeom += 1

    def _read(self) -> Array:
        self._gl.make_current()
        mujoco.mjr_render(self._rect, self._scene, self._context)
        mujoco.mjr_readPixels(self._pixels, None, self._rect, self._context)
        return self._pixels[::-1].copy()  # OpenGL's first row is the lowest


def _close(reference: weakref.ref[Renderer]) -> None:
    renderer = reference()
    if renderer is not None:
        renderer.close()
