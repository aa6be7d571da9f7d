"""The store: what is written is what is read, and damage is named."""

from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pytest

from entitybench.datasets.api import load_dataset
from entitybench.datasets.store import verify
from entitybench.datasets.store.schema import Column, episode_row, manifest_hash
from entitybench.datasets.store.store import EpisodeStore
from entitybench.datasets.store.writer import StoreWriter, locked, new_store
from entitybench.errors import BadValue, DataError, UnknownId

LENGTHS = [40, 3, 20, 0, 21]  # with 2 states for 20 steps, 1 for 3
SPLITS = ["train", "train", "train", "train", "validation"]


@pytest.fixture(autouse=True)
def _root(tmp_path, monkeypatch):
    monkeypatch.setenv("ENTITYBENCH_DATA", str(tmp_path / "data"))


def arrays():
    rows = sum(LENGTHS) + len(LENGTHS)
    rng = np.random.default_rng(0)
    return {
        "observations": rng.normal(size=(rows, 3, 5)).astype(np.float32),
        "actions": rng.normal(size=(rows, 2)).astype(np.float32),
        "desired_goals": rng.normal(size=(len(LENGTHS), 3, 5)).astype(np.float32),
        "states": rng.normal(size=(3 + 1 + 2 + 1 + 2, 4)),
    }


PER = {"desired_goals": "episode", "states": "state"}


