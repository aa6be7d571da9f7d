"""What the episodes of a dataset reach, beside random actions and the scripted oracle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from entitybench.registry import tasks

if TYPE_CHECKING:
    from entitybench.datasets.store.store import EpisodeStore


def scores_of(store: EpisodeStore) -> str:
    """A line on what the episodes of a store reach, beside the reference scores."""
    rows, known = store.episodes, store.manifest["reference_scores"] or {}
    success = [row["success"] for row in rows]
    horizon = tasks()[store.task].horizon if store.task and store.task in tasks() else None
    steps = int(store.lengths.max())
    over = "" if horizon in (None, steps) else f" over {horizon} steps, these {steps}"
    text = f"return {np.mean([row['return'] for row in rows]):.4g}, success {np.mean(success):.1%}"
    others = [
        f"{who} {known[who]['return']:.4g}, {known[who]['success']:.1%}"
        for who in ("random", "oracle")
        if known.get(who)
    ]
    known_scores = "; ".join(others) + over if others else "no reference"
    return f"{text} in the mean over {len(rows)} episodes ({known_scores})"
