"""An off-screen OpenGL context: EGL, else OSMesa, as MuJoCo's own modules make them.

MUJOCO_GL (egl, osmesa, glfw) decides where it is set. MuJoCo reads it when imported; here the
choice is made when something is first drawn, so that worlds run where nothing can be drawn.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

from entitybench.errors import RenderError

ADVICE = (
    "Without a display unset MUJOCO_GL, or set egl or osmesa. On Debian or Ubuntu: apt-get install "
    "libegl1 libgl1-mesa-dri (EGL), or libosmesa6 (OSMesa); `bench doctor` checks it"
)


_LOST = (
    "this process was forked from one that had drawn, which OpenGL does not survive: start workers "
    'with multiprocessing.get_context("spawn") or "forkserver", or draw first in the worker'
)
SHUT = (
    "another library of this process has shut down the display that is drawn on, as pygame does "
    "where it opens its own (HumanRendering): set SDL_VIDEODRIVER=dummy, or draw in another process"
)


class _Fate:
    """Whether a context was made in this process, or in one that it was forked from."""

    made = lost = False

    def after_fork(self) -> None:
        self.lost = self.made


_fate = _Fate()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_fate.after_fork)


def lost() -> bool:
    """Whether nothing can be drawn any more: it would wait for ever for threads of the parent."""
    return _fate.lost


def check_drawable() -> None:
    """Raise RenderError in a process where drawing would wait for ever."""
    if _fate.lost:
        raise RenderError(f"{_LOST}.")


def draw_by_glfw() -> None:
    """Draw with GLFW from now on, as windows do: EGL's contexts do not go with theirs.

    Raises RenderError in a process that has drawn otherwise already.
    """
    if _fate.made and os.environ.get("MUJOCO_GL") != "glfw":
        raise RenderError("this process has drawn without a window: open windows in a new one.")
    os.environ["MUJOCO_GL"] = "glfw"


def make_context(width: int, height: int) -> Any:
    """A current OpenGL context for frames up to width x height.

    Raises RenderError, saying what to install, when there is no way to draw.
    """
    check_drawable()
    _fate.made = True
    failures = []
    for backend in backends():
        try:
            return _open(backend, width, height)
        except Exception as error:  # whatever a broken driver or library throws
            failures.append(f"{backend}: {_line(error)}")
            _forget_opengl()
    raise RenderError(f"cannot draw ({'; '.join(failures)}). {ADVICE}.")


def backends() -> tuple[str, ...]:
    """What is tried, in this order."""
    chosen = os.environ.get("MUJOCO_GL", "").strip().lower()
    if chosen in ("disable", "disabled", "off", "false", "0"):
        raise RenderError(f"drawing is switched off by MUJOCO_GL={chosen}: unset it, or set egl.")
    if chosen and chosen not in ("egl", "osmesa", "glfw", "cgl", "wgl", "enable", "enabled", "on"):
        raise RenderError(f"MUJOCO_GL={chosen} is unknown: unset it, or set egl, osmesa or glfw.")
    if chosen in ("egl", "osmesa", "glfw"):
        return (chosen,)
    return ("egl", "osmesa") if sys.platform.startswith("linux") else ("native",)


def _open(backend: str, width: int, height: int) -> Any:
    module = "mujoco.glfw" if backend == "glfw" else f"mujoco.{backend}"
    if backend == "native":
        module = "mujoco.gl_context"
    context = importlib.import_module(module).GLContext(width, height)
    context.make_current()
    return context


def _forget_opengl() -> None:
    """Drop PyOpenGL, which is bound to one platform when imported, so that another can be tried."""
    for name in list(sys.modules):
        if name.split(".")[0] == "OpenGL" or name.startswith(("mujoco.egl", "mujoco.osmesa")):
            del sys.modules[name]
    os.environ.pop("PYOPENGL_PLATFORM", None)


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
