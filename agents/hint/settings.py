"""Settings under which HER with and without the filter were compared before claims were set.

`benchmarks/tune_hint.py` trains both arms with each, by training seeds that no claim uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

SEEDS = (1000, 1001, 1002)
STEPS = 120_000

# A block or a disc can be asked to stay where it was brought: an episode does not end there.
STAYS: Mapping[str, Any] = {"terminal": False}
SHORT: Mapping[str, Any] = {"horizon": 50}  # of the 150 steps of pushing

SWEEP: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("push-1block", {**STAYS, **SHORT}),
    ("hockey-goal-obstacles", {}),
    ("hockey-goal", {"strategy": "final"}),
    ("sprites", {"steps": 60_000}),
    ("push-1block", SHORT),
    ("hockey-goal-obstacles", {"strategy": "final"}),
    ("push-1block-obstacles", SHORT),
)

# What `her` and `hint` are put beside in hockey-goal; of these training seeds those two are there.
BASELINES = ("sac", "her-final", "her-per", "her-displaced", "hint-action", "elden")
BASELINE_SEEDS = (0, 1, 2)
BASELINE_STEPS = 100_000
