"""Which feature of an entity means what, found by name once: no network holds a literal offset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from entitybench.envs.api import world_of

if TYPE_CHECKING:
    from entitybench.types import TaskSpec

Tensor = torch.Tensor


@dataclass(frozen=True)
class Layout:
    """Columns of an entity's features. Row 0 of an observation is the actor (pusher, gripper)."""

    entities: int  # N, the actor included
    features: int  # D
    position: slice  # x, y (and z where a world has height)
    pose: slice  # other physical features: orientation, opening, …
    ids: slice  # one-hot identity
    action_dim: int

    @classmethod
    def of(cls, task: TaskSpec) -> Layout:
        """The layout of a task's observations."""
        world = world_of(task)
        names = world.feature_names
        place = [name in ("x", "y", "z") for name in names]
        ids = [name.startswith("id") for name in names]
        pose = [not p and not i for p, i in zip(place, ids, strict=True)]
        return cls(
            entities=world.entities,
            features=len(names),
            position=_columns(place),
            pose=_columns(pose),
            ids=_columns(ids),
            action_dim=world.action_dim,
        )

    @property
    def physical(self) -> slice:
        """Position and pose, side by side: all that can change within an episode."""
        return slice(self.position.start, self.pose.stop)

    @property
    def positions(self) -> int:
        """How many features a position has."""
        return self.position.stop - self.position.start

    @property
    def physicals(self) -> int:
        """How many features position and pose have together."""
        return self.physical.stop - self.physical.start

    def is_actor(self, like: Tensor) -> Tensor:
        """(..., N, 1): one for the actor's row."""
        flag = torch.zeros_like(like[..., :1])
        flag[..., 0, :] = 1.0
        return flag

    def goal_offset(self, state: Tensor, goal: Tensor) -> Tensor:
        """(..., N, P): from each entity to its goal; zero for the actor, who has none."""
        offset = goal[..., self.position] - state[..., self.position]
        return torch.cat([torch.zeros_like(offset[..., :1, :]), offset[..., 1:, :]], -2)

    def achieved(self, state: Tensor) -> Tensor:
        """The goal that a state fulfils: positions and ids of all but the actor."""
        goal = torch.zeros_like(state)
        for kept in (self.position, self.ids):
            goal[..., 1:, kept] = state[..., 1:, kept]
        return goal


def _columns(chosen: list[bool]) -> slice:
    """The columns that are chosen, which lie side by side in every world."""
    start, count = chosen.index(True), sum(chosen)
    assert all(chosen[start : start + count]), f"columns apart: {chosen}"
    return slice(start, start + count)
