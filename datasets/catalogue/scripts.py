"""Each task's script with noise: kitchens, push regions, robosuite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entitybench.datasets.catalogue.build import noisy
from entitybench.envs.kitchen.tasks import TASKS as KITCHEN
from entitybench.envs.robosuite.tasks import TASKS as ROBOSUITE

if TYPE_CHECKING:
    from entitybench.types import DatasetSpec

SUMMARY = "the script with noise, much or little by episode; 10 % of actions random"
# Mean lengths of episodes that can end before their horizon, control steps.
REGIONS = {"push-2blocks-region": 97, "push-3blocks-region": 152}


SCRIPTS: tuple[DatasetSpec, ...] = (
    *(noisy(task, SUMMARY, sigma=0.5, mean_length=length) for task, length in REGIONS.items()),
    *(
        noisy(task.id, SUMMARY, sigma=0.3, transitions=30_000)
        for task in KITCHEN
        if "state" in task.tags and task.kind == "goal-control"
    ),
    # robosuite's arms take a hundred times as long as other worlds.
    *(
        noisy(task.id, SUMMARY, sigma=0.3, transitions=10_000)
        for task in ROBOSUITE
        if "state" in task.tags and task.kind != "team-control"
    ),
)
