"""What `bench reproduce hint` checks.

The paper's curves were not to be had in numbers; "up to four times as sample-efficient" is in its
abstract. All arms have one configuration, fixed beforehand and tuned for none. The bounds were set
before the claims' seeds were run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entitybench.claims import Area, Arm, Check, Claim, Difference, Ratio, StepsTo, Training

if TYPE_CHECKING:
    from collections.abc import Mapping

_PUBLISHED = "up to 4 times as sample-efficient as the best hindsight baseline"
_TASK = "hockey-goal"
_HALF = StepsTo(0.5, smooth=5)
_LONG = {"steps": 300_000}  # enough for some to come to 50 % with her
_USUAL = {"steps": 150_000}  # as the preset: said, so that these seeds are kept by themselves
_HARDER = "hockey-goal-obstacles"  # chosen by `benchmarks/tune_hint.py`, with seeds 1000 to 1002
_ENOUGH = {"steps": 200_000}  # for hint to come to 20 % there
_SHORT: Mapping[str, Any] = {"horizon": 50}  # a touch is rarer: 7 % by chance, and not 15
_OTHERS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("sprites", {}),
    ("push-1block", _SHORT),
    ("push-1block-obstacles", _SHORT),
)


def _arms(*agents: str) -> tuple[Arm, ...]:
    return tuple(Arm(agent, agent, _TASK) for agent in agents)


def _steps_ratio(take: StepsTo, rival: str = "her") -> Ratio:
    return Ratio(Training(rival, "success", take), Training("hint", "success", take))


def _area(arm: str, column: str = "success") -> Training:
    return Training(arm, column, Area())


def _other(task: str, changes: Mapping[str, Any]) -> tuple[Claim, ...]:
    """Whether the filter pays in another world, and whether by what it is said to."""
    arms = {agent: Arm(agent, agent, task, changes=changes) for agent in ("hint", "her")}
    common: dict[str, Any] = {"method": "hint", "presets": ("small",), "evaluate_every": 5_000}
    return (
        Claim(
            name=f"small-{task}",
            statement=f"In {task} relabelling only episodes with a touch learns faster than "
            "relabelling all: a larger area under the curve of validation success.",
            published=_PUBLISHED,
            arms=tuple(arms.values()),
            checks=(
                Check(Difference(_area("hint"), _area("her")), at_least=0.0, by="interval"),
                Check(_steps_ratio(_HALF), at_least=1.5, required=False),
            ),
            **common,
        ),
        Claim(
            name=f"mechanism-{task}",
            statement=f"In {task} at most half as many of the goals relabelled with are "
            "fulfilled at the start.",
            published="goals where the object began vanish (a figure)",
            arms=tuple(arms.values()),
            checks=(Check(Ratio(_area("hint", "trivial"), _area("her", "trivial")), at_most=0.5),),
            **common,
        ),
    )


CLAIMS: tuple[Claim, ...] = (
    Claim(
        name=f"regime-{_HARDER}",
        method="hint",
        statement=f"In {_HARDER} relabelling all episodes takes at least 1.5 times as many steps "
        "to 20 % success (mean of five evaluations) as relabelling those with a touch, and the "
        "area under the curve of validation success is smaller.",
        published=_PUBLISHED,
        arms=tuple(Arm(agent, agent, _HARDER, changes=_ENOUGH) for agent in ("hint", "her")),
        checks=(
            Check(Difference(_area("hint"), _area("her")), at_least=0.0, by="interval"),
            Check(
                _steps_ratio(StepsTo(0.2, smooth=5)),
                at_least=1.5,
                why="a run that never is at 20 % counts as its last step",
            ),
            Check(
                _steps_ratio(StepsTo(0.2, smooth=5)), at_least=1.0, by="interval", required=False
            ),
            Check(_steps_ratio(StepsTo(0.1, smooth=5)), at_least=1.5, required=False),
            Check(
                Ratio(_area("hint", "rewarded"), _area("her", "rewarded")),
                at_least=2.0,
                required=False,
            ),
        ),
        presets=("small",),
        first_seed=10,
        evaluate_every=5_000,
    ),
    Claim(
        name=f"steps-{_TASK}",
        method="hint",
        statement=f"In {_TASK} relabelling all episodes takes at least 1.5 times as many steps to "
        "50 % success (mean of five evaluations) as relabelling those with a touch.",
        published=_PUBLISHED,
        arms=tuple(Arm(agent, agent, _TASK, changes=_LONG) for agent in ("hint", "her")),
        checks=(
            Check(
                _steps_ratio(_HALF),
                at_least=1.5,
                why="a run that never is at 50 % counts as its last step",
            ),
            Check(_steps_ratio(_HALF), at_least=1.0, by="interval"),
            Check(_steps_ratio(StepsTo(0.3, smooth=5)), at_least=1.5, required=False),
            Check(Difference(_area("hint"), _area("her")), at_least=0.0, by="interval"),
        ),
        presets=("small",),
        first_seed=5,  # the first 150,000 steps of 0 to 4 were seen when the bounds were set
        evaluate_every=5_000,
    ),
    Claim(
        name=f"small-{_TASK}",
        method="hint",
        statement=f"In {_TASK} relabelling only episodes in which the mallet touched the puck "
        "learns faster than relabelling all: a larger area under the curve of validation success.",
        published=_PUBLISHED,
        arms=_arms("hint", "her"),
        checks=(
            Check(Difference(_area("hint"), _area("her")), at_least=0.0, by="interval"),
            Check(
                _steps_ratio(_HALF),
                at_least=1.5,
                required=False,
                why="a run that never is at 50 % counts as its last step",
            ),
        ),
        evaluate_every=5_000,
    ),
    Claim(
        name=f"per-{_TASK}",
        method="hint",
        statement=f"In {_TASK} relabelling only episodes in which the mallet touched the puck "
        "learns faster than relabelling all and drawing transitions of large errors more often: a "
        "larger area under the curve of validation success.",
        published=_PUBLISHED,
        arms=tuple(Arm(agent, agent, _TASK, changes=_USUAL) for agent in ("hint", "her-per")),
        checks=(
            Check(Difference(_area("hint"), _area("her-per")), at_least=0.0, by="interval"),
            Check(
                _steps_ratio(_HALF, "her-per"),
                at_least=1.5,
                required=False,
                why="a run that never is at 50 % counts as its last step",
            ),
        ),
        presets=("small",),
        first_seed=15,  # three seeds of her-per were seen when the bounds were set: 0 to 2
        evaluate_every=5_000,
    ),
    Claim(
        name=f"control-{_TASK}",
        method="hint",
        statement=f"In {_TASK} it matters which episodes are relabelled, and not how many: as many "
        "at random do worse.",
        published="not in the paper",
        arms=_arms("hint", "her-random"),
        checks=(
            Check(Difference(_area("hint"), _area("her-random")), at_least=0.0, by="interval"),
        ),
        evaluate_every=5_000,
    ),
    Claim(
        name=f"mechanism-{_TASK}",
        method="hint",
        statement=f"In {_TASK} at least twice as many relabelled transitions are rewarded. "
        "Hardly any goal is fulfilled at the start with either: they ask for a shot.",
        published="goals where the object began vanish (a figure)",
        arms=_arms("hint", "her"),
        checks=(
            Check(Ratio(_area("hint", "rewarded"), _area("her", "rewarded")), at_least=2.0),
            Check(
                Ratio(_area("hint", "trivial"), _area("her", "trivial")),
                at_most=0.5,
                required=False,
                why="empty in this task",
            ),
        ),
        evaluate_every=5_000,
    ),
    *(claim for task, changes in _OTHERS for claim in _other(task, changes)),
)