@pytest.fixture
def folder(tmp_path):
    final = tmp_path / "toy"
    with locked(final), new_store(final) as temporary:
        data = arrays()
        columns = {name: Column.of(a, PER.get(name, "row")) for name, a in data.items()}
        store = StoreWriter(temporary, LENGTHS, columns)
        half = {name: a[: len(a) // 2] for name, a in data.items()}
        store.append(half)
        store.append({name: a[len(a) // 2 :] for name, a in data.items()})
        rows = [
            episode_row(i, split, length, seed=i * 2**40, labels={"a": True} if i else None)
            for i, (split, length) in enumerate(zip(SPLITS, LENGTHS, strict=True))
        ]
        store.finish(rows, {"dataset": "toy/x-v1", "task": None, "task_version": None, "seed": 0})
    return final


def test_what_is_written_is_read(folder):
    store = EpisodeStore.open(folder)
    for name, array in arrays().items():
        assert np.array_equal(store.columns[name], array)
        assert store.columns[name].dtype == array.dtype
        assert isinstance(store.columns[name], np.memmap)
    assert np.array_equal(store.lengths, LENGTHS)
    assert store.transitions == sum(LENGTHS)
    assert [row["length"] for row in store.episodes] == LENGTHS
    assert store.episodes[4] == {
        "index": 4,
        "split": "validation",
        "length": 21,
        "seed": 4 * 2**40,
        "return": None,
        "success": None,
        "labels": {"a": True},
        "captions": None,
        "failure_step": None,
    }
    assert not [p for p in folder.parent.iterdir() if p.name.startswith(".")]


def test_columns_cannot_be_written(folder):
    with pytest.raises(ValueError, match="read-only"):
        EpisodeStore.open(folder).observations[0] = 0


def test_episodes_have_one_observation_more_than_actions(folder):
    store = EpisodeStore.open(folder)
    whole = arrays()
    first = 0
    state = 0
    for index, (length, states) in enumerate(zip(LENGTHS, [3, 1, 2, 1, 2], strict=True)):
        part = store.episode(index)
        assert np.array_equal(
            part["observations"], whole["observations"][first : first + length + 1]
        )
        assert np.array_equal(part["actions"], whole["actions"][first : first + length])
        assert np.array_equal(part["desired_goals"], whole["desired_goals"][index])
        assert np.array_equal(part["states"], whole["states"][state : state + states])
        first += length + 1
        state += states
    assert np.array_equal(store.episode(-1)["actions"], store.episode(4)["actions"])
    for index in (5, -6):
        with pytest.raises(BadValue, match="it has 5"):
            store.episode(index)


def test_splits_are_views(folder):
    store = EpisodeStore.open(folder)
    train, validation = store.split("train"), store.split("validation")
    assert (len(train), len(validation)) == (4, 1)
    assert train.transitions + validation.transitions == store.transitions
    assert np.shares_memory(validation.observations, store.observations)
    for name, array in validation.episode(0).items():
        assert np.array_equal(array, store.episode(4)[name])
    assert validation.episodes == store.episodes[4:]
    assert validation.offsets[0] == 0
    with pytest.raises(BadValue, match="has 'train' and 'validation'"):
        store.split("test")
    with pytest.raises(BadValue, match="whole store"):
        validation.split("train")


@pytest.mark.parametrize(
    "name",
    ["observations.npy", "actions.npy", "states.npy", "offsets.npy", "episodes.jsonl"],
)
@pytest.mark.parametrize("damage", ["flip", "cut", "lengthen", "delete"])
def test_every_damage_is_named(folder, name, damage):
    EpisodeStore.open(folder)  # found right once, so that only what changes is hashed again
    path = folder / name
    data = bytearray(path.read_bytes())
    if damage == "delete":
        path.unlink()
    else:
        data[-9] ^= 1
        changed = {"flip": data, "cut": data[:-10], "lengthen": data + b"x"}[damage]
        path.write_bytes(changed)
    with pytest.raises(DataError, match=name.replace(".", r"\.")) as error:
        EpisodeStore.open(folder)
    assert str(folder) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"schema": 1}', "\x00\x01", '{"schema":7}']
)
def test_a_bad_manifest_is_one_line(folder, text):
    (folder / "manifest.json").write_text(text)
    with pytest.raises(DataError, match=r"manifest\.json|schema"):
        EpisodeStore.open(folder)


def test_a_changed_manifest_is_noticed(folder):
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["seed"] = 1
    path.write_text(json.dumps(manifest))
    with pytest.raises(DataError, match="was changed"):
        EpisodeStore.open(folder)


def test_another_schema_is_said(folder):
    path = folder / "manifest.json"
    manifest = {**json.loads(path.read_text()), "schema": 2}
    path.write_text(json.dumps({**manifest, "manifest_hash": manifest_hash(manifest)}))
    with pytest.raises(DataError, match="follows schema 2, this version reads schema 1"):
        EpisodeStore.open(folder)


def test_hashes_are_taken_once_and_again_after_a_change(folder, monkeypatch):
    hashed = []
    real = verify.sha256_of
    monkeypatch.setattr(verify, "sha256_of", lambda path: hashed.append(path.name) or real(path))
    EpisodeStore.open(folder)
    assert hashed == []  # noted when it was written
    os.utime(folder / "actions.npy")
    EpisodeStore.open(folder)
    assert hashed == ["actions.npy"]
    EpisodeStore.open(folder)
    assert hashed == ["actions.npy"]
    EpisodeStore.open(folder).verify()
    assert len(hashed) == 1 + 6


def test_damage_behind_an_unchanged_time_is_found_by_verify(folder):
    path = folder / "states.npy"
    times = path.stat()
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\x55")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    store = EpisodeStore.open(folder)
    with pytest.raises(DataError, match=r"states\.npy"):
        store.verify()
    with pytest.raises(DataError, match=r"states\.npy"):
        EpisodeStore.open(folder, verify=True)


def test_a_copy_is_checked_on_its_own(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    assert EpisodeStore.open(copy).content_hash == EpisodeStore.open(folder).content_hash
    data = bytearray((copy / "observations.npy").read_bytes())
    data[-1] ^= 1
    (copy / "observations.npy").write_bytes(data)
    with pytest.raises(DataError, match=r"observations\.npy"):
        EpisodeStore.open(copy)
    EpisodeStore.open(folder)


def test_a_data_root_that_cannot_be_written_is_no_error(folder, monkeypatch):
    before = EpisodeStore.open(folder).content_hash
    monkeypatch.setenv("ENTITYBENCH_DATA", "/proc/nowhere")
    assert EpisodeStore.open(folder).content_hash == before


def test_the_writer_refuses_what_does_not_fit(tmp_path):
    columns = {"actions": Column("<f4", (2,))}
    store = StoreWriter(tmp_path, [3], columns)
    with pytest.raises(BadValue, match="holds <f4"):
        store.append({"actions": np.zeros((4, 2))})
    with pytest.raises(BadValue, match="holds <f4"):
        store.append({"actions": np.zeros((4, 3), np.float32)})
    store.append({"actions": np.zeros((3, 2), np.float32)})
    with pytest.raises(BadValue, match="not complete"):
        store.finish([episode_row(0, "train", 3)], {})


def test_splits_must_be_contiguous(tmp_path):
    store = StoreWriter(tmp_path, [0, 0, 0], {})
    rows = [episode_row(i, split, 0) for i, split in enumerate(["train", "validation", "train"])]
    with pytest.raises(BadValue, match="follow one another"):
        store.finish(rows, {})


def test_nothing_is_left_after_an_error(tmp_path):
    def fail():
        with new_store(tmp_path / "a") as folder:
            (folder / "x.npy").write_bytes(b"0" * 100)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert not [p for p in tmp_path.iterdir() if p.name != "data"]


def test_names_that_lead_nowhere(tmp_path):
    with pytest.raises(UnknownId, match="push-3blocks/play-v1"):
        load_dataset("push-3block/play-v1")
    with pytest.raises(DataError, match="no folder"):
        load_dataset("/nowhere/at/all")
    with pytest.raises(DataError, match="no folder"):
        load_dataset(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"manifest\.json"):
        load_dataset(tmp_path / "empty")
    with pytest.raises(DataError, match="bench generate push-3blocks/play-v1 --episodes 2000"):
        load_dataset("push-3blocks/play-v1")
