"""What samplers print as: what they draw from, and the shapes of a batch."""

from __future__ import annotations

from typing import Any

from entitybench.seeding import generator
from entitybench.words import by_shape


def shown(sampler: Any, of: str) -> str:
    """`<TransitionSampler of … 300,000 transitions: actions (B, 2), …>`.

    Args:
        sampler: has `sample(batch_size, rng)`; one entry is drawn to see the shapes.
        of: what it draws from, in words.
    """
    batch = sampler.sample(1, generator(0, "shapes"))
    shapes = {name: _of_a_batch(value.shape[1:]) for name, value in batch.items()}
    return f"<{type(sampler).__name__} of {of}: {by_shape(shapes)}>"


def _of_a_batch(entry: tuple[int, ...]) -> str:
    return f"({', '.join(['B', *map(str, entry)])})" if entry else "(B,)"
