"""Every registered dataset: it generates, whatever the blocks and workers, and replays exactly."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from dataset_cases import cases, kind

from entitybench.datasets.generate.api import generate, make_plan
from entitybench.datasets.generate.replay import replay_errors
from entitybench.datasets.store.store import EpisodeStore
from entitybench.registry import datasets, tasks

STEPS = 30  # control steps; the whole of an episode takes too long here
EPISODES = 3


def of_each_behaviour():
    return {spec.behaviour: spec for spec in datasets()}.values()


@pytest.fixture(autouse=True)
def _root(tmp_path, monkeypatch):
    monkeypatch.setenv("ENTITYBENCH_DATA", str(tmp_path / "data"))


def make(spec, out, **kwargs):
    """A few short episodes of a dataset."""
    few = {"episodes": EPISODES, "validation_episodes": 1, "length": min(STEPS, spec.length)}
    short = replace(spec, id=f"{spec.task}/short-v1", **few)
    datasets().add(short)
    try:
        return generate(short.id, out=out, say=lambda _: None, **{"workers": 1, **kwargs})
    finally:
        datasets()._specs.pop(short.id)


def tree(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


@pytest.mark.parametrize("spec", cases(datasets(), kind))
def test_it_generates_and_replays(tmp_path, spec):
    one = make(spec, tmp_path / "a")
    assert tree(make(spec, tmp_path / "b", block=1)) == tree(one)
    store = EpisodeStore.open(one)
    assert len(store) == EPISODES + 1
    for index in range(len(store)):
        assert not any(replay_errors(store, index).values()), index
    for name, column in store.columns.items():
        assert np.isfinite(column).all(), name
    assert np.abs(store.actions).max() <= 1
    assert np.ptp(np.asarray(store.actions), axis=0).max() > 0 or spec.length == 1


@pytest.mark.slow
@pytest.mark.parametrize("spec", cases(of_each_behaviour()))
def test_workers_change_no_byte(tmp_path, spec):
    one = make(spec, tmp_path / "a", block=2)
    assert tree(make(spec, tmp_path / "b", block=2, workers=2)) == tree(one)


@pytest.mark.parametrize("spec", cases(datasets()))
def test_it_is_registered_in_full(spec):
    task = tasks()[spec.task]
    assert spec.id in task.datasets
    assert spec.id.rpartition("/")[0] == task.id
    assert 1 <= spec.validation_episodes < spec.episodes
    assert spec.length >= 1
    for size, episodes in spec.sizes.items():
        plan = make_plan(spec, size=size)
        assert (plan.training, plan.size, plan.custom) == (episodes, size, False)
