"""Which episodes are worth relabelling: rules over who acted on whom.

Graphs (L, N, N + 1) bool of the L steps of an episode: row j is the target, column i the cause, the
last column the action (`entitybench.envs.core.interactions`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.types import Array

MOVED = 0.005  # m


def action_graph(graphs: Array, targets: Sequence[int]) -> bool:
    """Whether a path leads from an action, step by step, to a target's end (Chuck et al. 2025).

    An edge of step t goes from a cause before it to a target after it.
    """
    reached = np.zeros(graphs.shape[1], bool)
    for edges in graphs:
        reached = edges[:, -1] | (edges[:, :-1] & reached).any(1)
    return bool(reached[list(targets)].any())


def control_target(graphs: Array, targets: Sequence[int], controlled: Sequence[int]) -> bool:
    """Whether what the action drives acted on a target in some step (Chuck et al. 2025)."""
    return bool(graphs[:, list(targets)][:, :, list(controlled)].any())


def displaced(places: Array) -> bool:
    """Whether a target was ever more than 5 mm from where it began.

    `places` (L + 1, targets, 2 or 3) in m.
    """
    return bool((np.linalg.norm(places - places[:1], axis=-1) > MOVED).any())
