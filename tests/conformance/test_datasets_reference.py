"""The reference scores of datasets are those of the stored records and of the present tasks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from entitybench.datasets.catalogue.scores import FILE, reference_of, scores
from entitybench.leaderboard.documents.scores import reference_scores, written
from entitybench.leaderboard.evaluation.weights import REFERENCE
from entitybench.records import Record
from entitybench.registry import datasets, kinds, tasks

# Those where actions are scored: graphs have no returns.
TASKS = sorted(
    {spec.task for spec in datasets() if kinds()[tasks()[spec.task].kind].does == "policy"}
)


@pytest.mark.parametrize("id", TASKS)
def test_every_task_with_data_has_scores(id):
    task = tasks()[id]
    scores = reference_of(task)
    assert scores is not None, f"python benchmarks/records.py {id}, then `make results`"
    if task.oracle is not None:
        assert scores["oracle"]["return"] > scores["random"]["return"]


def test_the_table_is_that_of_the_records():
    found = reference_scores(REFERENCE / "records")
    assert scores() == found, "`make results`"
    assert FILE.read_text(encoding="utf-8") == written(found)


def test_the_scores_are_the_means_of_the_records():
    scores = reference_of(tasks()["push-3blocks"])
    for who in ("random", "oracle"):
        record = Record.read(REFERENCE / "records" / "push-3blocks" / f"{who}.json")
        for name in ("return", "success", "success_fraction"):
            found = np.mean([row.values[name] for row in record.rows])
            assert scores[who][name] == pytest.approx(found, abs=1e-4)
    assert scores["episodes"] == len(record.rows)


def test_another_version_or_other_arguments_have_none():
    task = tasks()["push-3blocks"]
    for change in ({"version": 99}, {"kwargs": {"blocks": 4}}, {"horizon": 7}):
        assert reference_of(replace(task, **change)) is None


def test_what_is_told_of_a_task_is_a_copy():
    task = tasks()["push-3blocks"]
    reference_of(task)["random"]["return"] = 0
    assert reference_of(task)["random"]["return"] == scores()[task.id]["random"]["return"] != 0
