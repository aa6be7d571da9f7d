"""What `bench reproduce idrl` checks.

Scores are normalised: random is 0 and the script 100. The settings of every arm were chosen with
equal budgets on training seeds that no claim uses (`benchmarks/tune_offline.py`), the bounds before
the claims' own seeds were run.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from entitybench.agents.idrl import worlds
from entitybench.agents.idrl.settings import settings
from entitybench.claims import (
    Arm,
    Average,
    Best,
    Check,
    Claim,
    Difference,
    Mean,
    Measured,
    Ratio,
    Spread,
    Training,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

SCORE = "normalised_return"
RIVALS = ("iql", "sql", "td3bc", "rebrac", "bc-10pct")
WORLDS = ("point-maze-u", "push-1block-region", "hockey-strike")
KITCHEN = "kitchen-4tasks"  # by itself: its states have 270 numbers, and training takes longer
LEGGED = ("hopper", "halfcheetah", "walker2d")
EMBEDDED = tuple(f"{task}/embedded-v1" for task in WORLDS)
CORRUPT = tuple(f"{task}/corrupt-{p}-v1" for task in (*WORLDS, KITCHEN) for p in (1, 5, 10))
LOCOMOTION = tuple(f"{task}/corrupt-{p}-v1" for task in LEGGED for p in (1, 5, 10))
# What is checked world by world too: the task, its data, and how they are called.
ALONE = (
    *((task, f"{task}/embedded-v1", "embedded data") for task in (*WORLDS, KITCHEN)),
    *((task, f"{task}/corrupt-5-v1", "data with 5 % of an expert") for task in LEGGED),
)
_UNIT = "entitybench.agents.idrl.tabular"
_PRESETS = ("small",)  # whose updates the settings replace
_PAPER = (
    "90.8 on locomotion, 80.3 in AntMaze, 74.8 in the kitchen; the best rivals about 88.5, 76.9, 74"
)


def _arm(agent: str, dataset: str) -> Arm:
    """An arm named AGENT@DATASET, with the settings that were chosen for it."""
    task = dataset.partition("/")[0]
    return Arm(f"{agent}@{dataset}", agent, task, dataset=dataset, changes=settings(agent, dataset))


def _arms(agents: Sequence[str], datasets: Sequence[str]) -> tuple[Arm, ...]:
    return tuple(_arm(agent, dataset) for dataset in datasets for agent in agents)


def _score(agent: str, datasets: Sequence[str]) -> Average:
    """The mean score over datasets, within each training seed."""
    return Average(tuple(Mean(f"{agent}@{dataset}", SCORE) for dataset in datasets))


def _logged(agent: str, datasets: Sequence[str], column: str) -> Average:
    """A number that training logged, its mean over datasets."""
    return Average(tuple(Training(f"{agent}@{dataset}", column) for dataset in datasets))


def _main(name: str, where: str, datasets: Sequence[str], rivals: Sequence[str] = RIVALS) -> Claim:
    """IDRL beats the best rival by five points."""
    ahead = Difference(
        _score("idrl", datasets), Best(tuple(_score(agent, datasets) for agent in rivals))
    )
    best = "the best of " if len(rivals) > 1 else ""
    return Claim(
        name=name,
        method="idrl",
        statement=f"On {where}, IDRL is 5 points or more above {best}{', '.join(rivals)}.",
        published=_PAPER,
        arms=_arms(("idrl", *rivals), datasets),
        checks=(Check(ahead, at_least=5.0), Check(ahead, at_least=0.0, by="interval")),
        presets=_PRESETS,
    )


def _iterations(name: str, where: str, datasets: Sequence[str]) -> Claim:
    """The second iteration and the ratio of states."""
    return Claim(
        name=name,
        method="idrl",
        statement=f"On {where} a second iteration helps, and the ratio of states does not hurt.",
        published="one iteration 73.2 / 68.8 / 70.5, ratio of actions 56.8 / 51.3 / 67.8",
        arms=_arms(("idrl", "idrl-m1", "idrl-action-ratio"), datasets),
        checks=(
            Check(
                Difference(_score("idrl", datasets), _score("idrl-m1", datasets)),
                at_least=0.0,
                by="interval",
            ),
            Check(
                Difference(_score("idrl", datasets), _score("idrl-action-ratio", datasets)),
                at_least=-2.0,
            ),
        ),
        presets=_PRESETS,
    )


def _purity(name: str, where: str, datasets: Sequence[str]) -> Claim:
    """What the filter keeps."""
    before, kept, ratio, actions = (
        _logged("idrl", datasets, column)
        for column in ("purity_before_1", "purity_1", "auroc_1", "auroc_action_1")
    )
    return Claim(
        name=name,
        method="idrl",
        statement=f"On {where} the filter keeps the expert's transitions, and w(s, a) knows them "
        "better than w(a | s) does.",
        published="shown in a grid world",
        arms=_arms(("idrl",), datasets),
        checks=(
            Check(Ratio(kept, before), at_least=3.0),
            Check(Difference(ratio, actions), at_least=0.0, by="interval"),
        ),
        presets=_PRESETS,
    )


def _steady(name: str, where: str, datasets: Sequence[str]) -> Claim:
    """The spread over training seeds."""
    return Claim(
        name=name,
        method="idrl",
        statement=f"On {where} scores vary less over training seeds than those of SQL.",
        published="stated without numbers",
        arms=_arms(("idrl", "sql"), datasets),
        checks=(
            Check(
                Ratio(Spread(_score("idrl", datasets)), Spread(_score("sql", datasets))),
                at_most=1.0,
            ),
        ),
        presets=_PRESETS,
    )


def _tuned(claim: Claim) -> Claim:
    """The same with settings that are chosen in its world alone, on other training seeds."""
    return replace(
        claim,
        name=f"{claim.name}-tuned",
        statement=f"{claim.statement.removesuffix('.')}, with settings chosen in that world.",
        arms=tuple(
            replace(arm, changes=worlds.settings(arm.agent, arm.dataset or ""))
            for arm in claim.arms
        ),
        first_seed=5,  # scores of 0 to 4 were seen when the candidates were named
    )


CLAIMS: tuple[Claim, ...] = (
    Claim(
        name="unit",
        method="idrl",
        statement="With tables, the losses find the ratio of visitations, no iteration is worse.",
        published="Theorems 1, 2 and 4",
        arms=(),
        checks=(
            Check(Measured(f"{_UNIT}:ratio_error"), at_most=0.1, by="every seed"),
            Check(Measured(f"{_UNIT}:mean_error"), at_most=0.02, by="every seed"),
            Check(Measured(f"{_UNIT}:least_gain"), at_least=0.0, by="every seed"),
        ),
    ),
    _main("small-1", "embedded data", EMBEDDED),
    _iterations("small-2", "embedded data", EMBEDDED),
    _purity("small-3", "embedded data", EMBEDDED),
    _steady("small-4", "embedded data", EMBEDDED),
    _main("small-1-corrupt", "episodes of an expert among random ones", CORRUPT),
    _main("small-1-locomotion", "the same of legged robots", LOCOMOTION),
    # World by world, so that each can be checked by itself.
    *(
        made(f"{name}-{task}", f"{what} of {task}", (dataset,))
        for task, dataset, what in ALONE
        for name, made in (
            ("small-1", _main),
            ("small-2", _iterations),
            ("small-3", _purity),
            ("small-4", _steady),
        )
    ),
    *(
        _tuned(made(f"{name}-{task}", f"embedded data of {task}", (f"{task}/embedded-v1",)))
        for task in worlds.WORLDS
        for name, made in (
            ("small-1", partial(_main, rivals=worlds.RIVALS)),
            ("small-3", _purity),
            ("small-4", _steady),
        )
    ),
)
