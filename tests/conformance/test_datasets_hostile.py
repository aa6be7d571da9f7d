"""What a mirror says is not believed: hostile indices, manifests and columns are one line each."""

from __future__ import annotations

import copy
import hashlib
import json
import shutil
import warnings

import numpy as np
import pytest
from fuzz import mutate, said_of, somewhere
from mirrors import TOY, make_toy, plant, sealed, tree

from entitybench.datasets.store import checks
from entitybench.datasets.store.store import EpisodeStore
from entitybench.datasets.transport.contract import Patience
from entitybench.datasets.transport.download import download
from entitybench.datasets.transport.items import item_of
from entitybench.datasets.transport.layout import MOST_TEXT, blob_name, index_bytes, read_index
from entitybench.errors import DataError

QUICK = Patience(tries=1, first_wait=0.01)


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return make_toy(tmp_path_factory.mktemp("hostile") / "toy", episodes=4)


@pytest.fixture
def manifest(toy):
    return json.loads((toy / "manifest.json").read_text())


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("ENTITYBENCH_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def get(site, id=TOY, **kwargs):
    return download(id, [str(site)], say=lambda _: None, patience=QUICK, **kwargs)


def refused(site, tmp_path, *, says=""):
    """Nothing is installed, and no file is written outside the data folder."""
    before = tree(site)
    with pytest.raises(DataError, match=says) as error:
        get(site)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 1000
    data = tmp_path / "data"
    assert not (data / "toy" / "x-v1").exists()
    assert {path.name for path in tmp_path.iterdir()} <= {"data", "site"}
    assert tree(site) == before
    strays = [path for path in data.rglob("*") if path.is_file() and ".locks" not in path.parts]
    assert all(".x-v1.download" in path.parts for path in strays), strays


NAMES = {
    "..": "..",
    "up": "../evil.npy",
    "far up": "../../../../../../tmp/evil.npy",
    "absolute": "/tmp/evil.npy",
    "below": "sub/evil.npy",
    "windows": "..\\evil.npy",
    "drive": "C:evil.npy",
    "hidden": ".evil",
    "empty": "",
    "nul": "evil\x00.npy",
    "line": "evil\n.npy",
    "long": "x" * 300,
    "surrogate": "\ud800.npy",
    "the manifest": "manifest.json",
    "other case": "ACTIONS.npy",
}


@pytest.mark.parametrize("name", NAMES)
def test_names_that_are_no_names(toy, manifest, tmp_path, name):
    manifest["files"][NAMES[name]] = manifest["files"]["actions.npy"]
    site = tmp_path / "site"
    plant(site, TOY, sealed(manifest), toy)
    refused(site, tmp_path, says="names? (a file )?|among its own")


def changes():
    about = {"bytes": 1, "sha256": "0" * 64}
    files = "files"
    return {
        "a link": ({files: {"x": {**about, "symlink": "/etc/passwd"}}}, "not just bytes"),
        "a million files": ({files: {f"f{i}": about for i in range(30_000)}}, "30000 files"),
        "no files": ({files: {}}, "misstates files"),
        "files as a list": ({files: ["actions.npy"]}, "misstates files"),
        "huge": ({files: {"x": {**about, "bytes": 2**60}}}, "misstates the bytes"),
        "huger": ({files: {"x": {**about, "bytes": 10**4000}}}, "misstates the bytes"),
        "negative": ({files: {"x": {**about, "bytes": -1}}}, "misstates the bytes"),
        "true": ({files: {"x": {**about, "bytes": True}}}, "misstates the bytes"),
        "half": ({files: {"x": {**about, "bytes": 1.5}}}, "misstates the bytes"),
        "text": ({files: {"x": {**about, "bytes": "1"}}}, "misstates the bytes"),
        "a path as hash": ({files: {"x": {**about, "sha256": "../" * 21 + "x"}}}, "sha256"),
        "upper case": ({files: {"x": {**about, "sha256": "A" * 64}}}, "sha256"),
        "another id": ({"dataset": "toy/other-v1"}, "is of 'toy/other-v1'"),
        "id as a number": ({"dataset": 1}, "misstates dataset"),
        "another version": ({"task": "push-1block", "task_version": 9}, "is for version 9"),
        "newer schema": ({"schema": 2}, "follows schema 2.*a newer entitybench"),
        "schema as text": ({"schema": "1"}, "follows schema '1'"),
        "schema true": ({"schema": True}, "follows schema True"),
        "no splits": ({"splits": {}}, "has no splits"),
        "odd splits": ({"splits": {"train": [0]}}, "misstates the split"),
        "splits backwards": ({"splits": {"train": [5, 1]}}, "misstates the split"),
        "splits beyond": ({"splits": {"train": [0, 10**6]}}, "fewer episodes"),
        "no states": ({"state_every": 0}, "misstates state_every"),
        "more transitions": ({"transitions": 10**9}, "transitions"),
        "no columns": ({"columns": []}, "misstates columns"),
        "columns of nothing": ({"columns": {"x": {}}}, "misstates the column"),
        "custom": ({"custom": "no"}, "misstates custom"),
        "objects": ({"columns": {"actions": _column(dtype="|O")}}, "misstates the column"),
        "long text": ({"columns": {"actions": _column(dtype="<U99999999")}}, "misstates the col"),
        "many axes": ({"columns": {"actions": _column(shape=[1] * 99)}}, "misstates the column"),
        "large axes": ({"columns": {"actions": _column(shape=[2**31] * 3)}}, "misstates the col"),
        "other axes": ({"columns": {"actions": _column(shape=[3])}}, "the store needs"),
        "other numbers": ({"columns": {"actions": _column(dtype="<i4")}}, "the manifest says <i4"),
        "no such file": ({"columns": {"actinos": _column()}}, "without a file"),
        "not frames": ({"columns": {"actions": _column(format="hdf5")}}, "without a file"),
        "another kind": ({"columns": {"actions": _column(per="world")}}, "misstates the column"),
    }


def _column(**changed):
    return {"dtype": "<f4", "shape": [2], "per": "row", **changed}


@pytest.mark.parametrize("name", changes())
def test_manifests_that_say_something_else(toy, manifest, tmp_path, name):
    changed, says = changes()[name]
    site = tmp_path / "site"
    plant(site, TOY, sealed({**manifest, **changed}), toy)
    refused(site, tmp_path, says=says)


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"null", b"[]", b"\xff\xfe", b"[" * 200_000, b"NaN", b'"x"', b"9" * 10_000],
    ids=range(9),
)
def test_manifests_and_indices_that_are_none(toy, tmp_path, data):
    site = tmp_path / "site"
    plant(site, TOY, data, toy)
    refused(site, tmp_path, says="corrupt")
    (site / "index.json").write_bytes(data)
    refused(site, tmp_path, says="corrupt")


