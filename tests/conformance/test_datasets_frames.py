"""Columns of frames: lossless, small, the same bytes however they were appended."""

from __future__ import annotations

import hashlib
import shutil

import numpy as np
import pytest
from stores import film_store

from entitybench.datasets.store.frames import Frames, FrameWriter
from entitybench.datasets.store.store import EpisodeStore
from entitybench.errors import DataError

h5py = pytest.importorskip("h5py")

LENGTHS = [19, 7, 40]
ROWS = sum(LENGTHS) + len(LENGTHS)


@pytest.fixture(autouse=True)
def _root(tmp_path, monkeypatch):
    monkeypatch.setenv("ENTITYBENCH_DATA", str(tmp_path / "data"))


def film():
    """A square that moves over a still, random background."""
    rng = np.random.default_rng(0)
    frames = np.repeat(rng.integers(0, 256, (1, 32, 32, 3), dtype=np.uint8), ROWS, axis=0)
    for t in range(ROWS):
        frames[t, t % 24 : t % 24 + 8, 5:13] = (255, t, 0)
    return frames


def make(folder, piece):
    return film_store(folder, film(), LENGTHS, piece, actions=np.zeros((ROWS, 2), np.float32))


def test_frames_come_back_exactly_and_small(tmp_path):
    store, frames = make(tmp_path / "a", 1000), film()
    column = store.columns["frames"]
    assert isinstance(column, Frames)
    assert column.shape == frames.shape
    assert np.array_equal(column[:], frames)
    assert np.array_equal(np.asarray(column), frames)
    assert np.array_equal(column[17], frames[17])
    assert np.array_equal(column[-1], frames[-1])
    assert np.array_equal(column[5:40:3], frames[5:40:3])
    rows = np.array([60, 2, 2, 33, 0])
    assert np.array_equal(column[rows], frames[rows])
    assert column[rows[:0]].shape == (0, 32, 32, 3)
    with pytest.raises(IndexError):
        column[ROWS]
    assert (tmp_path / "a" / "frames.h5").stat().st_size < frames.nbytes / 4
    with h5py.File(tmp_path / "a" / "frames.h5") as file:
        assert file["frames"].chunks == (16, 32, 32, 3)
        assert file["frames"].compression == "gzip"


def test_episodes_and_splits_are_parts(tmp_path):
    store, frames = make(tmp_path / "a", 1000), film()
    assert np.array_equal(store.episode(1)["frames"][:], frames[20:28])
    validation = store.split("validation")
    assert np.array_equal(validation.columns["frames"][[0, -1]], frames[[28, -1]])
    assert len(validation.episode(0)["frames"]) == 41


def test_bytes_do_not_depend_on_the_pieces(tmp_path):
    hashes = {
        hashlib.sha256((make(tmp_path / str(n), n).folder / "frames.h5").read_bytes()).hexdigest()
        for n in (1, 7, 16, 1000)
    }
    assert len(hashes) == 1


def test_damage_is_named(tmp_path):
    path = make(tmp_path / "a", 1000).folder / "frames.h5"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"frames\.h5"):
        EpisodeStore.open(tmp_path / "a")


def test_frames_go_through_minari(tmp_path, monkeypatch):
    pytest.importorskip("minari")
    from entitybench.datasets.minari.export import export
    from entitybench.datasets.minari.importer import import_minari

    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    others = dict.fromkeys(["observations", "actions"], np.zeros((ROWS, 2), np.float32))
    store = film_store(tmp_path / "a", film(), LENGTHS, validation=0, **others)
    export(store, "toy/film-v1")
    assert import_minari("toy/film-v1", tmp_path / "b").content_hash == store.content_hash


def test_a_full_disk_is_noticed_before_hdf5_ends_the_process(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    writer = FrameWriter(tmp_path / "a.h5", (40, 16, 16, 3))
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage._replace(free=2**20))
    with pytest.raises(OSError, match="No space left"):
        writer.append(np.zeros((40, 16, 16, 3), np.uint8))
