"""A window that shows pictures and tells which keys are held."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Protocol

from entitybench.envs.drawing.gl import draw_by_glfw
from entitybench.errors import RenderError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from entitybench.types import Array

NAMED = {
    "left": "LEFT",
    "right": "RIGHT",
    "up": "UP",
    "down": "DOWN",
    "shift": "LEFT_SHIFT",
    "space": "SPACE",
    "tab": "TAB",
    "enter": "ENTER",
    "escape": "ESCAPE",
}


class Screen(Protocol):
    """What a person looks at and types into."""

    size: tuple[int, int]  # of the pictures to show, width and height

    def show(self, picture: Array, text: str = "") -> None:
        """Show a picture (H, W, 3) uint8 of that size, with words in its corner."""
        ...

    def held(self) -> frozenset[str]:
        """The keys that are down now."""
        ...

    def typed(self) -> list[str]:
        """The keys that went down since the last call; "escape" when the window was closed."""
        ...

    def close(self) -> None:
        """Close it. Closing twice is allowed."""
        ...


def pressed(screen: Screen, tick: Callable[[], None]) -> Iterator[str]:
    """The keys that went down since they were last asked for; those of a pause, too, until it ends.

    Space begins and ends it; `tick` waits a control step.
    """
    paused, waits = False, True
    while waits:
        for key in screen.typed():
            yield key
            paused ^= key == "space"
        waits = paused
        if waits:
            tick()


def has_display() -> bool:
    """Whether windows can be opened, as far as the environment tells."""
    linux = sys.platform.startswith("linux")
    return not linux or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def check_display(instead: str = "") -> None:
    """Raise RenderError where there is no display; `instead` is the command that needs none."""
    if not has_display():
        hint = f"; {instead} without one" if instead else ""
        raise RenderError(f"no display to open a window on (DISPLAY is not set){hint}.")


class GlfwScreen:
    """A window of GLFW, which comes with MuJoCo; MuJoCo copies the pictures into it."""

    def __init__(self, title: str, edge: int = 640) -> None:
        """Open it.

        Args:
            title: of the window.
            edge: its width and height.

        Raises RenderError, in one line, where there is no display or no window can be opened.
        """
        check_display()
        draw_by_glfw()
        import warnings

        import glfw

        self._glfw: Any = glfw
        with warnings.catch_warnings():  # its errors are told below
            warnings.simplefilter("ignore")
            if not glfw.init():
                raise RenderError(f"no window can be opened here ({_reason(glfw)}).")
            glfw.window_hint(glfw.RESIZABLE, glfw.FALSE)
            self._window: Any = glfw.create_window(edge, edge, title, None, None)
        if not self._window:
            why = _reason(glfw)
            glfw.terminate()
            raise RenderError(f"no window can be opened here ({why}).")
        self.size: tuple[int, int] = glfw.get_framebuffer_size(self._window)
        self._typed: list[str] = []
        self._held: set[str] = set()
        self._names = {getattr(glfw, f"KEY_{key}"): name for name, key in NAMED.items()}
        letters = "abcdefghijklmnopqrstuvwxyz"
        self._names |= {getattr(glfw, f"KEY_{letter.upper()}"): letter for letter in letters}
        glfw.set_key_callback(self._window, self._key)
        # Keys that come up in another window are not told of.
        glfw.set_window_focus_callback(self._window, lambda *_: self._held.clear())
        self._context: Any = None

    def show(self, picture: Array, text: str = "") -> None:
        import mujoco
        import numpy as np

        self._glfw.make_context_current(self._window)
        if self._context is None:
            self._glfw.swap_interval(0)
            nothing = mujoco.MjModel.from_xml_string("<mujoco/>")
            self._context = mujoco.MjrContext(nothing, mujoco.mjtFontScale.mjFONTSCALE_100)
            mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_WINDOW, self._context)
        height, width = picture.shape[:2]
        rect = mujoco.MjrRect(0, 0, width, height)
        rows = np.ascontiguousarray(picture[::-1])  # OpenGL's first row is the lowest
        mujoco.mjr_drawPixels(rows.reshape(-1), None, rect, self._context)
        if text:
            font, corner = mujoco.mjtFont.mjFONT_NORMAL, mujoco.mjtGridPos.mjGRID_TOPLEFT
            mujoco.mjr_overlay(font, corner, rect, text, "", self._context)
        self._glfw.swap_buffers(self._window)
        self._glfw.poll_events()

    def held(self) -> frozenset[str]:
        return frozenset(self._held)

    def typed(self) -> list[str]:
        self._glfw.poll_events()
        found, self._typed = self._typed, []
        return [*found, "escape"] if self._glfw.window_should_close(self._window) else found

    def close(self) -> None:
        if self._window is None:
            return
        self._glfw.make_context_current(self._window)
        if self._context is not None:
            self._context.free()
        self._glfw.destroy_window(self._window)
        self._glfw.terminate()
        self._window = None

    def _key(self, _window: Any, key: int, _code: int, action: int, _mods: int) -> None:
        name = self._names.get(key)
        if name is None:
            return
        if action == self._glfw.PRESS:
            self._typed.append(name)
            self._held.add(name)
        elif action == self._glfw.RELEASE:
            self._held.discard(name)


def _reason(glfw: Any) -> str:
    code, text = glfw.get_error()
    words = text.decode(errors="replace") if isinstance(text, bytes) else str(text or code)
    return words.strip().rstrip(".")[:200]
