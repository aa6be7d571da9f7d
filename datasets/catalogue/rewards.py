"""Datasets of reward tasks: corrupted, mixed and embedded demonstrations.

Corrupted ones as in IDRL (Xu et al., ICLR 2025), the others after D4RL (Fu et al., 2020).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from entitybench.datasets.catalogue.build import (
    DEMONSTRATIONS,
    EMBEDDED,
    HOLD,
    HORIZONS,
    MIXTURE,
    NOISY,
    RANDOM,
    dataset,
    equally,
    part,
)
from entitybench.datasets.catalogue.qualities import qualities

if TYPE_CHECKING:
    from entitybench.types import DatasetSpec

CORRUPT = (1, 5, 10, 30)  # percent of transitions that are the expert's
SEGMENTS = 0.2  # share of the pieces of an embedded set that are the expert's
QUALITIES = (1.0, 0.75, 0.5, 0.25, 0.0)  # shares of uniform actions in a mixed set


class Source(NamedTuple):
    """A task and its two behaviours. Mean lengths of episodes, in control steps, are measured."""

    task: str
    random_length: float
    expert_length: float
    mixed_length: float  # of the five qualities together
    piece: int  # control steps of the expert's pieces in an embedded set
    sigma: float = 0.1  # noise of the expert
    embedded_length: float | None = None  # None: that of random episodes


SOURCES = (
    Source("point-maze-u", 300, 157, 224, 25),
    Source("point-maze-medium", 600, 170, 313, 25),
    Source("push-1block-region", 150, 35, 92, 15, embedded_length=128),
    Source("hockey-strike", 80, 80, 80, 20, 0.02),
    Source("kitchen-4tasks", 280, 195, 253, 40),
    Source("kitchen-gripper-4tasks", 280, 166, 208, 30),
    Source("halfcheetah", 1000, 1000, 1000, 50, 0.05),
    Source("hopper", 15.5, 1000, 212, 20, 0.0, 21.4),
    Source("walker2d", 16, 1000, 275, 20, 0.02, 21.8),
    Source("ant", 191, 1000, 430, 50, 0.0, 261),
)
# Of sets whose seed is not 0: the first with about as many expert episodes as their name says.
SEEDS: dict[str, int] = {
    "point-maze-u/corrupt-1": 3,
    "point-maze-medium/corrupt-1": 9,
    "kitchen-4tasks/corrupt-1": 5,
    "kitchen-4tasks/corrupt-5": 1,
    "kitchen-gripper-4tasks/corrupt-1": 2,
    "kitchen-gripper-4tasks/corrupt-5": 1,
    "kitchen-gripper-4tasks/corrupt-10": 1,
    "halfcheetah/corrupt-10": 1,
    "hopper/corrupt-1": 2,
    "hopper/corrupt-5": 2,
    "walker2d/corrupt-1": 2,
    "walker2d/corrupt-5": 2,
    "ant/corrupt-1": 3,
    "ant/corrupt-5": 6,
    "ant/corrupt-30": 1,
}


def episode_share(percent: float, expert_length: float, random_length: float) -> float:
    """The share of episodes that must be the expert's for so many percent of transitions to be."""
    expert, other = percent * random_length, (100 - percent) * expert_length
    return expert / (expert + other)


def _corrupt(source: Source, percent: int) -> DatasetSpec:
    share = episode_share(percent, source.expert_length, source.random_length)
    mean = share * source.expert_length + (1 - share) * source.random_length
    parts = [part(1 - share, RANDOM, hold=HOLD), part(share, NOISY, sigma=source.sigma)]
    name = f"corrupt-{percent}"
    return dataset(
        source.task,
        name,
        MIXTURE,
        {"parts": parts, "expert": 1},
        mean_length=mean,
        seed=SEEDS.get(f"{source.task}/{name}", 0),
        summary=f"{percent} % of transitions from expert episodes, the rest random",
    )


def _mixed(source: Source) -> DatasetSpec:
    parts = equally([part(0.0, NOISY, uniform=uniform) for uniform in QUALITIES])
    return dataset(
        source.task,
        "mixed-quality" if source.task.startswith("kitchen") else "mixed",
        MIXTURE,
        {"parts": parts, "label": "quality"},
        mean_length=source.mixed_length,
        summary="five qualities, a fifth of the episodes each: random, 75, 50, 25, 0 % noise",
    )


def _embedded(source: Source) -> DatasetSpec:
    kwargs: dict[str, Any] = {"share": SEGMENTS, "length": source.piece, "hold": HOLD}
    return dataset(
        source.task,
        "embedded",
        EMBEDDED,
        {**kwargs, "base": NOISY, "base_kwargs": {"sigma": source.sigma}},
        mean_length=source.embedded_length or source.random_length,
        summary=f"random episodes, a fifth of their {source.piece}-step pieces the expert's",
    )


def _kitchen(task: str, length: float) -> tuple[DatasetSpec, ...]:
    """Like D4RL's three kitchen sets."""
    return tuple(
        dataset(
            task,
            name,
            NOISY,
            {"base": DEMONSTRATIONS, "base_kwargs": {"complete": complete}, "sigma": 0.1},
            mean_length=complete * length + (1 - complete) * HORIZONS[task],
            summary=summary,
        )
        for name, complete, summary in (
            ("complete", 1.0, "the four tasks in order"),
            ("partial", 0.2, "four elements in any order; a fifth of episodes do the four tasks"),
            ("mixed", 0.0, "four elements in any order, never all four tasks"),
        )
    )


LOCOMOTION = ("hopper", "halfcheetah", "walker2d", "ant")

REWARDS: tuple[DatasetSpec, ...] = (
    *(
        spec
        for source in SOURCES
        for spec in (
            *(_corrupt(source, percent) for percent in CORRUPT),
            _mixed(source),
            _embedded(source),
        )
    ),
    *_kitchen("kitchen-4tasks", 221),
    *_kitchen("kitchen-gripper-4tasks", 177),
    *(spec for task in LOCOMOTION for spec in qualities(task)),
)
