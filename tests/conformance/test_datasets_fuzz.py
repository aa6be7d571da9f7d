"""Files of others that are broken or hostile: whole, or one clear line and nothing written."""

from __future__ import annotations

import copy
import io
import json
import shutil
import warnings
import zipfile

import numpy as np
import pytest
from fuzz import bad_array, mutate, said_of, somewhere

from entitybench.datasets.generate.api import generate
from entitybench.datasets.lint.api import lint
from entitybench.datasets.minari import flat
from entitybench.datasets.minari.export import export
from entitybench.datasets.minari.importer import import_minari
from entitybench.datasets.store.schema import content_hash, manifest_hash
from entitybench.datasets.store.store import EpisodeStore
from entitybench.errors import BenchError, DataError
from entitybench.places import sha256_of

ROWS = 60
NAMES = ("../evil", "/tmp/evil", "..", "a\\b", "C:x", "x\n", "x" * 300, "Actions", "offsets", "")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with nothing beside it."""
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    monkeypatch.setenv("ENTITYBENCH_DATA", str(inner / "data"))
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(inner / "minari"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield inner


def arrays(seed=0):
    rng = np.random.default_rng(seed)
    return {
        "observations": rng.normal(size=(ROWS, 3)).astype(np.float32),
        "actions": rng.uniform(-1, 1, (ROWS, 2)).astype(np.float32),
        "terminals": np.arange(ROWS) % 20 == 19,
        "rewards": rng.normal(size=ROWS).astype(np.float32),
    }


def check_import(source, folder):
    """A sound store or one line; nothing else is written. Returns whether it was imported."""
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    before = {path.name for path in folder.iterdir()}
    store = said_of(lambda: import_minari(source, out), BenchError)
    after = {path.name for path in folder.iterdir()} - {"data"}
    assert after == (before | {"out"} if store is not None else before) - {"data"}
    assert {path.name for path in folder.parent.iterdir()} == {folder.name}
    if store is not None:
        for index in range(len(store)):
            part = store.episode(index)
            assert len(part["terminals"]) == store.episodes[index]["length"]
    said_of(lambda: lint(source, episodes=1), BenchError)
    return store is not None


def archive(path, entries):
    """An npz of arrays, or of bytes, by name."""
    with zipfile.ZipFile(path, "w") as file:
        for name, entry in entries:
            data = io.BytesIO()
            if not isinstance(entry, bytes):
                np.save(data, entry)
            file.writestr(f"{name}.npy", entry if isinstance(entry, bytes) else data.getvalue())


def test_fuzzed_ogbench_files(folder):
    rng, path, whole = np.random.default_rng(3), folder / "x.npz", 0
    np.savez(path, **arrays())
    text = path.read_bytes()
    for attempt in range(100):
        kind, entries = attempt % 3, arrays()
        name = str(rng.choice(list(entries)))
        if kind == 0:
            path.write_bytes(mutate(text, rng))
        elif kind == 1:
            archive(path, {**entries, name: bad_array(rng, ROWS)}.items())
        else:
            data = io.BytesIO()
            np.save(data, entries[name])
            broken = mutate(data.getvalue()[:128], rng) + data.getvalue()[128:]
            archive(path, {**entries, name: broken}.items())
        whole += check_import(path, folder)
    assert 10 < whole < 95


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_names_that_would_become_files_elsewhere(folder, name):
    path = folder / "x.npz"
    archive(path, {**arrays(), name: np.zeros(ROWS)}.items())
    assert not check_import(path, folder)


@pytest.mark.parametrize("name", ["states", "successes", "poses"])
def test_names_that_mean_something_else_here(folder, name):
    archive(folder / "x.npz", {**arrays(), name: np.zeros((ROWS, 2, 2))}.items())
    store = import_minari(folder / "x.npz", folder / "out")
    assert store.columns[f"infos.{name}"].shape == (ROWS, 2, 2)


def test_odd_ogbench_files(folder):
    path = folder / "x.npz"
    objects = np.array([{"a": 1}] * ROWS, object)
    with path.open("wb") as file:
        np.savez(file, **{**arrays(), "actions": objects})
    with pytest.raises(DataError, match="pickled objects"):
        import_minari(path, folder / "out")
    np.savez(path, **{**arrays(), "actions": np.array(["x"] * ROWS)})
    with pytest.raises(DataError, match="no numbers called actions"):
        import_minari(path, folder / "out")
    np.savez(path, **{**arrays(), "terminals": np.ones(ROWS)})
    with pytest.raises(DataError, match="no episode of two states"):
        import_minari(path, folder / "out")
    ends = (np.arange(ROWS) % 20 == 19) | (np.arange(ROWS) == 40)
    np.savez(path, **{**arrays(), "terminals": ends})
    assert import_minari(path, folder / "out").lengths.tolist() == [19, 19, 18]


def test_files_larger_than_the_memory(folder, monkeypatch):
    np.savez_compressed(folder / "x.npz", **arrays(), qpos=np.zeros((ROWS, 1000)))
    monkeypatch.setattr(flat.os, "sysconf", lambda name: 100)
    with pytest.raises(DataError, match="memory: import it on a larger one"):
        import_minari(folder / "x.npz", folder / "out")
    h5py = pytest.importorskip("h5py")
    with h5py.File(folder / "x.hdf5", "w") as file:
        file.create_dataset("observations", (10**12, 3), "f4", chunks=(1000, 3))
        for name in ("actions", "rewards", "terminals"):
            file[name] = arrays()[name]
    with pytest.raises(DataError, match="12000 GB when unpacked"):
        import_minari(folder / "x.hdf5", folder / "out")


def test_fuzzed_d4rl_files(folder):
    h5py = pytest.importorskip("h5py")
    rng, path, whole = np.random.default_rng(4), folder / "x.hdf5", 0

    def write(changed, **kwargs):
        with h5py.File(path, "w") as file:
            for name, entry in {**arrays(), **changed}.items():
                if isinstance(entry, np.ndarray) and entry.dtype.kind not in "UM":
                    file.create_dataset(name, data=entry, **(kwargs if entry.ndim else {}))
                elif not isinstance(entry, np.ndarray):
                    file[name] = entry

    texts = []
    for kwargs in ({}, {"compression": "gzip"}):
        write({"infos/qpos": np.zeros((ROWS, 2)), "metadata/algorithm": b"SAC"}, **kwargs)
        texts.append(path.read_bytes())
    odd = (h5py.Empty("f4"), h5py.SoftLink("/nothing"), h5py.SoftLink("/actions"), "text")
    for attempt in range(100):
        name = str(rng.choice(list(arrays())))
        if attempt % 3 < 2:
            path.write_bytes(mutate(texts[attempt % 3], rng))
        else:
            new = odd[rng.integers(len(odd))] if rng.random() < 0.3 else bad_array(rng, ROWS)
            write({name: new})
        whole += check_import(path, folder)
    assert 10 < whole < 95


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A generated set of a task of ours."""
    out = tmp_path_factory.mktemp("made") / "store"
    return generate("push-1block/play-v1", episodes=2, workers=1, out=out, say=lambda _: None)