def test_nan_in_a_manifest(toy, manifest, tmp_path):
    data = json.dumps({**manifest, "seed": float("nan")}).encode()
    plant(tmp_path / "site", TOY, data, toy)
    refused(tmp_path / "site", tmp_path, says="JSON does not know")


@pytest.mark.parametrize(
    ("index", "says"),
    [
        ({"schema": 2, "manifests": {}}, "follows schema 2"),
        ({"schema": True, "manifests": {}}, "follows schema True"),
        ({"schema": 1}, "corrupt"),
        ({"schema": 1, "manifests": [TOY]}, "corrupt"),
        ({"schema": 1, "manifests": {TOY: "../../etc/passwd"}}, "corrupt"),
        ({"schema": 1, "manifests": {TOY: 7}}, "corrupt"),
        ({"schema": 1, "manifests": {TOY: "0" * 64}}, "it has no blobs"),
        ({"schema": 1, "manifests": {"toy/z-v1": "0" * 64}}, "Did you mean 'toy/z-v1'"),
        ({"schema": 1, "manifests": {}, "padding": "x" * MOST_TEXT}, "over 8 MB"),
    ],
    ids=range(9),
)
def test_an_index_that_lies(tmp_path, index, says):
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.json").write_text(json.dumps(index))
    refused(site, tmp_path, says=says)


def test_a_manifest_that_is_not_the_one_in_the_index(toy, tmp_path):
    site = tmp_path / "site"
    sha256 = plant(site, TOY, (toy / "manifest.json").read_bytes(), toy)
    (site / blob_name(sha256)).write_bytes(b"{}")
    refused(site, tmp_path, says="corrupt manifest")


def test_blobs_that_are_no_files(toy, manifest, tmp_path):
    import os

    site = tmp_path / "site"
    plant(site, TOY, (toy / "manifest.json").read_bytes(), toy)
    blob = site / blob_name(manifest["files"]["actions.npy"]["sha256"])
    blob.unlink()
    blob.symlink_to("/dev/zero")
    with pytest.raises(DataError, match="is no file"):
        get(site)
    blob.unlink()
    os.mkfifo(blob)
    with pytest.raises(DataError, match="is no file"):
        get(site)
    blob.unlink()
    blob.mkdir()
    with pytest.raises(DataError, match="is no file"):
        get(site)


