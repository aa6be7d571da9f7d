"""Where entities are, for what asks who is near."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entitybench.envs.api import world_of

if TYPE_CHECKING:
    from entitybench.types import TaskSpec

PLACE = ("x", "y", "z")


def places(task: TaskSpec) -> list[int]:
    """The features that say where an entity is; all where none does."""
    names = world_of(task).feature_names
    return [k for k, name in enumerate(names) if name in PLACE] or list(range(len(names)))


def distances(task: TaskSpec, states: Any) -> Any:
    """(..., N, N) between entities (..., N, D), arrays or tensors."""
    at = states[..., places(task)]
    apart = at[..., :, None, :] - at[..., None, :, :]
    return (apart * apart).sum(-1) ** 0.5
