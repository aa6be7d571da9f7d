"""The same task from pixels: the variant that every single-agent task has."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from entitybench.types import TaskSpec

EDGE = 64  # pixels


def seen(task: TaskSpec) -> TaskSpec:
    """`task`, observed through a camera instead of as entities."""
    return replace(
        task,
        id=f"{task.id}-pixels",
        kwargs={**task.kwargs, "pixels": EDGE},
        datasets=(),
        data="",
        tags=task.tags - {"state"} | {"pixels"},
        summary=f"{task.summary}, seen from a camera",
    )
