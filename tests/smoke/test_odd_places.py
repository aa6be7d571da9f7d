"""Places that are none, and files that are pipes: one line, and nobody waits for ever."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from entitybench.datasets.generate.api import generate
from entitybench.leaderboard.cli.main import main

EVAL = ["eval", "--agent", "random", "--task", "push-1block", "--episodes", "1", "--out"]
GENERATE = ["generate", "push-1block/play-v1", "--episodes", "1", "--out"]
NO_TEXT = os.fsdecode(b"n\xff\xfe")  # a name that is no UTF-8
NOBODY = "~nosuchuser/x"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENTITYBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    Path("loop").symlink_to("loop")
    Path("full").mkdir()
    Path("full/mine.txt").write_text("mine")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "line"),
    [
        *(([*start, NOBODY], "no home folder of that name") for start in (EVAL, GENERATE)),
        (["train", "--agent", "gcbc", "--task", "push-1block", "--out", NOBODY], "no home folder"),
        (["page", "x", "--out", NOBODY], "no home folder"),
        *(([word, NOBODY], "no home folder") for word in ("lint", "page")),
        (["import", NOBODY, "--out", "a"], "no home folder"),
        (["download", "push-1block/play-v1", "--from", NOBODY], "no home folder"),
        *(([*start, ""], "the name of a file or folder is empty") for start in (EVAL, GENERATE)),
        *(([*GENERATE, at], "has no name: name a folder in it") for at in (".", "/", "full/..")),
        (["import", "x-v0", "--out", "."], "has no name: name a folder in it"),
        ([*EVAL, "."], "is a folder"),
        ([*EVAL, "/"], "is a folder"),
        ([*EVAL, "loop/x.json"], "loop"),
        ([*GENERATE, "loop"], "loop"),
        (["import", "x-v0", "--out", "loop"], "loop"),
        (["table", "loop"], "no record at loop"),
    ],
)
def test_places_that_are_none(words: list[str], line: str, place: Path, capfd) -> None:
    assert main(words) == 2
    shown = capfd.readouterr()
    assert line in shown.err
    assert "defect" not in shown.err
    assert shown.err.count("\n") == 1
    assert Path("full/mine.txt").read_text() == "mine"


def test_names_that_are_no_text(place: Path, capfd) -> None:
    assert main([*EVAL, f"{NO_TEXT}.json"]) == 0
    assert main(["table", f"{NO_TEXT}.json"]) == 0
    assert main(["plot", "bars", f"{NO_TEXT}.json", "--out", f"{NO_TEXT}.svg"]) == 0
    generate("push-1block/play-v1", episodes=1, workers=1, out=NO_TEXT, say=lambda _: None)
    assert main(["export", NO_TEXT, "--minari", "a/b-v0"]) in (0, 2)
    assert main(["lint", f"{NO_TEXT}-none"]) == 2
    assert "defect" not in capfd.readouterr().err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_pipes_are_no_files(place: Path, capfd) -> None:
    generate("push-1block/play-v1", episodes=1, workers=1, out="made", say=lambda _: None)
    for name in ("pipe.json", "pipe.hdf5", "pipe.npz", "pipe.jsonl"):
        os.mkfifo(name)
    shutil.copytree("made", "odd")
    Path("odd/manifest.json").unlink()
    os.mkfifo("odd/manifest.json")
    for words in (
        "table pipe.json",
        "compare pipe.json pipe.json",
        "plot bars pipe.json --out a.svg",
        "plot curves pipe.jsonl --out a.svg",
        "lint pipe.hdf5",
        "import pipe.hdf5 --out a",
        "import pipe.npz --out a",
        "page odd --out pages",
        "publish odd --to site",
    ):
        assert main(words.split()) == 2
        assert "is a pipe, not a file" in capfd.readouterr().err
