"""Settings of the arms of IDRL's claims: equal updates of values, widths and batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

UPDATES = 20_000  # of stage A in each iteration of IDRL
_IDRL = {
    "phases.0.updates": UPDATES,
    "phases.1.updates": 8_000,
    "phases.2.updates": 10_000,
    "policy_hidden": (64, 64),
    "balance": 0.5,
}
# The only reward is 1 at the goal: −1 a step instead, as usual for such mazes.
_SHIFTED = {"point-maze-u": {"reward_shift": -1.0}}

DATASETS = ("push-1block-region/embedded-v1",)
SEEDS = (1000, 1001)  # that settings are chosen with, and no claim uses

# What each arm was tuned over, two of each (`benchmarks/tune_offline.py`).
GRID: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "idrl": ({"restart": "fresh"}, {"restart": "warm"}),
    "sql": ({"alpha": 1.0}, {"alpha": 0.3}),
    "iql": ({"beta": 3.0}, {"beta": 10.0}),
    "td3bc": ({"alpha": 2.5}, {"alpha": 0.3}),
    "rebrac": (
        {"actor_penalty": 0.1, "critic_penalty": 0.01},
        {"actor_penalty": 1.0, "critic_penalty": 0.1},
    ),
    "bc-10pct": ({"best": 0.1}, {"best": 0.25}),
}
_CHOSEN: Mapping[str, int] = {  # the better of each two
    "idrl": 1,
    "sql": 1,
    "iql": 1,
    "td3bc": 0,
    "rebrac": 0,
    "bc-10pct": 1,
}


def shared(agent: str, dataset: str) -> dict[str, Any]:
    """What an arm has whatever is chosen: updates, batches and widths."""
    alike = {"batch_size": 256, "hidden": (64, 64)}
    if agent == "bc-10pct":
        return {"phases.0.updates": UPDATES, **alike}
    own = _IDRL if agent.startswith("idrl") else {"phases.0.updates": UPDATES}
    # Values have to travel 150 to 300 steps within these updates: slow critics follow faster.
    shift = _SHIFTED.get(dataset.partition("/")[0], {})
    return {**own, **alike, "target_rate": 0.02, **shift}


def settings(agent: str, dataset: str) -> dict[str, Any]:
    """Those of a claim: rivals have as many updates of values as both iterations of IDRL."""
    tuned = "idrl" if agent.startswith("idrl") else agent
    found = {**shared(agent, dataset), **GRID[tuned][_CHOSEN[tuned]]}
    if tuned not in ("idrl", "bc-10pct"):
        found["phases.0.updates"] = 2 * UPDATES
    return found