def test_a_set_that_claims_a_registered_id(toy, manifest, tmp_path):
    id = "push-1block/play-v1"
    site = tmp_path / "site"
    plant(site, id, sealed({**manifest, "dataset": id}), toy)
    with pytest.raises(DataError, match=f"is not of the registered {id}.*bench generate {id}"):
        get(site, id)
    assert not (tmp_path / "data" / "push-1block" / "play-v1").exists()


def opened(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        store = EpisodeStore.open(folder, verify=False)
        assert store.episodes is not None  # read, and checked, at first use
        return store


def test_fuzzed_manifests_are_faults(toy, manifest):
    """Whatever is read either is a manifest with sound names and numbers, or a Fault."""
    rng = np.random.default_rng(0)
    item, text = item_of(TOY), (toy / "manifest.json").read_bytes()
    whole = 0
    for attempt in range(2000):
        if attempt % 2:
            data = mutate(text, rng)
        else:
            changed = copy.deepcopy(manifest)
            somewhere(changed, rng)
            data = sealed(changed)
        found = said_of(lambda data=data: item.check(data), checks.Fault)
        if found is None:
            continue
        whole += 1
        for name, about in found["files"].items():
            assert (toy / name).resolve().parent == toy.resolve()
            assert 0 <= about["bytes"] <= checks.MOST_BYTES
    assert 0 < whole < 700


def test_fuzzed_indices_are_faults():
    rng = np.random.default_rng(1)
    text = index_bytes({TOY: "0" * 64, "toy/y-v1": "f" * 64})
    for _ in range(2000):
        try:
            found = read_index(mutate(text, rng))
        except checks.Fault:
            continue
        assert all(checks.is_hash(sha256) for sha256 in found.values())


@pytest.mark.parametrize("name", ["actions.npy", "states.npy", "offsets.npy", "episodes.jsonl"])
def test_fuzzed_columns_are_data_errors(toy, manifest, tmp_path, name):
    """Right by their hashes, wrong in what they hold: opened whole, or a DataError."""
    folder = tmp_path / "toy"
    shutil.copytree(toy, folder)
    rng = np.random.default_rng(sum(map(ord, name)))
    text, errors = (toy / name).read_bytes(), 0
    for _ in range(80):
        data = mutate(text[:400], rng) + text[400:]
        (folder / name).write_bytes(data)
        manifest["files"][name] = {
            "bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
        }
        (folder / "manifest.json").write_bytes(sealed(manifest))
        store = said_of(lambda: opened(folder), DataError)
        if store is None:
            errors += 1
            continue
        assert len(store.episodes) == len(store) == 4
        for index in range(4):
            part = store.episode(index)
            assert len(part["observations"]) == len(part["actions"]) + 1
    assert errors > 15


def test_frames_that_lie_in_another_file(tmp_path):
    h5py = pytest.importorskip("h5py")
    from entitybench.datasets.store.frames import Frames

    secret, path = tmp_path / "secret", tmp_path / "seen.h5"
    secret.write_bytes(b"x" * 192)
    with h5py.File(path, "w") as file:
        outside = [(str(secret), 0, 192)]
        file.create_dataset("frames", (1, 8, 8, 3), np.uint8, external=outside)
    with pytest.raises(DataError, match="another file"):
        Frames.open(path)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = np.zeros((1, 8, 8, 3), np.uint8)
    with h5py.File(path, "w") as file:
        file["frames"] = h5py.ExternalLink("other.h5", "x")
    with pytest.raises(DataError, match="another file"):
        Frames.open(path)


def test_fuzzed_frames_are_data_errors(tmp_path):
    pytest.importorskip("h5py")
    from entitybench.datasets.store.frames import Frames, FrameWriter

    path = tmp_path / "seen.h5"
    frames = np.random.default_rng(0).integers(0, 255, (40, 8, 8, 3)).astype(np.uint8)
    writer = FrameWriter(path, frames.shape)
    writer.append(frames)
    writer.close()
    text, rng, errors = path.read_bytes(), np.random.default_rng(2), 0
    for _ in range(150):
        path.write_bytes(mutate(text, rng))
        try:
            found = Frames.open(path)
            found[: len(frames)]
        except DataError:
            errors += 1
    assert errors > 5
