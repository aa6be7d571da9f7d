"""How much entities and their changes vary in the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from entitybench.agents.common.standard import LEAST
from entitybench.seeding import generator

if TYPE_CHECKING:
    from entitybench.agents.common.graph.source import GraphSource
    from entitybench.types import Array

MEASURED = 20_000  # transitions that statistics are taken from


def moments(source: GraphSource) -> dict[str, Array]:
    """Of each entity and feature, (N, D), while the entity is present.

    Returns:
        "mean" and "deviation" of features, the latter `LEAST` at least; "change", the root of the
        mean squared change in a step, 0 where a feature never changes.
    """
    drawn = source.sample(MEASURED, generator(0, "standardise"))
    there = drawn["mask"][..., None]
    before = drawn["observations"].astype(np.float64)
    change = drawn["next_observations"] - before
    count = np.maximum(there.sum(axis=0), 1)
    mean = (before * there).sum(axis=0) / count
    deviation = np.sqrt(((before - mean) ** 2 * there).sum(axis=0) / count)
    size = np.sqrt((change**2 * there).sum(axis=0) / count)
    return {"mean": mean, "deviation": np.maximum(deviation, LEAST), "change": size}
