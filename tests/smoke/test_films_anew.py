"""An evaluation that was ended between its record and its film goes on with the film."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from entitybench.leaderboard.cli.main import main
from entitybench.leaderboard.evaluation import video

EVAL = "eval --agent random --task push-1block --episodes 1 --out a.json --video"
FILM, SHEET = Path("a.mp4"), Path("a-sheet.png")


@pytest.fixture
def films(tmp_path, monkeypatch):
    """How many films were made; the record is there, its film and sheet are not."""
    made = []

    def film(agent, task, path, *, seeds, **options):
        made.append((task, seeds, options))
        FILM.write_text("film")
        SHEET.write_text("sheet")
        return [FILM, SHEET]

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(video, "check_video", lambda spec, **options: None)
    monkeypatch.setattr(video, "record_video", film)
    assert main(EVAL.split()) == 0
    FILM.unlink()
    SHEET.unlink()
    return made


@pytest.mark.parametrize("there", [[], [FILM], [SHEET]], ids=str)
def test_it_goes_on(films, there, capfd):
    for file in there:
        file.write_text("of the run before")
    record = Path("a.json").read_bytes()
    assert main([*EVAL.split(), "--size", "64"]) == 0
    assert Path("a.json").read_bytes() == record
    assert (FILM.read_text(), SHEET.read_text()) == ("film", "sheet")
    assert films[1] == ("push-1block", (0, 1, 2, 3), {"size": 64})
    assert "is there already" in capfd.readouterr().err


def test_what_is_whole_or_of_something_else_is_refused(films, capfd):
    for words in (
        EVAL.replace(" --video", ""),  # no film was asked for
        EVAL.replace("--episodes 1", "--episodes 2"),
        EVAL.replace("random", "zero"),
    ):
        assert main(words.split()) == 2
        assert "a.json exists already" in capfd.readouterr().err
    FILM.write_text("film")
    SHEET.write_text("sheet")
    assert main(EVAL.split()) == 2
    assert len(films) == 1


def test_other_weights_make_no_film_of_this_record(films, capfd):
    data = json.loads(Path("a.json").read_text())
    data["hashes"]["weights"] = {"0": "of other weights"}
    Path("a.json").write_text(json.dumps(data))
    assert main(EVAL.split()) == 2
    assert "have changed since a.json was written" in capfd.readouterr().err
    assert len(films) == 1
