"""The dataset that a task is trained on: its default, and what is refused in one line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from stores import contents, generated, plain_store, rewritten

from entitybench.datasets.api import Dataset, load_dataset, open_for
from entitybench.datasets.generate.api import generate
from entitybench.datasets.store.store import EpisodeStore
from entitybench.errors import BadValue, DataError, UnknownId
from entitybench.registry import datasets, tasks

WITH_DATA = [task for task in tasks() if task.datasets]
TASK = tasks()["dag-4"]


@pytest.mark.parametrize("task", WITH_DATA, ids=lambda task: task.id)
def test_the_default_of_a_task_is_one_of_its_datasets(task):
    assert task.default_dataset in task.datasets
    assert datasets()[task.default_dataset].task == task.id
    # Where there is a choice, the order of registration decides nothing.
    assert task.data or len(task.datasets) == 1


def test_no_team_is_trained_on_random_actions_unless_told_so():
    teams = [task for task in WITH_DATA if task.kind == "team-control"]
    assert teams
    behaviours = {task.id: datasets()[task.default_dataset].behaviour for task in teams}
    assert not [id for id, behaviour in behaviours.items() if behaviour.endswith("basic:Random")]


def test_the_default_of_a_goal_task_with_play_is_play():
    goals = [task for task in WITH_DATA if task.kind == "goal-control"]
    with_play = [task for task in goals if any("/play-" in id for id in task.datasets)]
    assert len(with_play) > 20
    assert all("/play-" in task.default_dataset for task in with_play)


def test_a_task_without_data_is_refused():
    task = tasks()["push-3blocks-pixels"]
    assert task.default_dataset is None
    with pytest.raises(BadValue, match=r"push-3blocks-pixels has no dataset to train on"):
        open_for(task)


@pytest.fixture
def data_root(tmp_path, monkeypatch):
    monkeypatch.setenv("ENTITYBENCH_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def test_it_opens_ids_folders_and_datasets(data_root, tmp_path):
    task = replace(TASK, data="dag-4/random-v1")
    with pytest.raises(DataError, match=r"bench generate dag-4/random-v1"):
        open_for(task)
    folder = data_root / "dag-4" / "random-v1"
    generate("dag-4/random-v1", episodes=5, workers=1, out=folder, say=lambda _: None)
    with pytest.warns(UserWarning, match="custom"):
        by_default = open_for(task)
    assert isinstance(by_default, Dataset)
    for named in (folder, str(folder), by_default, EpisodeStore.open(folder)):
        assert isinstance(open_for(TASK, named), Dataset)
        assert open_for(TASK, named).content_hash == by_default.content_hash
    part = EpisodeStore.open(folder).split("validation")
    assert open_for(TASK, part).episodes == by_default.split("validation").episodes
    with pytest.raises(UnknownId, match=r"small, paper|paper, small"):
        open_for(task, "dag-4/random-v1@large")
    with pytest.raises(UnknownId, match=r"dag-4/random-v1"):
        open_for(task, "dag-4/randm-v1")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return generated("push-1block", tmp_path_factory.mktemp("store") / "a")


def test_what_is_not_of_the_task_is_refused(store, tmp_path):
    task = tasks()[store.task]
    assert open_for(task, store.folder).id == store.id
    with pytest.raises(BadValue, match=rf"is a dataset of {store.task}, not of dag-4, whose"):
        open_for(TASK, store.folder)

    columns, rows = contents(store)
    wide = {**columns, "actions": np.pad(columns["actions"], [(0, 0), (0, 1)])}
    rewritten(store, tmp_path / "wide", wide, rows)
    with pytest.raises(BadValue, match=r"has actions of shape \[3\]; push-1block has .* \[2\]"):
        open_for(task, tmp_path / "wide")

    pictures = np.zeros((len(columns["actions"]), 8, 8, 3), np.uint8)
    rewritten(store, tmp_path / "seen", {**columns, "observations": pictures}, rows)
    with pytest.raises(BadValue, match=r"is in pixels \[8, 8, 3\], and push-1block gives states"):
        open_for(task, tmp_path / "seen")

    rewritten(store, tmp_path / "more", {**columns, "observations": pictures[:, 0, 0]}, rows)
    with pytest.raises(BadValue, match=r"has observations of shape \[3\]; push-1block has"):
        open_for(task, tmp_path / "more")

    del columns["observations"]
    rewritten(store, tmp_path / "blind", columns, rows)
    with pytest.raises(BadValue, match=r"has no observations; push-1block has"):
        open_for(task, tmp_path / "blind")


def test_data_of_no_known_task_are_refused(tmp_path):
    arrays = {"observations": np.zeros((7, 4, 4), np.float32), "actions": np.zeros((7, 4))}
    plain_store(tmp_path / "some", arrays, [6])
    with pytest.raises(BadValue, match=r"some/thing-v0 is a dataset of no task that is known"):
        open_for(TASK, tmp_path / "some")
    assert load_dataset(tmp_path / "some").task is None
