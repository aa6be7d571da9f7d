"""What `bench reproduce hint` checks.

The paper's curves were not to be had in numbers; "up to four times as sample-efficient" is in its
abstract. All arms have one configuration, fixed beforehand and tuned for none. The bounds were set
before the claims' seeds were run.
"""

from __future__ import annotations

from entitybench.claims import Area, Arm, Check, Claim, Difference, Ratio, StepsTo, Training

_PUBLISHED = "up to 4 times as sample-efficient as the best hindsight baseline"
_TASK = "hockey-goal"
_HALF = StepsTo(0.5, smooth=5)


def _arms(*agents: str) -> tuple[Arm, ...]:
    return tuple(Arm(agent, agent, _TASK) for agent in agents)


def _area(arm: str, column: str = "success") -> Training:
    return Training(arm, column, Area())


CLAIMS: tuple[Claim, ...] = (
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
                Ratio(Training("her", "success", _HALF), Training("hint", "success", _HALF)),
                at_least=1.5,
                required=False,
                why="a run that never is at 50 % counts as its last step",
            ),
        ),
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
)
