"""The same task from pixels: the variant that every single-agent task has."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from entitybench.types import TaskSpec

EDGE = 64  # pixels
PICTURES = 1  # how often what all pictures show has changed


def seen(task: TaskSpec, view: str | None = None) -> TaskSpec:
    """`task`, observed through a camera instead of as entities; `view` None: the world's own."""
    return replace(
        task,
        id=f"{task.id}-pixels",
        version=task.version + PICTURES,
        kwargs={**task.kwargs, "pixels": EDGE, **({"view": view} if view else {})},
        datasets=(),
        data="",
        tags=task.tags - {"state"} | {"pixels"},
        summary=f"{task.summary}, seen from a camera",
    )
