"""The table of tasks. Specs only: importing it loads no simulator.

Each family keeps its own in `envs/<family>/tasks.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from entitybench.envs.push.tasks import TASKS as PUSH

if TYPE_CHECKING:
    from entitybench.types import TaskSpec

TASKS: tuple[TaskSpec, ...] = (*PUSH,)
