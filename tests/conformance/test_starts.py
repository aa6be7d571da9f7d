"""No start is solved before anybody has acted."""

from __future__ import annotations

import importlib.util

import pytest

from entitybench.envs.conformance.play import unsolved_starts
from entitybench.registry import kinds, tasks


def _stepped(task) -> bool:
    kind = kinds()[task.kind]
    return kind.views is not None or kind.parallel is not None


TASKS = [
    pytest.param(
        task,
        id=task.id,
        marks=[]
        if not task.extra or importlib.util.find_spec(task.extra)
        else pytest.mark.skip(reason=f"pip install -e '.[{task.extra}]'"),
    )
    for task in tasks()
    if "state" in task.tags and _stepped(task)
]


@pytest.mark.parametrize("task", TASKS)
def test_no_start_is_solved_at_the_reset(task) -> None:
    unsolved_starts(task)
