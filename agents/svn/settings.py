"""The stress ladder of SVN's claims, fixed before any score was seen, and the chosen rung."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

# Each rung adds to those before it.
_STEPS: tuple[Mapping[str, Any], ...] = (
    {"alpha": 1.0, "layer_norm": True},
    {"alpha": 0.1},
    {"layer_norm": False},
    {"embedding": 128, "mixer_hidden": 512},
    {"actor_mixer": True},
    {"discount": 0.995, "reward_scale": 10.0},
)


def rung(k: int) -> dict[str, Any]:
    """The settings of rung `k`, 0 to 5."""
    found: dict[str, Any] = {}
    for step in _STEPS[: k + 1]:
        found |= step
    return found


RUNGS = range(len(_STEPS))
CHOSEN = 4  # where claims compare: `benchmarks/svn_ladder.py` says which rung to take
DATASETS = ("team-spread-omar/medium-replay-v1", "team-pushbox/medium-replay-v1")
SCALES = (0.01, 0.1, 1.0)  # of rewards, for the raw mixer
