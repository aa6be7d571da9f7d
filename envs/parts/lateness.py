"""For scripted policies of worlds with known rules: see whether actions arrive a step late."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from entitybench.envs.core.world import ArrayMixin
    from entitybench.types import Array

SURE = 1e-3  # by how much moves must differ from what prompt actions would have done


@dataclass(slots=True)
class Memory:
    """What a policy remembers of B episodes."""

    steps: Array  # (B,) control steps that are over
    actions: Array  # (2, B, *action_shape), of one and two steps ago
    before: Array | None  # (B, S), the state one step ago; None: there was none
    misses: Array  # (2, B), how much moves differed so far from what these actions would have done


def fresh(world: ArrayMixin, batch: int) -> Memory:
    """At the beginning of B episodes."""
    actions = np.zeros((2, batch, *world.action_shape))
    return Memory(np.zeros(batch, np.int64), actions, None, np.zeros((2, batch)))


def arrival(world: ArrayMixin, now: Array, memory: Memory) -> tuple[Array, Memory]:
    """The states (B, S) in which the next action arrives, from those of now; and what was learned.

    Where actions are prompt, that is now; where they come late, it is after the last action.
    """
    misses = memory.misses
    if memory.before is not None:
        would = [world.transition(memory.before, action) for action in memory.actions]
        misses = misses + np.abs(np.stack(would) - now).sum(-1)
    late = misses[1] + SURE < misses[0]
    then = np.where(late[:, None], world.transition(now, memory.actions[0]), now)
    return then, Memory(memory.steps, memory.actions, now, misses)


def noted(memory: Memory, action: Array) -> Memory:
    """The memory after an action (B, *action_shape)."""
    actions = np.stack([action, memory.actions[0]])
    return Memory(memory.steps + 1, actions, memory.before, memory.misses)
