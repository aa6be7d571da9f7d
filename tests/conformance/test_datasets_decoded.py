"""Frames are decoded once, into a file that bears with other processes, cuts and full disks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import namedtuple

import numpy as np
import pytest
from stores import film_store

from entitybench.datasets.api import Dataset
from entitybench.datasets.store import decoded as module
from entitybench.errors import DataError

pytest.importorskip("h5py")

LENGTHS = [19, 7, 40]
ROWS = sum(LENGTHS) + len(LENGTHS)


@pytest.fixture(autouse=True)
def _root(tmp_path, monkeypatch):
    monkeypatch.setenv("ENTITYBENCH_DATA", str(tmp_path / "data"))


def film():
    return np.random.default_rng(0).integers(0, 256, (ROWS, 16, 16, 3), dtype=np.uint8)


@pytest.fixture
def store(tmp_path):
    rows = np.arange(ROWS, dtype=np.float32)[:, None]
    film_store(tmp_path / "toy", film(), LENGTHS, actions=rows)
    return Dataset.open(tmp_path / "toy")


def cache(tmp_path):
    return list((tmp_path / "data" / ".cache").iterdir())


def test_frames_are_decoded_once(store, tmp_path, monkeypatch):
    assert np.array_equal(store.frames(), film())
    [path] = cache(tmp_path)
    assert path.stem == store.manifest["files"]["frames.h5"]["sha256"]

    def again(*_):
        raise AssertionError("decoded again")

    monkeypatch.setattr(module, "_decode", again)
    frames = Dataset.open(store.folder).frames()
    assert isinstance(frames, np.memmap)
    rows = np.array([60, 2, 2, 33])
    assert np.array_equal(frames[rows], film()[rows])
    assert np.array_equal(store.split("validation").frames(), film()[28:])


def test_samplers_draw_frames(store):
    batch = (
        store.split("validation")
        .transition_sampler(columns=["frames", "actions"])
        .sample(32, np.random.default_rng(0))
    )
    rows = batch["actions"][:, 0].astype(int)
    assert np.array_equal(batch["frames"], film()[rows])
    assert np.array_equal(batch["next_frames"], film()[rows + 1])
    window = store.window_sampler(4, columns=["frames"]).sample(8, np.random.default_rng(0))
    assert window["frames"].shape == (8, 5, 16, 16, 3)


@pytest.mark.parametrize("damage", ["cut", "empty", "other"])
def test_a_damaged_cache_is_made_anew(store, tmp_path, damage):
    store.frames()
    [path] = cache(tmp_path)
    data = path.read_bytes()
    if damage == "other":
        np.save(path, np.zeros(3))
    else:
        path.write_bytes(data[: len(data) // 2] if damage == "cut" else b"")
    assert np.array_equal(store.frames(), film())
    assert path.read_bytes() == data


def test_a_column_drawn_anew_has_a_cache_of_its_own(store, tmp_path):
    store.frames()
    other = Dataset(
        store.folder,
        {**store.manifest, "files": {"frames.h5": {"sha256": "0" * 64}}},
        store.columns,
        store.offsets,
    )
    other.frames()
    assert len(cache(tmp_path)) == 2


def test_processes_wait_for_one_another(store, tmp_path):
    code = (
        "import sys, time\n"
        "from entitybench.datasets.store import decoded\n"
        "from entitybench.datasets.api import Dataset\n"
        "real = decoded._decode\n"
        "def slow(*arguments):\n"
        "    print('decoded', flush=True)\n"
        "    time.sleep(1)\n"
        "    real(*arguments)\n"
        "decoded._decode = slow\n"
        "print(Dataset.open(sys.argv[1]).frames().sum())\n"
    )
    command = [sys.executable, "-P", "-c", code, str(store.folder)]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=120) for process in both]
    words = " ".join(out for out, _ in outputs).split()
    assert [process.returncode for process in both] == [0, 0], outputs
    assert sorted(words) == sorted(["decoded", *[str(film().sum())] * 2])
    assert len(cache(tmp_path)) == 1


def test_no_room_is_one_line_and_leaves_nothing(store, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda _: usage(10, 10, 0))
        with pytest.raises(DataError, match="MB are free: free some, or name another disk"):
            store.frames()

    def full(*_):
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr(module, "_progress", full)
        with pytest.raises(DataError, match="the disk is full"):
            store.frames()
    assert cache(tmp_path) == []
    assert np.array_equal(store.frames(), film())


def test_a_data_root_that_cannot_be_written_is_one_line(store, monkeypatch):
    monkeypatch.setenv("ENTITYBENCH_DATA", "/proc/nowhere")
    with pytest.raises(DataError, match=r"cannot be written") as error:
        store.frames()
    assert "\n" not in str(error.value)
    assert np.array_equal(store.columns["frames"][3], film()[3])  # slower, but needs no room
