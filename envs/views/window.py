"""MuJoCo's own viewer for `render_mode="human"`: the first world of a batch, at its true speed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import gymnasium
import mujoco
import numpy as np

from entitybench.envs.views.screen import has_display
from entitybench.errors import RenderError

if TYPE_CHECKING:
    from entitybench.envs.core.batch import Worlds


class Window:
    """A window on row 0. Where there is no display it warns once and shows nothing."""

    def __init__(self, worlds: Worlds) -> None:
        self._worlds = worlds
        self._viewer: Any = None
        self._next = 0.0
        if not has_display():
            gymnasium.logger.warn(
                'no display, so nothing is shown: render_mode="rgb_array" gives pictures.'
            )
            return
        import mujoco.viewer

        try:
            self._viewer = mujoco.viewer.launch_passive(
                worlds.model, worlds.datas[0], show_left_ui=False, show_right_ui=False
            )
        except Exception as error:  # whatever the window system throws
            raise RenderError(
                f'cannot open a window: {error}. render_mode="rgb_array" needs none.'
            ) from None

    def show(self) -> None:
        """Show the present state, no sooner than a control step after the last."""
        if self._viewer is None or not self._viewer.is_running():
            return
        worlds = self._worlds
        with self._viewer.lock():
            worlds.world.paint(worlds.model, worlds.constants[0])
            mujoco.mj_kinematics(worlds.model, worlds.datas[0])
            scene = self._viewer.user_scn
            scene.ngeom = 0
            for position, size, rgba, *frame in worlds.world.marks(worlds.goals[0]):
                mujoco.mjv_initGeom(
                    scene.geoms[scene.ngeom],
                    mujoco.mjtGeom.mjGEOM_BOX,
                    size,
                    position,
                    (frame[0] if frame else np.eye(3)).ravel(),
                    rgba.astype(np.float32),
                )
                scene.ngeom += 1
        self._viewer.sync()
        time.sleep(max(0.0, self._next - time.monotonic()))
        self._next = time.monotonic() + worlds.world.control_dt

    def close(self) -> None:
        """Close the window."""
        if self._viewer is not None:
            self._viewer.close()
            self._viewer = None