def test_fuzzed_minari_data(made, folder):
    h5py = pytest.importorskip("h5py")
    pytest.importorskip("minari")
    rng, whole, name = np.random.default_rng(5), 0, "push-1block/some-v0"
    source = export(made, name)
    kept = folder.parent.parent.parent / f"{folder.parent.parent.name}-kept"
    shutil.copytree(source, kept)
    for attempt in range(36):
        shutil.rmtree(source)
        shutil.copytree(kept, source)
        about, data = source / "data" / "metadata.json", source / "data" / "main_data.hdf5"
        if attempt % 3 == 0:
            text = json.loads(about.read_text())
            if attempt % 2:
                somewhere(text["entitybench"], rng)
            else:
                somewhere(text, rng)
            about.write_text(json.dumps(text))
        elif attempt % 3 == 1:
            data.write_bytes(mutate(data.read_bytes(), rng))
        else:
            with h5py.File(data, "a") as file:
                names: list[str] = []
                file.visit(names.append)
                one = str(rng.choice(names))
                del file[one]
                if rng.random() < 0.5:
                    file[one] = np.zeros((13, 3))
        whole += check_import(name, folder)
    assert 5 < whole < 33


def changed(made, folder, name, array, **about):
    """A copy of a set with another column, whose hashes are right."""
    copied = folder / "changed"
    shutil.rmtree(copied, ignore_errors=True)
    shutil.copytree(made, copied)
    manifest = json.loads((made / "manifest.json").read_text())
    np.save(copied / f"{name}.npy", array)
    path = copied / f"{name}.npy"
    manifest["files"][path.name] = {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
    column = manifest["columns"][name]
    column["dtype"], column["shape"] = array.dtype.str, list(array.shape[1:])
    manifest |= about
    manifest["content_hash"] = content_hash(manifest["files"])
    manifest["manifest_hash"] = manifest_hash(manifest)
    (copied / "manifest.json").write_text(json.dumps(manifest))
    return copied


def test_columns_that_are_not_those_of_the_task(made, folder):
    rows = EpisodeStore.open(made).offsets[-1]
    for name, array in (
        ("observations", np.zeros((rows, 3), np.float32)),
        ("actions", np.zeros((rows, 9), np.float32)),
        ("states", np.zeros((len(np.load(made / "states.npy")), 2))),
        ("poses", np.zeros((rows, 1), np.float32)),
    ):
        bad = changed(made, folder, name, array)
        report = lint(bad)
        assert [finding.check for finding in report.findings] == ["files"]
        assert f"an entry of {name} has the shape" in report.findings[0].what
        with pytest.raises(DataError, match=f"is not of push-1block: an entry of {name}"):
            export(bad, "push-1block/bad-v0")


@pytest.mark.parametrize(
    "about",
    [
        {"task_kwargs": 7},
        {"absent": "all"},
        {"reference_scores": {"random": {"return": "low"}}},
        {"action_bounds": [[-1]]},
        {"mujoco": 3},
    ],
    ids=lambda about: next(iter(about)),
)
def test_fields_of_a_manifest_that_checks_read(made, folder, about):
    bad = changed(made, folder, "actions", np.load(made / "actions.npy"), **about)
    with pytest.raises(DataError, match=f"misstates {next(iter(about))}"):
        lint(bad)


def test_lines_of_episodes_that_checks_read(made, folder):
    rows = [json.loads(line) for line in (made / "episodes.jsonl").read_text().splitlines()]
    for name, value in (("split", None), ("seed", -1), ("return", "much"), ("labels", [])):
        bad = changed(made, folder, "actions", np.load(made / "actions.npy"))
        lines = copy.deepcopy(rows)
        lines[1][name] = value
        path = bad / "episodes.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        manifest = json.loads((bad / "manifest.json").read_text())
        manifest["files"][path.name] = {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
        manifest["content_hash"] = content_hash(manifest["files"])
        manifest["manifest_hash"] = manifest_hash(manifest)
        (bad / "manifest.json").write_text(json.dumps(manifest))
        with pytest.raises(DataError, match=f"misstates {name} in line 2"):
            lint(bad)
