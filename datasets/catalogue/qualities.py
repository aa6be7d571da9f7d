"""The five qualities of offline data: random, medium, medium-replay, medium-expert, expert."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entitybench.datasets.catalogue.build import (
    MIXTURE,
    NOISY,
    RANDOM,
    SMALL,
    dataset,
    part,
)
from entitybench.datasets.catalogue.levels import LEVELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.types import DatasetSpec


def qualities(
    task: str,
    *,
    transitions: int = SMALL,
) -> tuple[DatasetSpec, ...]:
    """The five datasets of a task that has a level."""
    level = LEVELS[task]
    lowest, medium, expert = level.random_length, level.medium_length, level.expert_length
    half = [
        part(0.5, NOISY, **level.medium),
        part(0.5, NOISY, sigma=level.noise),
    ]
    made: tuple[tuple[str, str, Mapping[str, Any], float, str], ...] = (
        ("random", RANDOM, {}, lowest, "uniform actions: 0 %"),
        (
            "medium",
            NOISY,
            level.medium,
            medium,
            f"the script, {level.words}: {level.percent} % of the way from random to the script",
        ),
        (
            "medium-replay",
            NOISY,
            {**level.medium, "uniform": [level.medium.get("uniform", 0.0), 1.0]},
            level.replay_length or (lowest + medium) / 2,
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
            {"sigma": level.noise},
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
            mean_length=mean,
            transitions=transitions,
            summary=summary,
        )
        for name, behaviour, kwargs, mean, summary in made
    )
