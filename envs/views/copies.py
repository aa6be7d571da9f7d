"""Copies of environments: by `copy` and `pickle`, which planners and workers use."""

from __future__ import annotations

import copy
from typing import Any, Self

from entitybench.errors import BadValue


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
