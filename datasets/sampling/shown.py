"""What samplers print as: what they draw from, and the shapes of a batch."""

from __future__ import annotations

from typing import Any

from entitybench.seeding import generator


def shown(sampler: Any, of: str) -> str:
    """`<TransitionSampler of … 300,000 transitions: actions (B, 2), …>`.

    Args:
        sampler: has `sample(batch_size, rng)`; one entry is drawn to see the shapes.
        of: what it draws from, in words.
    """
    batch = sampler.sample(1, generator(0, "shapes"))
    names: dict[str, list[str]] = {}
    for name, value in batch.items():
        shape = ", ".join(("B", *map(str, value.shape[1:])))
        names.setdefault(f"({shape}{',' if ',' not in shape else ''})", []).append(name)
    parts = ", ".join(f"{' '.join(some)} {shape}" for shape, some in names.items())
    return f"<{type(sampler).__name__} of {of}: {parts}>"
