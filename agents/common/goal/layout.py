"""Which feature of an entity means what, found once: no network holds a literal offset.

Names tell positions (x, y, z) and one-hot ids (id0, id1, …); what goals speak of is asked of the
world itself, by `achieved`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from entitybench.envs.api import goal_world_of
from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.types import Array, TaskSpec

Tensor = torch.Tensor
Columns = slice | list[int]  # a slice where they lie side by side: it copies nothing


@dataclass(frozen=True)
class Layout:
    """Columns of an entity's features. Row 0 of an observation is the actor (pusher, gripper)."""

    entities: int  # N, the actor included
    features: int  # D
    action_dim: int
    place: tuple[int, ...]  # x, y (and z where a world has height)
    other: tuple[int, ...]  # other physical features: orientation, opening, velocity, kind, …
    identity: tuple[int, ...]  # one-hot ids; none where entities are told apart otherwise
    fixed: tuple[int, ...]  # what stays through an episode; ids, and kinds among the others
    asked: Array = field(compare=False)  # (N, D) bool: what a goal can say
    world: Any = field(compare=False, repr=False)  # of the task

    @classmethod
    def of(cls, task: TaskSpec) -> Layout:
        """The layout of a task's observations. Raises BadValue for a task without goals."""
        world = goal_world_of(task)
        names = world.feature_names
        place = tuple(k for k, name in enumerate(names) if name in ("x", "y", "z"))
        ids = tuple(k for k, name in enumerate(names) if name[:2] == "id" and name[2:].isdecimal())
        return cls(
            entities=world.entities,
            features=len(names),
            action_dim=world.action_dim,
            place=place,
            other=tuple(k for k in range(len(names)) if k not in place and k not in ids),
            identity=ids,
            fixed=tuple(k for k, name in enumerate(names) if name in world.fixed_names),
            asked=_probe(world)[0],
            world=world,
        )

    @cached_property
    def position(self) -> Columns:
        return columns(self.place)

    @cached_property
    def pose(self) -> Columns:
        return columns(self.other)

    @cached_property
    def ids(self) -> Columns:
        return columns(self.identity)

    @cached_property
    def physical(self) -> Columns:
        """Position and pose: all that can change within an episode."""
        return columns(self.place + self.other)

    @cached_property
    def wanted(self) -> Columns:
        """What goals speak of beside positions and who an entity is."""
        return columns(self._wanted)

    @property
    def wants(self) -> int:
        """How many features these are."""
        return len(self._wanted)

    @cached_property
    def _wanted(self) -> list[int]:
        return [k for k in self.other if k not in self.fixed and self.asked[:, k].any()]

    @cached_property
    def _spoken(self) -> Columns:
        """Features of which one is not zero where a goal asks something of an entity."""
        return columns([*self.place, *self._wanted])

    @cached_property
    def _without(self) -> tuple[list[int], list[int]]:
        """Entities, the actor aside, of which no place is asked, and coordinates never asked."""
        placed = self.asked[:, list(self.place)]
        rows = [k for k in range(1, self.entities) if not placed[k].any()]
        return rows, [k for k in range(len(self.place)) if not placed[:, k].any()]

    @property
    def positions(self) -> int:
        """How many features a position has."""
        return len(self.place)

    @property
    def physicals(self) -> int:
        """How many features position and pose have together."""
        return len(self.place) + len(self.other)

    def is_actor(self, like: Tensor) -> Tensor:
        """(..., N, 1): one for the actor's row."""
        flag = torch.zeros_like(like[..., :1])
        flag[..., 0, :] = 1.0
        return flag

    def goal_offset(self, state: Tensor, goal: Tensor) -> Tensor:
        """(..., N, P): from each entity to its place; zero for the actor, and where none is asked.

        A goal of zeros asks nothing of an entity.
        """
        asked = (goal[..., self._spoken] != 0).any(-1, keepdim=True)
        offset = torch.where(asked, goal[..., self.position] - state[..., self.position], 0.0)
        rows, coordinates = self._without
        if rows:
            offset[..., rows, :] = 0.0
        if coordinates:
            offset[..., coordinates] = 0.0
        return torch.cat([torch.zeros_like(offset[..., :1, :]), offset[..., 1:, :]], -2)

    def achieved(self, state: Tensor) -> Tensor:
        """The goal (..., N, D) that a state fulfils, as the world says."""
        if self._copies:
            return torch.where(torch.as_tensor(self.asked, device=state.device), state, 0.0)
        return torch.as_tensor(self.world.achieved(state.cpu().numpy()), device=state.device)

    @cached_property
    def _copies(self) -> bool:
        """Whether a goal is the features `asked` of an observation, just as they are."""
        return _probe(self.world)[1]


def columns(chosen: Sequence[int]) -> Columns:
    """An index of columns: a slice where they follow one another."""
    first = chosen[0] if chosen else 0
    if list(chosen) == list(range(first, first + len(chosen))):
        return slice(first, first + len(chosen))
    return list(chosen)


def _probe(world: Any) -> tuple[Array, bool]:
    """Where the goals of made-up observations are not zero, and whether they are copies there."""
    shape = (64, world.entities, len(world.feature_names))
    observation = generator(0, "layout").uniform(0.1, 1.0, shape).astype(np.float32)
    goals = world.achieved(observation)
    asked: Array = (goals != 0).any(0)
    return asked, bool(np.array_equal(goals, np.where(asked, observation, 0)))
