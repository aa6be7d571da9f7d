"""The table of datasets. Specs only: importing it loads no simulator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entitybench.datasets.catalogue.causal import CAUSAL
from entitybench.datasets.catalogue.goals import GOALS
from entitybench.datasets.catalogue.rewards import REWARDS
from entitybench.datasets.catalogue.scripts import SCRIPTS
from entitybench.datasets.catalogue.teams import TEAMS

if TYPE_CHECKING:
    from entitybench.types import DatasetSpec

DATASETS: tuple[DatasetSpec, ...] = (*GOALS, *REWARDS, *TEAMS, *CAUSAL, *SCRIPTS)
