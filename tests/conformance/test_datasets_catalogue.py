"""What `bench list datasets` says of sizes is what generating gives; every task is in the table."""

from __future__ import annotations

import json

import pytest

from entitybench.checkpoints import read_meta
from entitybench.datasets.api import load_dataset
from entitybench.datasets.catalogue.shapes import (
    MEASURED,
    disk_bytes,
    estimated_bytes,
    hash_today,
    is_registered,
    measured,
    shape_of,
    shapes,
    transitions,
)
from entitybench.datasets.generate.api import generate
from entitybench.datasets.pages.api import read_all
from entitybench.datasets.pages.checkout import FACTS, sizes
from entitybench.datasets.pages.index import index
from entitybench.errors import UnknownId
from entitybench.leaderboard.cli.main import main
from entitybench.leaderboard.evaluation.stored import stored_records
from entitybench.leaderboard.evaluation.weights import REFERENCE
from entitybench.registry import datasets, kinds, tasks
from entitybench.types import DatasetSpec

RUN = "run `python -m entitybench.datasets.catalogue.shapes`"


def test_every_task_with_data_has_its_shapes():
    assert {spec.task for spec in datasets()} == set(shapes()), RUN


@pytest.mark.parametrize("id", ["push-2blocks", "hopper", "team-spread", "dag-10", "hockey-goal"])
def test_shapes_are_those_of_the_task(id):
    assert shapes()[id] == shape_of(tasks()[id]), RUN


def test_every_feature_has_a_name(capsys):
    for id, shape in shapes().items():
        names = shape["names"]
        seen = ("agents", "agent_features") if names["agents"] else ("entities", "features")
        assert [len(names[key]) for key in seen] == shape["observation"], id
    for id, keys in (("push-3blocks", {"entities", "features"}), ("hopper-pixels", {"entities"})):
        assert main(["info", id, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found.keys() & {"entities", "features", "agents", "agent_features"} == keys
    assert found["observation"] == [64, 64, 3]


@pytest.mark.parametrize(
    "id", ["push-2blocks/play-v1", "team-spread/expert-v1", "sprites/random-v1"]
)
def test_the_estimate_is_near_what_is_written(id, tmp_path):
    spec = datasets()[id]
    folder = generate(id, episodes=20, workers=1, out=tmp_path / "a", say=lambda _: None)
    written = sum(file.stat().st_size for file in folder.iterdir() if file.suffix != ".json")
    share = 22 / (spec.episodes + spec.validation_episodes)
    assert written == pytest.approx(share * estimated_bytes(spec, transitions(spec)), rel=0.1)


def test_a_dataset_has_one_number_of_transitions():
    facts = read_all(FACTS)
    assert MEASURED.read_text() == sizes(facts), "run `make dataset-pages`"
    assert len(measured()) > 200
    listed = index(facts, pages=(), pictures=())
    for spec in datasets():
        if spec.id not in facts:
            continue
        manifest = facts[spec.id]["manifest"]
        assert transitions(spec) == manifest["transitions"]
        assert disk_bytes(spec) == sum(file["bytes"] for file in manifest["files"].values())
        assert f"| `{spec.id}` | {transitions(spec):,} |" in listed


def test_what_was_not_measured_is_estimated_with_its_validation_episodes(monkeypatch):
    before = {spec.id: (transitions(spec), disk_bytes(spec)) for spec in datasets()}
    monkeypatch.setattr("entitybench.datasets.catalogue.shapes.measured", dict)
    # Where a state can end an episode the registered length is only about what came out.
    same = [id for id, (steps, _) in before.items() if transitions(datasets()[id]) == steps]
    assert len(same) > 80
    for id in same:
        assert disk_bytes(datasets()[id]) == pytest.approx(before[id][1], rel=0.15)


def test_a_dataset_of_somebody_else_has_no_estimate_but_a_number_of_transitions():
    spec = DatasetSpec(
        id="other/mine-v1",
        task="other",
        behaviour="mine:Mine",
        episodes=7,
        validation_episodes=1,
        length=30,
    )
    assert transitions(spec) == 240
    assert disk_bytes(spec) is None


def test_every_task_that_is_not_in_pixels_has_data():
    stepped = [task for task in tasks() if kinds()[task.kind].views or kinds()[task.kind].parallel]
    without = [task.id for task in stepped if "pixels" not in task.tags and not task.datasets]
    assert without == []


def test_the_data_of_a_task_in_pixels_are_drawn_into_that_of_its_sibling():
    line = r"`bench generate push-3blocks/play-v1 --pixels 64`"
    for ask in (generate, load_dataset):
        with pytest.raises(UnknownId, match=line):
            ask("push-3blocks-pixels/play-v1")
    with pytest.raises(UnknownId, match="Did you mean 'push-3blocks/play-v1'"):
        load_dataset("push-3blocks-pixels/pla-v1")


def test_tasks_know_their_datasets():
    for spec in datasets():
        assert spec.id in tasks()[spec.task].datasets
    assert tasks()["push-3blocks"].datasets[0] == "push-3blocks/play-v1"
    assert tasks()["push-3blocks-pixels"].datasets == ()


def test_contents_are_those_of_the_facts():
    known = {id: made.sha256 for id, made in measured().items()}
    facts = {id: each["manifest"] for id, each in read_all(FACTS).items()}
    assert known == {id: manifest["content_hash"] for id, manifest in facts.items()}
    assert all(manifest["dataset"] == id for id, manifest in facts.items())
    assert set(known) <= set(datasets().ids)
    assert len(list(FACTS.glob("*/*.json"))) == len(known) > 200
    assert not [id for id, manifest in facts.items() if manifest["custom"]]


def test_records_that_are_shipped_learned_from_registered_content():
    shipped = [r for task in tasks().ids for r in stored_records(task)]
    of = [each for r in shipped for each in r.data if each.dataset]
    assert len(of) > 500
    assert all(is_registered(each.dataset, each.sha256) for each in of)


def test_weights_that_are_shipped_learned_from_registered_content():
    found = [
        read_meta(meta.parent) for meta in sorted(REFERENCE.glob("weights/*/*/*/*/agent.json"))
    ]
    assert len(found) > 60
    data = [each["dataset"] for each in found if each["dataset"]]  # others learned by acting
    learned = {(each["id"], each["content_hash"]) for each in data}
    assert [id for id, content in learned if not is_registered(id, content)] == []
    known = {made.sha256 for made in measured().values()}
    assert {hash_today(content) for _, content in learned} <= known
    assert not is_registered("push-3blocks/play-v1", measured()["push-1block/play-v1"].sha256)
