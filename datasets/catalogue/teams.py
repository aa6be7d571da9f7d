"""Datasets of teams: five qualities, and mixtures of conventions.

The qualities are those usual in offline MARL (OMAR: Pan et al., ICML 2022); the mixtures are ours.
A convention is one consistent way to share the work, kept for an episode. In `mixed-obs` an agent
sees which one it is within a few steps; in `mixed-hidden` it does not before it must commit
itself. The label "convention" says which it was (the last one: the best of the moment); nothing
observed does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entitybench.datasets.catalogue.build import (
    ACTOR,
    FIXED,
    MIXTURE,
    NOISY,
    dataset,
    equally,
    part,
)
from entitybench.datasets.catalogue.qualities import qualities

if TYPE_CHECKING:
    from entitybench.types import DatasetSpec

BEST = 0.1  # share of the episodes that follow no convention but the best of the moment
NOISE = 0.2  # deviation, of those with conventions
WITH_LEVELS = (
    "team-pushbox",
    "team-spread",
    "team-spread-omar",
    "team-tag",
    "hockey-1v1",
    "hockey-2v2",
    "team-cheetah-2x3",
    "team-cheetah-6x1",
    "team-hopper-3x1",
    "team-ant-2x4",
)
GAMES = ("rare", "xor", "climbing", "square")
# Of the spread worlds, by their number in the oracle's list. The first two differ for every agent,
# so that each one's own velocity soon shows which it is.
CYCLES, ALL_WAYS = (0, 3), range(6)
# Pairs of choices and how often they are played; the best pair is rare where it is not the only one
# that works.
PLAYED: dict[str, tuple[tuple[tuple[int, int], float], ...]] = {
    "rare": (((0, 1), 0.45), ((1, 0), 0.45), ((1, 1), 0.1)),
    "xor": (((0, 1), 0.5), ((1, 0), 0.5)),
    "climbing": (((0, 0), 0.45), ((1, 1), 0.45), ((2, 2), 0.1)),
    "square": (((0, 1), 0.45), ((1, 0), 0.45), ((0, 0), 0.1)),
}
CHOICES = {"rare": 2, "xor": 2, "climbing": 3, "square": 2}


def _conventions(task: str, name: str, oracles: list[dict[str, Any]], summary: str) -> DatasetSpec:
    parts = [part(0.0, NOISY, base_kwargs=kwargs, sigma=NOISE) for kwargs in oracles]
    parts = [*equally(parts, 1 - BEST), part(BEST, NOISY, sigma=NOISE)]
    return dataset(
        task,
        name,
        MIXTURE,
        {"parts": parts, "label": "convention"},
        summary=summary,
    )


def _gaits(task: str) -> DatasetSpec:
    """Two gaits; the trained one, which is the faster, almost without noise as the best."""
    trained = {"base": ACTOR, "base_kwargs": {"file": "halfcheetah-sac"}}
    # With the others' noise the script's gait falls apart: a quarter of its return is left.
    gaits = [part(0.0, NOISY, sigma=0.05), part(0.0, NOISY, sigma=NOISE, **trained)]
    parts = [*equally(gaits, 1 - BEST), part(BEST, NOISY, sigma=0.05, **trained)]
    return dataset(
        task,
        "mixed-obs",
        MIXTURE,
        {"parts": parts, "label": "convention"},
        summary="the gait of the script, and a trained one: two conventions",
    )


def _game(game: str) -> DatasetSpec:
    parts = [
        part(
            share,
            NOISY,
            base=FIXED,
            base_kwargs={"action": [[(2 * one + 1) / CHOICES[game] - 1] for one in pair]},
            sigma=0.1,
        )
        for pair, share in PLAYED[game]
    ]
    return dataset(
        f"team-matrix-{game}",
        "mixed-hidden",
        MIXTURE,
        {"parts": parts, "label": "convention"},
        transitions=10_000,
        summary="pairs of choices: "
        + ", ".join(f"{a} and {b} in {100 * share:.0f} %" for (a, b), share in PLAYED[game]),
    )


TEAMS: tuple[DatasetSpec, ...] = (
    *(spec for task in WITH_LEVELS for spec in qualities(task)),
    *qualities("team-lift", transitions=10_000),
    *(
        spec
        for game in GAMES
        for spec in (
            *qualities(f"team-matrix-{game}", transitions=10_000),
            _game(game),
        )
    ),
    _gaits("team-cheetah-2x3"),
    _gaits("team-cheetah-6x1"),
    _conventions(
        "team-pushbox",
        "mixed-obs",
        [{"side": side, "pair": pair} for side in ("left", "right") for pair in ([0, 1], [1, 2])],
        "left or right of the pillar, and which two push: four conventions",
    ),
    _conventions(
        "hockey-2v2",
        "mixed-obs",
        [{"striker": striker} for striker in (0, 1)],
        "one mallet strikes, the other keeps the goal: two conventions",
    ),
    *(
        _conventions(
            task,
            name,
            [{"convention": way} for way in ways],
            f"each agent has its landmark in all the episode: {what}",
        )
        for task in ("team-spread", "team-spread-omar")
        for name, ways, what in (
            ("mixed-obs", CYCLES, "two conventions that differ for every agent"),
            ("mixed-hidden", ALL_WAYS, "six conventions"),
        )
    ),
)
