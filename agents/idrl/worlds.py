"""Settings of IDRL and SQL that are chosen in a world by itself, for the claims named `-tuned`.

Three candidates each. SQL stands for all rivals: with α = 1 and 20,000 updates it solved every
validation start of the maze, so that none can be better there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entitybench.agents.idrl import settings as of_push

if TYPE_CHECKING:
    from collections.abc import Mapping

UPDATES = 10_000  # of stage A in each iteration of IDRL
WORLDS = ("point-maze-u",)
DATASETS = tuple(f"{task}/embedded-v1" for task in WORLDS)
SEEDS = of_push.SEEDS
RIVALS = ("sql",)
_IDRL = {"phases.0.updates": UPDATES, "phases.1.updates": 6_000, "phases.2.updates": 6_000}
# The same preferences between policies. With the second a goal that is never reached is worth 0,
# which is what networks begin with.
_DOWN: Mapping[str, Any] = {"reward_shift": -1.0, "reward_scale": 1.0}
_UP: Mapping[str, Any] = {"reward_shift": 0.0, "reward_scale": 100.0}

GRID: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    # U faster by 50 and by 15 times: with the first, `flow` and the AUROC of W still rise when
    # stage B ends.
    "idrl": (
        {"restart": "warm", **_DOWN},
        {"restart": "fresh", "potential_rate": 1.0, "potential_scale": 50.0, **_UP},
        {"restart": "warm", "potential_rate": 0.5, "potential_scale": 30.0, **_UP},
    ),
    "sql": ({"alpha": 1.0, **_DOWN}, {"alpha": 1.0, **_UP}, {"alpha": 0.3, **_UP}),
}
_CHOSEN: Mapping[str, int] = {"idrl": 2, "sql": 1}


def shared(agent: str, dataset: str) -> dict[str, Any]:
    """What an arm has whatever is chosen: updates, batches and widths."""
    found = of_push.shared(agent, dataset)
    found.pop("reward_shift", None)
    return {**found, **(_IDRL if agent == "idrl" else {"phases.0.updates": UPDATES})}


def settings(agent: str, dataset: str) -> dict[str, Any]:
    """Those of a claim: rivals have as many updates of values as both iterations of IDRL."""
    found = {**shared(agent, dataset), **GRID[agent][_CHOSEN[agent]]}
    if agent != "idrl":
        found["phases.0.updates"] = 2 * UPDATES
    return found
