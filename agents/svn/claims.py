"""What `bench reproduce svn` checks.

No number of the paper was to be had. The ladder, and how its rung is chosen, is in `settings.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entitybench.agents.svn.settings import CHOSEN, DATASETS, SCALES, TRAINING, rung
from entitybench.claims import (
    Arm,
    Average,
    Best,
    Check,
    Claim,
    Difference,
    Fisher,
    Mean,
    Measured,
    Ratio,
    Share,
    Some,
    Training,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

SCORE = "normalised_return"
_PUBLISHED = "stated without numbers that we could find"
_UNIT = "entitybench.agents.svn.fixed_point"
_PRESETS = ("small",)
_HARD = {**TRAINING, **rung(CHOSEN)}


def _name(agent: str, dataset: str, scale: float = 1.0) -> str:
    return f"{agent}@{dataset}" if scale == 1.0 else f"{agent}x{scale:g}@{dataset}"


def _arm(agent: str, dataset: str, scale: float = 1.0) -> Arm:
    changes: dict[str, Any] = dict(_HARD)
    if scale != 1.0:
        changes["reward_scale"] = scale * changes.get("reward_scale", 1.0)
    task = dataset.partition("/")[0]
    return Arm(_name(agent, dataset, scale), agent, task, dataset=dataset, changes=changes)


def _arms(agents: Sequence[str]) -> tuple[Arm, ...]:
    return tuple(_arm(agent, dataset) for dataset in DATASETS for agent in agents)


def _each(agent: str, column: str) -> tuple[Training, ...]:
    return tuple(Training(_name(agent, dataset), column, "max") for dataset in DATASETS)


def _last(agent: str, column: str) -> Average:
    return Average(tuple(Training(_name(agent, dataset), column) for dataset in DATASETS))


def _score(agent: str, dataset: str, scale: float = 1.0) -> Mean:
    return Mean(_name(agent, dataset, scale), SCORE)


CLAIMS: tuple[Claim, ...] = (
    Claim(
        name="fixed-point",
        method="svn",
        statement="Dividing residuals by a spread of values does not move what they converge to.",
        published=_PUBLISHED,
        arms=(),
        checks=(
            Check(Measured(f"{_UNIT}:difference"), at_most=0.02, by="every seed"),
            Check(Measured(f"{_UNIT}:error"), at_most=0.02, by="every seed", required=False),
        ),
    ),
    Claim(
        name="amplification",
        method="svn",
        statement="Without normalisation values of the mixer spread at least twice as far beyond "
        "the returns of the data as those of the sum.",
        published=_PUBLISHED,
        arms=_arms(("mixer-raw", "vdn-brac")),
        checks=(
            Check(
                Ratio(_last("mixer-raw", "amplification"), _last("vdn-brac", "amplification")),
                at_least=2.0,
            ),
        ),
        presets=_PRESETS,
    ),
    Claim(
        name="stabilisation",
        method="svn",
        statement="With SVN fewer runs diverge than without, and than with the policies' side "
        "alone; its values spread 0.3 to 3 times as far as returns.",
        published=_PUBLISHED,
        arms=_arms(("svn", "mixer-raw", "mixer-simple")),
        checks=(
            Check(Fisher(_each("mixer-raw", "beyond"), _each("svn", "beyond"), 1.0), at_most=0.05),
            Check(
                Fisher(_each("mixer-simple", "beyond"), _each("svn", "beyond"), 1.0), at_most=0.05
            ),
            Check(_last("svn", "amplification"), at_least=0.3, at_most=3.0),
            *(
                Check(Share(one, 1.0), at_most=0.0, required=False, why="how many diverged")
                for agent in ("mixer-raw", "mixer-simple", "svn")
                for one in _each(agent, "beyond")
            ),
        ),
        presets=_PRESETS,
    ),
    Claim(
        name="pay-off",
        method="svn",
        statement="SVN scores above the raw mixer in both tasks, and above the sum in one.",
        published=_PUBLISHED,
        arms=_arms(("svn", "mixer-raw", "vdn-brac")),
        checks=(
            *(
                Check(
                    Difference(_score("svn", dataset), _score("mixer-raw", dataset)),
                    at_least=0.0,
                    by="interval",
                )
                for dataset in DATASETS
            ),
            Some(
                1,
                tuple(
                    Check(
                        Difference(_score("svn", dataset), _score("vdn-brac", dataset)),
                        at_least=0.0,
                        by="interval",
                    )
                    for dataset in DATASETS
                ),
            ),
            Check(
                Difference(
                    Average(tuple(_score("svn", dataset) for dataset in DATASETS)),
                    Average(tuple(_score("vdn-brac", dataset) for dataset in DATASETS)),
                ),
                at_least=0.0,
            ),
        ),
        presets=_PRESETS,
    ),
    Claim(
        name="more-than-scaling",
        method="svn",
        statement="SVN scores no less than the raw mixer with the best of three scales of rewards.",
        published=_PUBLISHED,
        arms=(
            *_arms(("svn",)),
            *(_arm("mixer-raw", dataset, x) for dataset in DATASETS for x in SCALES),
        ),
        checks=tuple(
            Check(
                Difference(
                    _score("svn", dataset),
                    Best(tuple(_score("mixer-raw", dataset, x) for x in SCALES)),
                ),
                at_least=-2.0,
                by="interval",
            )
            for dataset in DATASETS
        ),
        presets=_PRESETS,
    ),
)
