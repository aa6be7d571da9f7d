"""Settings of the arms of IDRL's claims: equal updates of policies, widths and batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

UPDATES = 6_000  # of a rival; of each network of values of IDRL, in both iterations together
_IDRL = {
    "phases.0.updates": UPDATES // 2,
    "phases.1.updates": UPDATES // 2,
    "phases.2.updates": UPDATES // 2,
}
_RIVAL = {"phases.0.updates": UPDATES}

DATASETS = ("push-1block-region/embedded-v1", "point-maze-u/embedded-v1")
SEEDS = (1000, 1001)  # that settings are chosen with, and no claim uses

# What each arm was tuned over, five of each (`benchmarks/tune_offline.py`).
GRID: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "idrl": (
        {"reward_scale": 1.0, "discount": 0.99},
        {"reward_scale": 3.0, "discount": 0.99},
        {"reward_scale": 1.0, "discount": 0.97},
        {"reward_scale": 3.0, "discount": 0.97},
        {"reward_scale": 1.0, "discount": 0.97, "weight": "paper", "balance": 0.6},
    ),
    "sql": (
        {"alpha": 1.0, "discount": 0.99},
        {"alpha": 0.3, "discount": 0.99},
        {"alpha": 1.0, "discount": 0.97},
        {"alpha": 0.3, "discount": 0.97},
        {"alpha": 3.0, "discount": 0.99},
    ),
    "iql": (
        {"beta": 3.0, "discount": 0.99},
        {"beta": 1.0, "discount": 0.99},
        {"beta": 3.0, "discount": 0.97},
        {"beta": 10.0, "discount": 0.97},
        {"beta": 3.0, "expectile": 0.9, "discount": 0.99},
    ),
    "td3bc": (
        {"alpha": 2.5, "discount": 0.99},
        {"alpha": 1.0, "discount": 0.99},
        {"alpha": 0.3, "discount": 0.99},
        {"alpha": 2.5, "discount": 0.97},
        {"alpha": 0.3, "discount": 0.97},
    ),
    "rebrac": (
        {"actor_penalty": 0.01, "critic_penalty": 0.01},
        {"actor_penalty": 0.1, "critic_penalty": 0.01},
        {"actor_penalty": 0.1, "critic_penalty": 0.1},
        {"actor_penalty": 1.0, "critic_penalty": 0.1},
        {"actor_penalty": 1.0, "critic_penalty": 1.0},
    ),
    "bc-10pct": ({"best": 0.05}, {"best": 0.1}, {"best": 0.15}, {"best": 0.25}, {"best": 0.5}),
}


def shared(agent: str, dataset: str = "") -> dict[str, Any]:
    """What an arm has whatever is chosen, on any data: updates and batches."""
    del dataset
    own = _IDRL if agent.startswith("idrl") else _RIVAL
    return {**own, "batch_size": 128}


SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "idrl": {**shared("idrl"), **GRID["idrl"][0]},
    "idrl-m1": {**shared("idrl"), **GRID["idrl"][0]},
    "idrl-action-ratio": {**shared("idrl"), **GRID["idrl"][0]},
    "sql": {**shared("sql"), **GRID["sql"][0]},
    "iql": {**shared("iql"), **GRID["iql"][0]},
    "td3bc": {**shared("td3bc"), **GRID["td3bc"][0]},
    "rebrac": {**shared("rebrac"), **GRID["rebrac"][0]},
    "bc-10pct": {**shared("bc-10pct"), **GRID["bc-10pct"][1]},
}
