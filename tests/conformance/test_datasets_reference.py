"""The reference scores in the manifests are those of the tasks as they are now."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from entitybench.datasets.generate.reference import reference_of
from entitybench.leaderboard.evaluation.weights import REFERENCE
from entitybench.records import Record
from entitybench.registry import datasets, tasks

TASKS = sorted({spec.task for spec in datasets()})


@pytest.mark.parametrize("id", TASKS)
def test_every_task_with_data_has_scores(id):
    task = tasks()[id]
    scores = reference_of(task)
    assert scores is not None, f"python benchmarks/records.py {id}"
    if task.oracle is not None:
        assert scores["oracle"]["return"] > scores["random"]["return"]


def test_the_scores_are_those_of_the_records():
    scores = reference_of(tasks()["push-3blocks"])
    for who in ("random", "oracle"):
        record = Record.read(REFERENCE / "records" / "push-3blocks" / f"{who}.json")
        found = np.mean([row.return_ for row in record.episodes])
        assert scores[who]["return"] == pytest.approx(found, abs=1e-4)
    assert scores["episodes"] == len(record.episodes)


def test_another_version_or_other_arguments_have_none():
    task = tasks()["push-3blocks"]
    for change in ({"version": 99}, {"kwargs": {"blocks": 4}}, {"horizon": 7}):
        assert reference_of(replace(task, **change)) is None
