"""`bench replay`: a bundle becomes a folder whose page shows every episode."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest

from entitybench.envs.worlds import make_worlds
from entitybench.leaderboard.cli.main import main
from entitybench.leaderboard.submission.archive import zipped
from entitybench.leaderboard.viewer import coding
from entitybench.leaderboard.viewer.scene import Scene
from entitybench.registry import tasks

TASK = "push-1block"


def _bundle(folder: Path, agent: str, task: str = TASK, episodes: int = 2) -> Path:
    record, bundle = folder / f"{agent}-{task}.json", folder / f"{agent}-{task}.zip"
    words = ["--agent", agent, "--task", task, "--episodes", str(episodes), "--out", str(record)]
    assert main(["eval", *words]) == 0
    assert main(["submit", str(record), "--pack", str(bundle)]) == 0
    return bundle


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("bundles")
    return _bundle(folder, "oracle"), _bundle(folder, "random")


@pytest.fixture(scope="module")
def replayed(bundles: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("replays") / "both"
    assert main(["replay", *map(str, bundles), "--out", str(out)]) == 0
    return out


def _block(path: Path) -> tuple[dict, dict]:
    return coding.unpacked(coding.of_script(path.read_bytes()))


def _files(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_poses_are_those_of_the_exact_states(replayed: Path) -> None:
    scene, worlds = Scene(tasks()[TASK]), make_worlds(TASK, 1)
    worlds.reset([1])
    header, arrays = _block(replayed / "0-0" / "1.js")
    data = (replayed / header["states"]["file"]).read_bytes()
    assert hashlib.sha256(data).hexdigest() == header["states"]["sha256"]
    states = np.load(replayed / header["states"]["file"], allow_pickle=False)
    assert states.dtype == np.float64
    poses = coding.decoded(arrays["first"], arrays["differences"])
    assert len(states) == len(poses) == header["steps"] + 1
    for step in (0, 1, header["steps"] // 2, header["steps"]):
        worlds.set_integration_state(0, states[step])
        exact = scene.poses(worlds.world.pose(worlds.state))[0]
        assert np.abs(poses[step, :, :3] - exact[:, :3]).max() <= 1e-4
        agree = np.abs(np.sum(poses[step, :, 3:] * exact[:, 3:], axis=-1))
        assert agree == pytest.approx(1, abs=1e-4)
    worlds.close()


def test_the_index_names_every_episode_and_its_outcome(replayed: Path) -> None:
    header, _ = _block(replayed / "index.js")
    assert header["task"] == f"{TASK}-v{tasks()[TASK].version}"
    one, two = header["sources"]
    assert (one["name"], two["name"]) == ("oracle, training seed 0", "random, training seed 0")
    assert one["item"] == two["item"] == [0, 1]
    assert one["success"] == [1, 1]
    assert one["level"] == 2
    for source in (one, two):
        for item in source["item"]:
            assert (replayed / source["folder"] / f"{item}.js").is_file()
    lines = (replayed / "episodes.csv").read_text().splitlines()
    assert len(lines) == 5
    assert lines[1].startswith('"oracle",0,0,success,')


def test_the_page_holds_no_script_and_a_table_for_those_without(replayed: Path) -> None:
    page = (replayed / "index.html").read_text()
    scripts = re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL)
    assert scripts == [""]
    assert not re.search(r"\son\w+=|\sstyle=|https?://", page)
    assert "script-src 'self'" in page
    assert page.count("✓ success") + page.count("✗ failed") == 4
    for name in re.findall(r'(?:href|src)="([^"#]+)"', page):
        assert name == "data:," or (replayed / name).is_file()


def test_the_same_bundle_gives_the_same_bytes(
    replayed: Path, bundles: tuple[Path, Path], tmp_path: Path
) -> None:
    words = ["replay", *map(str, bundles), "--out", str(tmp_path / "again"), "--threads", "1"]
    assert main(words) == 0
    assert _files(tmp_path / "again") == _files(replayed)


def test_poses_only(
    bundles: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["replay", str(bundles[1]), "--out", str(tmp_path), "--poses-only", "--json"]
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["sources"][0]["episodes"] == 2
    assert not list(tmp_path.rglob("*.npy"))
    assert "states" not in _block(tmp_path / "0-0" / "0.js")[0]


def _error(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(words) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


def test_errors_are_one_line(
    bundles: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path / "out")]
    assert "name one bundle" in _error(["replay", *out], capsys)
    assert "no bundle at" in _error(["replay", str(tmp_path / "none.zip"), *out], capsys)
    (tmp_path / "text.zip").write_text("text")
    assert "breaks the rule archive" in _error(["replay", str(tmp_path / "text.zip"), *out], capsys)
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("mine")
    words = ["replay", str(bundles[0]), "--out", str(full)]
    assert "holds other files" in _error(words, capsys)


def test_bundles_of_two_tasks_stand_not_side_by_side(
    bundles: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = _bundle(tmp_path, "random", "team-matrix-xor", 1)
    capsys.readouterr()
    words = ["replay", str(bundles[0]), str(other), "--out", str(tmp_path / "out")]
    assert "episodes of one task" in _error(words, capsys)


def test_an_altered_action_is_refused(
    bundles: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import io
    import zipfile

    from entitybench.leaderboard.submission import arrays

    with zipfile.ZipFile(bundles[1]) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    name = "episodes/seed0/actions.npy"
    actions = np.load(io.BytesIO(files[name]), allow_pickle=False).copy()
    actions[30] = -actions[30]
    manifest = json.loads(files["manifest.json"])
    files[name] = arrays.packed(actions)
    manifest["files"][name]["sha256"] = hashlib.sha256(files[name]).hexdigest()
    files["manifest.json"] = json.dumps(manifest).encode()
    (tmp_path / "altered.zip").write_bytes(zipped(files))
    words = ["replay", str(tmp_path / "altered.zip"), "--out", str(tmp_path / "out")]
    assert "breaks the rule physics" in _error(words, capsys)
    assert not (tmp_path / "out" / "index.html").exists()
