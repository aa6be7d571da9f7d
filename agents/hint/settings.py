"""Settings under which HER with and without the filter were compared before claims were set.

`benchmarks/tune_hint.py` trains both arms with each, by training seeds that no claim uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

SEEDS = (1000, 1001, 1002)
STEPS = 120_000

SWEEP: tuple[tuple[str, Mapping[str, Any]], ...] = (
    # A block is to stay where it was brought: an episode does not end there. 50 of 150 steps.
    ("push-1block", {"terminal": False, "horizon": 50}),
    ("hockey-goal-obstacles", {}),
    ("hockey-goal", {"strategy": "final"}),
)

# What `her` and `hint` are put beside in hockey-goal; of these training seeds those two are there.
BASELINES = ("sac", "her-final", "her-per", "her-displaced", "hint-action", "elden")
BASELINE_SEEDS = (0, 1, 2)
BASELINE_STEPS = 100_000
