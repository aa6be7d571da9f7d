"""The table of tasks. Specs only: importing it loads no simulator.

Each family keeps its own in `envs/<family>/tasks.py`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from entitybench.envs.causal.tasks import TASKS as CAUSAL
from entitybench.envs.hockey.tasks import TASKS as HOCKEY
from entitybench.envs.kitchen.tasks import TASKS as KITCHEN
from entitybench.envs.locomotion.tasks import TASKS as LOCOMOTION
from entitybench.envs.pick.tasks import TASKS as PICK
from entitybench.envs.push.tasks import TASKS as PUSH
from entitybench.envs.reason.tasks import TASKS as REASON
from entitybench.envs.robosuite.tasks import TASKS as ROBOSUITE
from entitybench.envs.team.tasks import TASKS as TEAM
from entitybench.envs.tetris.tasks import TASKS as TETRIS

if TYPE_CHECKING:
    from entitybench.types import TaskSpec


def _after(family: tuple[TaskSpec, ...], *cites: str) -> tuple[TaskSpec, ...]:
    """The tasks of a family that is made after a paper's."""
    return tuple(replace(task, cites=cites) for task in family)


TASKS: tuple[TaskSpec, ...] = (
    *_after(CAUSAL, "chuck2025ncii"),
    *_after(HOCKEY, "chuck2025ncii"),
    *_after(KITCHEN, "gupta2019relay"),
    *LOCOMOTION,
    *_after(PICK, "haramati2026hecrl", "park2025ogbench"),
    *_after(PUSH, "haramati2026hecrl"),
    *_after(ROBOSUITE, "zhu2020robosuite"),
    *TEAM,
    *_after(TETRIS, "haramati2026hecrl"),
    *REASON,
)
