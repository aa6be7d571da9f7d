"""Settings of the arms of MAC-Flow's claims: equal updates, widths and batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

WORLDS = ("team-spread", "hockey-2v2", "team-pushbox")
UPDATES = 4_000  # a fifth of `small`: what a core-hour allows for all arms and training seeds
DATASETS = ("team-spread/mixed-obs-v1",)  # that settings are chosen on
SEEDS = (1000,)  # that they are chosen with, and no claim uses

_ALPHA = ({"alpha": 1.0}, {"alpha": 0.1}, {"alpha": 10.0})
# What each arm is tuned over, the published setting first (`benchmarks/tune_offline.py`).
GRID: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "macflow": _ALPHA,
    "macflow-shared": _ALPHA,
    "matd3bc": ({"alpha": 2.5}, {"alpha": 0.5}, {"alpha": 10.0}),
    "flow-bc": ({},),
    "joint-flow": ({},),
    "ma-bc": ({},),
}
# Those that differ from MAC-Flow in one part alone keep its α.
_TUNED = {"macflow-individual": "macflow", "ma-fql": "macflow"}
_CHOSEN: Mapping[str, int] = {"macflow": 0, "macflow-shared": 2, "matd3bc": 1}  # the best
_CLONES = ("joint-flow", "ma-bc")  # that have no discount


def shared(agent: str, dataset: str) -> dict[str, Any]:
    """What an arm has whatever is chosen: updates and batches, γ by the length of episodes."""
    found: dict[str, Any] = {"phases.0.updates": UPDATES, "batch_size": 64}
    found |= dict.fromkeys(("phases.0.learning_rate", "phases.0.final_learning_rate"), 1e-3)
    if agent not in _CLONES and dataset.startswith("team-spread/"):  # 25 steps
        found["discount"] = 0.95
    return found


def settings(agent: str, dataset: str) -> dict[str, Any]:
    """Those of a claim."""
    tuned = _TUNED.get(agent, agent)
    return {**shared(agent, dataset), **GRID[tuned][_CHOSEN.get(tuned, 0)]}
