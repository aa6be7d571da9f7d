"""What views share: copies, by `copy` and `pickle`, for planners and workers; frames; specs."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Self

from entitybench.envs.views.gym import NAMESPACE, joint_id
from entitybench.errors import BadValue

if TYPE_CHECKING:
    from gymnasium.envs.registration import EnvSpec

    from entitybench.envs.core.batch import Worlds
    from entitybench.envs.drawing.render import OwnRenderer
    from entitybench.types import Array, TaskSpec


class Copied:
    """A copy goes on bit for bit from where its original is, and neither moves the other.

    That of `copy.copy` too: two environments on the same physics would disturb each other.
    Renderers are no part of it: each environment makes its own when it draws.
    """

    def __copy__(self) -> Self:
        return copy.deepcopy(self)

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        if state.get("_window") is not None:
            raise BadValue(
                "an environment with an open window cannot be copied: close() it first, or make "
                'it with render_mode="rgb_array".'
            )
        if "_renderer" in state:
            state["_renderer"] = None
        return state


class Specified:
    """Keeps Gymnasium's record of how it was made, which `gymnasium.make` sets after making it."""

    task: TaskSpec
    _spec: EnvSpec | None = None

    @property
    def spec(self) -> EnvSpec | None:
        """Gymnasium's record of how it was made."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        self._specify(spec)

    def _specify(self, spec: EnvSpec | None) -> None:
        """Raises BadValue for an id of ours that names another task, as make(ID, task=…) does."""
        ids = (self.task.gym_id, joint_id(self.task))
        if spec is not None and spec.namespace == NAMESPACE and spec.id not in ids:
            raise BadValue(
                f"{spec.id} is not the task {self.task.id}: leave task={self.task.id!r} out, or "
                f"make {self.task.gym_id}."
            )
        self._spec = spec


class Framed(Copied):
    """What gives frames of its worlds; what draws them is loaded when it first does."""

    worlds: Worlds
    _frame: tuple[int, int]  # width and height, pixels
    _renderer: OwnRenderer | None

    def _drawn(self, row: int) -> Array:
        """A frame (height, width, 3) uint8 of the present state of a row."""
        if self._renderer is None:
            from entitybench.envs.drawing.render import OwnRenderer

            world = self.worlds.world
            self._renderer = OwnRenderer(world, *self._frame, world.view)
        return self._renderer.get().frame(self.worlds, row)
