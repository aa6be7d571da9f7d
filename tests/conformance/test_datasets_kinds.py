"""Every kind of task gives its columns: goals, rewards, teams, graphs; ends, absences, labels."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from uniform_sets import KINDS, uniform_set

from entitybench.datasets.generate.api import generate
from entitybench.datasets.generate.replay import replay_errors
from entitybench.datasets.store.store import EpisodeStore
from entitybench.envs.api import world_of
from entitybench.envs.core.world import GoalWorld, TeamWorld


@pytest.fixture(params=KINDS)
def spec(request, tmp_path, monkeypatch):
    monkeypatch.setenv("ENTITYBENCH_DATA", str(tmp_path / "data"))
    with uniform_set(request.param) as spec:
        yield spec


def tree(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def test_every_kind_gives_its_columns(tmp_path, spec):
    one = generate(spec.id, workers=1, block=4, out=tmp_path / "a")
    assert tree(generate(spec.id, workers=1, block=1, out=tmp_path / "b")) == tree(one)
    store = EpisodeStore.open(one)
    world = world_of(spec.task, **spec.world_kwargs)
    shapes = {name: array.shape[1:] for name, array in store.columns.items()}
    assert shapes == expected_shapes(spec, world, shapes)

    padding = store.offsets[1:] - 1
    terminals, masks = store.columns["terminals"], store.columns["masks"]
    assert np.array_equal(np.flatnonzero(terminals), padding)
    ended = store.lengths < spec.length
    assert ended.any() <= world.terminates
    assert np.array_equal(np.flatnonzero(~masks), np.sort([*padding, *(padding - 1)[ended]]))
    for name in {"actions", "rewards", "contacts", "odd"} & shapes.keys():
        assert not store.columns[name][padding].any(), name
    assert store.manifest["behaviour_kwargs"] == {"offset": 100}
    if "entity_masks" in shapes:
        there = store.columns["entity_masks"]
        assert 0 < there.mean() < 1
        for index, row in enumerate(there):
            assert not store.episode(index)["observations"][:, ~row].any()


def expected_shapes(spec, world, found):
    entities = (world.entities, world.features)
    shapes = {
        "observations": entities,
        "actions": world.action_shape,
        "successes": (),
        "poses": (world.model.nq,),
        "terminals": (),
        "masks": (),
        "odd": (),
        "states": found["states"],
    }
    if isinstance(world, GoalWorld):
        shapes["desired_goals"] = entities
    elif isinstance(world, TeamWorld):
        agents = (len(world.agents), len(world.agent_feature_names))
        shapes |= {"rewards": agents[:1], "entities": entities, "observations": agents}
    else:
        shapes["rewards"] = ()
    if spec.absent:
        shapes["entity_masks"] = (world.entities,)
    if spec.interactions:
        shapes["contacts"] = (world.entities, world.entities + 1)
    return shapes


def test_what_an_episode_was_is_in_its_row(tmp_path, spec):
    store = EpisodeStore.open(generate(spec.id, workers=1, out=tmp_path / "a"))
    world = world_of(spec.task, **spec.world_kwargs)
    if spec.task in ("hopper", "team-hopper-3x1"):
        assert (store.lengths < spec.length).any()
    for index, row in enumerate(store.episodes):
        part, length = store.episode(index), row["length"]
        assert row["labels"] == {"steps": 100 + length, "kind": "uniform"}
        assert part["odd"].tolist() == [*(np.arange(101, 101 + length) % 2), 0]
        assert row["success"] is bool(part["successes"][-1])
        assert len(part["states"]) == length // 20 + 1
        if "rewards" in part:
            rewards = part["rewards"].astype(np.float64).reshape(length, -1).mean(axis=1)
            assert row["return"] == pytest.approx(rewards.sum(), rel=1e-12)
        else:
            goals = np.broadcast_to(part["desired_goals"], part["observations"].shape)
            scores = world.judge(world.achieved(part["observations"]), goals)
            assert np.array_equal(part["successes"], scores["is_success"])
            assert row["return"] == scores["reward"][1:].sum()


def test_episodes_replay_from_their_states(tmp_path, spec):
    store = EpisodeStore.open(generate(spec.id, workers=1, out=tmp_path / "a"))
    names = set(store.columns) - {"actions", "terminals", "odd"}
    for index in range(len(store)):
        errors = replay_errors(store, index)
        assert errors.keys() == names
        assert not any(errors.values()), (index, errors)


def test_a_replay_finds_what_was_changed(tmp_path):
    with uniform_set("push-2blocks") as spec:
        store = EpisodeStore.open(generate(spec.id, workers=1, out=tmp_path / "a"))
    columns = {name: np.array(array) for name, array in store.columns.items()}
    changed = EpisodeStore(store.folder, store.manifest, columns, store.offsets)
    assert not any(replay_errors(changed, 0).values())
    columns["actions"][7] = 0
    errors = replay_errors(changed, 0)
    assert errors["states"] > 1e-6
    assert errors["observations"] > 1e-6
    assert errors["desired_goals"] == 0
    columns["observations"][3, 0, 0] = np.nan
    assert replay_errors(changed, 0)["observations"] == np.inf
