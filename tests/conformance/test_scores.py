"""Every task can be solved, and not by chance: what shipped records say of oracle and random."""

from __future__ import annotations

import numpy as np
import pytest

from entitybench.leaderboard.evaluation.weights import REFERENCE
from entitybench.records import Record
from entitybench.registry import tasks
from entitybench.types import TaskSpec

# Teams are scored by returns, graphs by what is inferred.
SCORED = [t for t in tasks() if "state" in t.tags and t.kind in ("goal-control", "reward-control")]
TEAMS = [t for t in tasks() if "state" in t.tags and t.kind == "team-control"]


def success(task: TaskSpec, agent: str) -> float:
    path = REFERENCE / "records" / task.id / f"{agent}.json"
    assert path.is_file(), f"python benchmarks/records.py {task.id}"
    return float(np.mean([row.values["success"] for row in Record.read(path).rows]))


def bar(task: TaskSpec) -> float:
    """What the oracle of a task is to solve."""
    if task.tags & {"robosuite", "kitchen"}:
        return 0.90
    number = max((value for value in task.kwargs.values() if type(value) is int), default=1)
    return 0.85 if number > 5 else 0.95


@pytest.mark.parametrize("task", SCORED, ids=lambda task: task.id)
def test_the_oracle_solves_what_random_actions_do_not(task: TaskSpec) -> None:
    assert success(task, "oracle") >= bar(task)
    assert success(task, "random") < 0.05


@pytest.mark.parametrize("task", TEAMS, ids=lambda task: task.id)
def test_the_expert_of_a_team_scores_more_than_random_actions(task: TaskSpec) -> None:
    scores = []
    for agent in ("oracle", "random"):
        path = REFERENCE / "records" / task.id / f"{agent}.json"
        assert path.is_file(), f"python benchmarks/records.py {task.id}"
        scores.append([row.values["return"] for row in Record.read(path).rows])
    error = np.std(scores[1]) / np.sqrt(len(scores[1]))
    assert np.mean(scores[0]) > np.mean(scores[1]) + 3 * error
