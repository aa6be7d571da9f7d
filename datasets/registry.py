"""The table of datasets. Specs only: importing it loads no simulator."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from entitybench.datasets.catalogue.causal import CAUSAL
from entitybench.datasets.catalogue.goals import GOALS
from entitybench.datasets.catalogue.rewards import REWARDS
from entitybench.datasets.catalogue.scripts import SCRIPTS
from entitybench.datasets.catalogue.teams import TEAMS

if TYPE_CHECKING:
    from entitybench.types import DatasetSpec

# Data whose frames are worth predicting: many bodies move by themselves, or are moved.
VIDEOS = frozenset(
    {
        *(f"hockey-mallets-{name}/random-v1" for name in ("2", "4", "8", "4-sync")),
        *(f"push-{n}block{'s' if n > 1 else ''}/play-v1" for n in (1, 2, 3)),
        "sprites/random-v1",
        "team-spread/expert-v1",
    }
)

DATASETS: tuple[DatasetSpec, ...] = tuple(
    replace(spec, video=True) if spec.id in VIDEOS else spec
    for spec in (*GOALS, *REWARDS, *TEAMS, *CAUSAL, *SCRIPTS)
)
