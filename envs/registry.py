"""The table of tasks. Specs only: importing it loads no simulator.

Each family keeps its own in `envs/<family>/tasks.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from entitybench.envs.causal.tasks import TASKS as CAUSAL
from entitybench.envs.hockey.tasks import TASKS as HOCKEY
from entitybench.envs.kitchen.tasks import TASKS as KITCHEN
from entitybench.envs.locomotion.tasks import TASKS as LOCOMOTION
from entitybench.envs.pick.tasks import TASKS as PICK
from entitybench.envs.push.tasks import TASKS as PUSH
from entitybench.envs.robosuite.tasks import TASKS as ROBOSUITE
from entitybench.envs.team.tasks import TASKS as TEAM
from entitybench.envs.tetris.tasks import TASKS as TETRIS

if TYPE_CHECKING:
    from entitybench.types import TaskSpec

TASKS: tuple[TaskSpec, ...] = (
    *CAUSAL,
    *HOCKEY,
    *KITCHEN,
    *LOCOMOTION,
    *PICK,
    *PUSH,
    *ROBOSUITE,
    *TEAM,
    *TETRIS,
)
