"""What a task offers an agent, in the words of `entitybench.needs`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entitybench.envs.api import world_of

if TYPE_CHECKING:
    from entitybench.types import TaskSpec


def offers(task: TaskSpec) -> frozenset[str]:
    """Of `entitybench.needs.NEEDS`. What gives the items of other kinds says it of itself."""
    world: Any = world_of(task)
    own = getattr(world, "offers", None)
    if own is not None:
        return frozenset(own)
    found = {"pixels", "frames"} if getattr(world, "pixels", None) is not None else {"entities"}
    found.add("fixed-number")  # entities are absent only where a dataset or a caller asks for it
    if hasattr(world, "achieved"):
        found.add("goals")
    if hasattr(world, "agents"):
        found.add("team")
    if any(name[:2] == "id" and name[2:].isdecimal() for name in world.feature_names):
        found.add("ids")
    return frozenset(found)
