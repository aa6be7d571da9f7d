"""The five qualities of offline data: random, medium, medium-replay, medium-expert, expert."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entitybench.datasets.catalogue.build import (
    MIXTURE,
    NOISY,
    PAPER,
    RANDOM,
    SMALL,
    dataset,
    part,
)
from entitybench.datasets.catalogue.levels import LEVELS

if TYPE_CHECKING:
    from entitybench.types import DatasetSpec

EXPERT_NOISE = 0.05  # deviation; see `Level.expert_percent`


def qualities(
    task: str,
    length: int,
    *,
    transitions: int = SMALL,
    paper: int = PAPER,
    noise: float = EXPERT_NOISE,
) -> tuple[DatasetSpec, ...]:
    """The five datasets of a task that has a level."""
    level = LEVELS[task]
    lowest, medium, expert = level.random_length, level.medium_length, level.expert_length
    half = [
        part(0.5, NOISY, uniform=level.uniform),
        part(0.5, NOISY, sigma=noise),
    ]
    made: tuple[tuple[str, str, dict[str, Any], float, str], ...] = (
        ("random", RANDOM, {}, lowest, "uniform actions: 0 %"),
        (
            "medium",
            NOISY,
            {"uniform": level.uniform},
            medium,
            f"the script, {100 * level.uniform:.3g} % of its actions random: "
            f"{level.percent} % of the way from random to the script",
        ),
        (
            "medium-replay",
            NOISY,
            {"uniform": [level.uniform, 1.0]},
            (lowest + medium) / 2,
            "from random to medium: each episode has its own share of random actions",
        ),
        (
            "medium-expert",
            MIXTURE,
            {"parts": half},
            (medium + expert) / 2,
            "half of the episodes medium, half expert",
        ),
        (
            "expert",
            NOISY,
            {"sigma": noise},
            expert,
            f"the script with a little noise: {level.expert_percent} %",
        ),
    )
    return tuple(
        dataset(
            task,
            name,
            behaviour,
            kwargs,
            length=length,
            mean_length=mean,
            transitions=transitions,
            paper=paper,
            summary=summary,
        )
        for name, behaviour, kwargs, mean, summary in made
    )
