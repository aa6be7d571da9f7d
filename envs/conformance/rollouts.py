"""What the checks of a task drive it with, and how they compare what it gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.worlds import world_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.types import Array, TaskSpec


def busy(task: TaskSpec, steps: int, batch: int, seed: int = 0) -> Array:
    """Random actions (steps, batch, *action_shape), each held for five steps: things get moved."""
    shape = world_of(task).action_shape
    rng = np.random.default_rng(seed)
    few = rng.uniform(-1, 1, (steps // 5 + 1, batch, *shape))
    return few.repeat(5, axis=0)[:steps].astype(np.float32)


def short(task: TaskSpec, steps: int, slow: int) -> int:
    """`steps`, and `slow` of a task whose engine is another package's: those take long."""
    return slow if task.extra else steps


def differing(a: Mapping[str, Array], b: Mapping[str, Array]) -> list[str]:
    """The names under which two dicts of arrays do not hold the same, bit for bit."""
    return sorted(
        name
        for name in a.keys() | b.keys()
        if name not in a or name not in b or not np.array_equal(a[name], b[name])
    )


def row_of(values: Mapping[str, Array], row: int) -> dict[str, Array]:
    """One episode of a batch, its axis kept."""
    return {name: value[row : row + 1] for name, value in values.items()}
