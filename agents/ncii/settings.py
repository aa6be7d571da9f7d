"""Settings of the arms of NCII's claims: equal widths, batches and updates of forward models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

DATASETS = {
    "dag-10": "dag-10/random-absent-v1",
    "sprites": "sprites/random-absent-v1",
    "hockey-goal": "hockey-goal/random-v1",
}

# What each arm was tuned over, on dag-10, two of each: the preset, and one change
# (`benchmarks/tune_graphs.py`).
GRID: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "ncii": ({}, {"epsilon": 10.0}),
    "graph-gradient": ({}, {"phases.0.learning_rate": 0.001}),
    "graph-attention": ({}, {"entropy": 0.1}),
    "graph-jaci": ({}, {"slack": 1.0}),
}

# Bodies obey the same laws, and interact seldom: one network for all pairs, six times the updates.
_NCII = (300, 7_200, 1_500, 2_400, 1_500, 2_400, 1_500)  # of its phases
_RIVAL = (12_000,)


def shared(agent: str, task: str) -> dict[str, Any]:
    """What an arm has in a task whatever is chosen; in graphs nothing but the preset."""
    if task.startswith("dag-"):
        return {}
    updates = _NCII if agent == "ncii" else _RIVAL
    return {"shared": True, **{f"phases.{k}.updates": n for k, n in enumerate(updates)}}


SETTINGS: Mapping[str, Mapping[str, Any]] = {agent: grid[0] for agent, grid in GRID.items()}
