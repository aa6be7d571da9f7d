"""Pictures of a world's states, for pixel tasks and for videos."""

from __future__ import annotations

import atexit
import copy
import threading
import weakref
from typing import TYPE_CHECKING, Any

import mujoco
import numpy as np

from entitybench.envs.core.banks import paint, vary
from entitybench.envs.core.interactions import owners
from entitybench.envs.core.world import GoalWorld
from entitybench.envs.drawing.edges import check_edge, check_view
from entitybench.envs.drawing.gl import SHUT, check_drawable, lost, make_context
from entitybench.envs.parts.scene import PAINT_GROUP, ROBOT_GROUP
from entitybench.errors import BadValue, RenderError

if TYPE_CHECKING:
    from entitybench.envs.core.batch import Worlds
    from entitybench.envs.core.world import Variation, World
    from entitybench.types import Array

SEEN_GROUPS = (0, ROBOT_GROUP, PAINT_GROUP)
VOID = (58, 62, 68)  # what is seen where there is nothing; MuJoCo leaves it black
GRID = (0.25, 0.28, 0.25, 1.0)
LINES, LINE = 12, 0.02  # lines to each side, and half the width of one in m


class Renderer:
    """Draws states of one world at one size, off screen.

    An OpenGL context belongs to the thread and the process that made it: `OwnRenderer` gives each
    thread a renderer of its own.
    """

    def __init__(
        self, world: World, width: int, height: int, view: str = "top", *, smooth: bool = False
    ) -> None:
        """Open an OpenGL context.

        Args:
            world: whose states are drawn.
            width: of pictures, pixels.
            height: of pictures, pixels.
            view: a camera of the scene.
            smooth: draw four times as many pixels and take means: for people, edges are smooth.

        Raises:
            RenderError: when neither EGL nor OSMesa works, saying what to install.
            BadValue: for a view or a size that does not exist.
        """
        for name, size in (("width", width), ("height", height)):
            check_edge(name, size)
        self._smooth = smooth
        width, height = (2 * size if smooth else size for size in (width, height))
        # A copy, since colours are painted on it, and the size of the off-screen buffer is the
        # model's: one larger than the picture costs three times the time.
        self._model = copy.copy(world.model)
        self._model.vis.global_.offwidth = width
        self._model.vis.global_.offheight = height
        # Other packages' scenes ask for several samples, which is slow.
        self._model.vis.quality.offsamples = 0
        check_view(view, world.camera_names)
        world.for_pictures(self._model)
        self._rgba = self._model.geom_rgba.copy()
        # Where nothing is drawn, but for scenes with a sky.
        sky = int(mujoco.mjtTexture.mjTEXTURE_SKYBOX)
        self._void = None if sky in self._model.tex_type else np.empty((height, width), np.float32)
        self._world = world
        self._data = mujoco.MjData(self._model)
        self._owners = owners(world)
        self._variation: Variation | None = None
        self._dressed = False
        self._rect = mujoco.MjrRect(0, 0, width, height)
        self._pixels = np.empty((height, width, 3), np.uint8)
        self._scene = mujoco.MjvScene(self._model, maxgeom=self._model.ngeom + 200)
        for flag in (mujoco.mjtRndFlag.mjRND_SHADOW, mujoco.mjtRndFlag.mjRND_REFLECTION):
            self._scene.flags[flag] = 0
        self._option = mujoco.MjvOption()
        self._option.geomgroup[:] = 0
        self._option.geomgroup[list(SEEN_GROUPS)] = 1
        self._camera = mujoco.MjvCamera()
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
        self._camera.fixedcamid = self._model.camera(view).id
        self._thread = threading.get_ident()
        self._gl: Any = make_context(width, height)
        try:
            self._context = mujoco.MjrContext(self._model, mujoco.mjtFontScale.mjFONTSCALE_100)
        except mujoco.FatalError as error:
            raise RenderError(f"the OpenGL driver cannot draw: {error}.") from None
        # EGL is shut down at exit, and a context must be freed before.
        atexit.register(_close, weakref.ref(self))
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)

    def render(
        self,
        state: Array,
        constants: Array,
        *,
        goal: Array | None = None,
        robot: bool = True,
        variation: Variation | None = None,
        absent: Array | None = None,
        posed: bool = False,
    ) -> Array:
        """A picture (H, W, 3) uint8 of one state.

        Args:
            state: (S,).
            constants: (N, D), the features that stay: they decide the colours.
            goal: (N, D), to be marked in the picture, or None.
            robot: whether the robot is seen.
            variation: how the episode's world differs; see banks.py.
            absent: (N,) bool, entities that are not drawn.
            posed: whether `state` is the positions (nq,) of the drawn scene instead.
        """
        qpos = state if posed else self._world.pose(state)
        self._update(qpos, constants, robot, variation, absent)
        if goal is not None:
            for mark in self._world.marks(goal):
                self._mark(*mark)
        if self._world.grid is not None:
            self._rule(self._world.grid)
        return self._fine(self._read(self._void))

    def goal(
        self, goal: Array, absent: Array | None = None, variation: Variation | None = None
    ) -> Array:
        """A picture (H, W, 3) uint8 of a goal (N, D) that is reached; without the robot.

        Raises BadValue for a world without goals.
        """
        if not isinstance(self._world, GoalWorld):
            raise BadValue(f"a {type(self._world).__name__} has no goals to draw.")
        qpos = self._world.goal_qpos(goal)
        return self.render(qpos, goal, robot=False, variation=variation, absent=absent, posed=True)

    def row(self, worlds: Worlds, row: int, *, robot: bool = True, goal: bool = False) -> Array:
        """A picture (H, W, 3) uint8 of one episode as it is; its goal marked, if asked for."""
        return self.render(
            worlds.state[row],
            worlds.constants[row],
            goal=worlds.goals[row] if goal else None,
            robot=robot,
            variation=worlds.variations[row],
            absent=worlds.absent[row] if worlds.absent[row].any() else None,
        )

    def frame(self, worlds: Worlds, row: int) -> Array:
        """A picture for people, (H, W, 3) uint8: one episode as it is, its goal marked."""
        return self.row(worlds, row, goal=isinstance(worlds.world, GoalWorld))

    def segmentation(
        self,
        state: Array,
        constants: Array,
        variation: Variation | None = None,
        absent: Array | None = None,
        *,
        robot: bool = True,
        posed: bool = False,
    ) -> Array:
        """Which entity each pixel shows, (H, W) int: 0 to N - 1, or -1 for the rest."""
        qpos = state if posed else self._world.pose(state)
        self._update(qpos, constants, robot, variation, absent)
        flags = [int(mujoco.mjtRndFlag.mjRND_SEGMENT), int(mujoco.mjtRndFlag.mjRND_IDCOLOR)]
        self._scene.flags[flags] = 1
        try:
            code = self._read().astype(np.int64) @ [1, 2**8, 2**16]
        finally:
            self._scene.flags[flags] = 0
        entity = np.full(self._scene.ngeom + 1, -1)
        for i in range(self._scene.ngeom):
            geom = self._scene.geoms[i]
            if geom.objtype == mujoco.mjtObj.mjOBJ_GEOM and geom.segid >= 0:
                entity[geom.segid + 1] = self._owners[geom.objid]
        return entity[np.clip(code, 0, self._scene.ngeom)]

    def row_entities(self, worlds: Worlds, row: int) -> Array:
        """`segmentation` of one episode as it is, (H, W) int16."""
        absent = worlds.absent[row] if worlds.absent[row].any() else None
        found = self.segmentation(
            worlds.state[row], worlds.constants[row], worlds.variations[row], absent
        )
        return found.astype(np.int16)

    def depth(
        self,
        state: Array,
        constants: Array,
        variation: Variation | None = None,
        absent: Array | None = None,
        *,
        robot: bool = True,
        posed: bool = False,
    ) -> Array:
        """How far what each pixel shows is from the plane of the camera, (H, W) float32, in m."""
        qpos = state if posed else self._world.pose(state)
        self._update(qpos, constants, robot, variation, absent)
        self._begin()
        mujoco.mjr_render(self._rect, self._scene, self._context)
        depth = np.empty(self._pixels.shape[:2], np.float32)
        mujoco.mjr_readPixels(None, depth, self._rect, self._context)
        near = self._model.vis.map.znear * self._model.stat.extent
        far = self._model.vis.map.zfar * self._model.stat.extent
        if self._scene.camera[0].orthographic:
            metres = near + depth * (far - near)
        else:
            metres = near / (1 - depth * (1 - near / far))
        return np.ascontiguousarray(metres[::-1], np.float32)

    def close(self) -> None:
        """Free the context. Drawing is over then.

        In another thread or process than its own it cannot be freed; it goes with the process.
        """
        if self._gl is None:
            return
        if self._thread != threading.get_ident() or lost():
            self._abandon()
            return
        try:
            self._gl.make_current()
        except Exception:  # it was freed with its display
            self._abandon()
            return
        self._context.free()
        self._gl.free()
        self._gl = None

    def _abandon(self) -> None:
        """Leave a context that cannot be freed."""
        _ABANDONED.append((self._context, self._gl))
        if hasattr(self._gl, "_context"):
            self._gl._context = None  # or MuJoCo frees it at exit, and complains that it cannot
        self._gl = None

    def _begin(self) -> None:
        """Make the context the one that is drawn in. Raises RenderError where it cannot be."""
        check_drawable()
        if self._gl is None:
            raise RenderError("this renderer is closed: make another one.")
        if self._thread != threading.get_ident():
            raise RenderError("a renderer draws in the thread that made it: make one a thread.")
        try:
            self._gl.make_current()
        except Exception as error:  # EGL's own
            self._abandon()
            raise RenderError(f"{SHUT}.") from error

    def _update(
        self,
        qpos: Array,
        constants: Array,
        robot: bool,
        variation: Variation | None,
        absent: Array | None,
    ) -> None:
        model = self._model
        self._data.qpos[:] = qpos
        self._dress(constants, variation, absent)
        mujoco.mj_kinematics(model, self._data)
        mujoco.mj_comPos(model, self._data)  # for cameras that follow a centre of mass
        mujoco.mj_camlight(model, self._data)
        self._option.geomgroup[ROBOT_GROUP] = robot
        mujoco.mjv_updateScene(
            model,
            self._data,
            self._option,
            None,
            self._camera,
            mujoco.mjtCatBit.mjCAT_ALL,
            self._scene,
        )

    def _dress(self, constants: Array, variation: Variation | None, absent: Array | None) -> None:
        """Give the scene the sizes and colours of an episode."""
        model, plain = self._model, self._world.model
        if variation is not self._variation:
            source = plain
            if variation is not None:
                source = vary(self._world, copy.copy(plain), variation, None)
            model.geom_size[:] = source.geom_size
            model.geom_pos[:] = source.geom_pos
            self._variation = variation
        if variation is not None or absent is not None or self._dressed:
            model.geom_rgba[:] = self._rgba
        self._dressed = variation is not None or absent is not None
        paint(self._world, model, constants, variation, absent)

    def _mark(self, position: Any, size: Any, rgba: Any, frame: Array | None = None) -> None:
        geom = self._scene.geoms[self._scene.ngeom]
        mujoco.mjv_initGeom(
            geom,
            mujoco.mjtGeom.mjGEOM_BOX,
            np.asarray(size, np.float64),
            np.asarray(position, np.float64),
            np.eye(3).ravel() if frame is None else np.asarray(frame, np.float64).ravel(),
            np.asarray(rgba, np.float32),
        )
        self._scene.ngeom += 1

    def _rule(self, step: float) -> None:
        """Lines on the floor, `step` m apart, about what the camera looks at."""
        camera = self._scene.camera[0]
        x, y = np.round(np.array(camera.pos[:2]) / step) * step
        for k in range(-LINES, LINES + 1):
            self._mark([x + k * step, y, 0], [LINE, LINES * step, LINE], GRID)
            self._mark([x, y + k * step, 0], [LINES * step, LINE, LINE], GRID)

    def _read(self, depth: Array | None = None) -> Array:
        """What was drawn; with a place for depths, `VOID` where nothing was."""
        self._begin()
        mujoco.mjr_render(self._rect, self._scene, self._context)
        mujoco.mjr_readPixels(self._pixels, depth, self._rect, self._context)
        if depth is not None and depth.max() == 1.0:  # the far plane
            self._pixels[depth == 1.0] = VOID
        return self._pixels[::-1].copy()  # OpenGL's first row is the lowest

    def _fine(self, picture: Array) -> Array:
        if not self._smooth:
            return picture
        height, width = picture.shape[0] // 2, picture.shape[1] // 2
        four = picture.reshape(height, 2, width, 2, 3)
        return four.mean(axis=(1, 3)).round().astype(np.uint8)


_ABANDONED: list[Any] = []  # what no thread that is left may free


class OwnRenderer:
    """A renderer for each thread that draws one world at one size, made when it first does."""

    def __init__(self, world: World, width: int, height: int, view: str) -> None:
        """As `Renderer`."""
        self._arguments = (world, width, height, view)
        self._local = threading.local()

    def get(self) -> Renderer:
        """This thread's."""
        if not hasattr(self._local, "renderer"):
            self._local.renderer = Renderer(*self._arguments)
        renderer: Renderer = self._local.renderer
        return renderer

    def close(self) -> None:
        """Free this thread's; those of others go with their threads."""
        if hasattr(self._local, "renderer"):
            self._local.renderer.close()
            del self._local.renderer


def _close(reference: weakref.ref[Renderer]) -> None:
    renderer = reference()
    if renderer is not None:
        renderer.close()
