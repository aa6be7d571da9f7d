"""Frames are drawn from stored poses: what the camera saw, the same file however it is done."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest
from uniform_sets import uniform_set

from entitybench.datasets.api import load_dataset
from entitybench.datasets.generate import draw as module
from entitybench.datasets.generate.api import generate
from entitybench.datasets.generate.parts import part_path
from entitybench.datasets.store.store import EpisodeStore
from entitybench.envs.api import make_worlds
from entitybench.envs.drawing import gl
from entitybench.errors import BadValue, DataError, RenderError
from entitybench.leaderboard.cli.main import main

pytest.importorskip("h5py")
try:
    gl.make_context(8, 8).free()
except RenderError as error:
    pytest.skip(str(error), allow_module_level=True)

draw = partial(module.draw, rows=32)  # so that there are many parts


def tree(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


@pytest.fixture(autouse=True)
def _root(tmp_path, monkeypatch):
    monkeypatch.setenv("ENTITYBENCH_DATA", str(tmp_path / "data"))


@pytest.fixture
def folder(tmp_path):
    with uniform_set("push-2blocks") as spec:
        yield generate(spec.id, workers=1, out=tmp_path / "a", say=lambda _: None)


@pytest.mark.parametrize("kind", ["push-2blocks", "hopper", "kitchen-gripper-4tasks", "team-tag"])
def test_frames_are_what_the_camera_saw(tmp_path, kind):
    with uniform_set(kind) as spec:
        made = generate(spec.id, workers=1, out=tmp_path / "a", say=lambda _: None)
    store = EpisodeStore.open(draw(made, 32, workers=1))
    worlds = make_worlds(spec.task, 1, absent=spec.absent, pixels=32, **spec.world_kwargs)
    seen = "pixels" if "entities" in store.columns else "observation"
    for index in (0, 5):
        part = store.episode(index)
        frames = np.asarray(part["frames"])
        assert frames.shape == (len(part["actions"]) + 1, 32, 32, 3)
        obs = worlds.reset([store.episodes[index]["seed"]])
        wrong = [frames[0] != obs[seen][0]]
        for step, action in enumerate(part["actions"]):
            obs, _ = worlds.step(action[None])
            wrong.append(frames[step + 1] != obs[seen][0])
        # Poses are float32, so an edge may fall on the other side of a pixel's middle.
        assert np.mean(wrong) < 1e-4
        assert np.any(frames != frames[0])
    worlds.close()


def test_the_file_is_the_same_for_any_number_of_workers(tmp_path, folder):
    before = EpisodeStore.open(folder)
    seen = []
    draw(folder, 16, workers=1, progress=lambda done, total: seen.append((done, total)))
    assert seen[0] == (0, 276)
    assert seen[-1] == (276, 276)
    after = EpisodeStore.open(folder, verify=True)
    assert after.content_hash == before.content_hash
    assert after.manifest["manifest_hash"] != before.manifest["manifest_hash"]
    assert {p.name for p in folder.iterdir()} == {*after.manifest["files"], "manifest.json"}
    assert not list(tmp_path.glob("*.partial"))
    other, lines = tmp_path / "b", []
    generate(before.id, workers=1, out=other, say=lambda _: None)
    draw(other, 16, workers=2, rows=64)
    generate(before.id, out=other, say=lines.append)
    assert lines == [f"{other} is complete already; nothing was done."]
    assert tree(other) == tree(folder)
    draw(folder, 16, say=lines.append)
    assert "nothing was done" in lines[-1]
    with pytest.raises(DataError, match="frames of 16 pixels already"):
        draw(folder, 32)


DRIVER = """
import sys, time
from entitybench.datasets.generate import draw
stay = lambda done, total: done and time.sleep(60)  # so that there is something to interrupt
draw.draw(sys.argv[1], 16, workers=1, rows=32, progress=stay)
"""


def test_drawing_goes_on_after_a_kill(tmp_path, folder):
    whole = tree(folder)
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", DRIVER, str(folder)], stderr=subprocess.PIPE
    )
    while not part_path(tmp_path / "a.frames.partial", 0).exists():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert tree(folder) == whole
    lines = []
    draw(folder, 16, workers=1, say=lines.append)
    assert lines[0].startswith("going on: ")
    store = EpisodeStore.open(folder, verify=True)
    assert store.columns["frames"].shape == (276, 16, 16, 3)


def test_an_error_at_the_end_leaves_the_store_as_it_was(folder, monkeypatch):
    whole = tree(folder)

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(module.FrameWriter, "put", full)
        with pytest.raises(DataError, match="disk is full"):
            draw(folder, 16, workers=1)
    assert tree(folder) == whole
    draw(folder, 16, workers=1)


def test_what_cannot_be_drawn_is_said(tmp_path, folder):
    for pixels in (0, 15, 5000):
        with pytest.raises(BadValue, match=str(pixels)):
            draw(folder, pixels)
    with pytest.raises(DataError, match="no dataset"):
        draw(tmp_path, 16)


def test_the_line_for_a_damaged_store_draws_it_again(folder):
    draw(folder, 16, workers=1)
    (folder / "frames.h5").write_bytes(b"")
    with pytest.raises(DataError, match=r"frames\.h5 .* truncated.*--pixels 16 --out"):
        load_dataset(folder)


def test_a_drawn_set_comes_back_byte_for_byte(tmp_path, capsys, monkeypatch):
    pytest.importorskip("minari")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    out = str(tmp_path / "a")
    made = ["generate", "push-1block/play-v1", "--episodes", "1", "--pixels", "32"]
    assert main([*made, "--workers", "1", "--out", out]) == 0
    assert main(["export", out, "--minari", "some/drawn-v0"]) == 0
    assert "the frames travel beside the episodes" in capsys.readouterr().err
    assert main(["import", "some/drawn-v0", "--out", str(tmp_path / "b")]) == 0
    for path in sorted((tmp_path / "a").iterdir()):
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name
    assert EpisodeStore.open(tmp_path / "b").frames().shape == (302, 32, 32, 3)
