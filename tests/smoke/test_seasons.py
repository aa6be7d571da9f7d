"""Hidden starts: committed to before, run by the board, told after, and checked by anybody."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("sqlalchemy")

from boards import TestBoard, bundle, content
from served import server

import entitybench as eb
from entitybench.errors import BadValue
from entitybench.leaderboard.cli.main import main
from entitybench.leaderboard.server import admin, seasons
from entitybench.leaderboard.submission.check import verify
from entitybench.leaderboard.submission.models import Manifest
from entitybench.leaderboard.submission.pack import pack
from entitybench.leaderboard.submission.season import digest_of, read_results
from entitybench.leaderboard.submission.wanted import Wanted


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestBoard]:
    monkeypatch.setattr(seasons, "EPISODES", 2)
    made = TestBoard(tmp_path / "store", uploads=1000)
    yield made
    made.close()


def test_a_season_from_commitment_to_check(
    board: TestBoard, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, file = str(board.settings.store), tmp_path / "bundle.zip"
    assert main(["serve", "--store", store, "--season", "2027-spring", "--json"]) == 0
    commitment = json.loads(capsys.readouterr().out)["commitment"]
    assert commitment in board.client.get("/seasons").text
    file.write_bytes(bundle())
    sent = board.verified(bundle())
    assert (sent["state"], sent["level"]) == ("accepted", 4)
    where = f"/api/v1/submissions/{sent['sha256']}/season"
    before = board.get(where)
    assert (before["secret"], before["commitment"], len(before["rows"])) == (None, commitment, 2)
    secret = json.loads(_fact(board))["secret"]
    public = [board.get("/api/v1/log"), board.get("/api/v1/seasons"), before]
    assert secret not in json.dumps([*public, board.get(where[:-6] + "report")])

    path = tmp_path / "season.json"
    path.write_text(json.dumps(before))
    assert main(["verify", str(file), "--season", str(path)]) == 2
    assert "not revealed yet" in capsys.readouterr().err
    assert main(["serve", "--store", store, "--reveal", "2027-spring"]) == 0
    assert secret in capsys.readouterr().out
    assert hashlib.sha256(bytes.fromhex(secret)).hexdigest() == commitment
    assert secret in board.client.get("/seasons").text
    kinds = [
        (each["kind"], json.loads(each["detail"])) for each in board.get("/api/v1/log")["entries"]
    ]
    assert kinds[0][1]["commitment"] == commitment
    assert kinds[-1] == (
        "revealed",
        {"season": "2027-spring", "commitment": commitment, "secret": secret},
    )
    assert admin.audited(board.settings)[1] == []

    path.write_text(json.dumps(board.get(where)))
    assert main(["verify", str(file), "--season", str(path), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["level"], report["checks"]["hidden"]) == (4, "done")
    assert board.verified(bundle("zero"))["level"] == 2  # the season is over


def _fact(board: TestBoard) -> str:
    with board.database.reading() as session:
        return json.dumps(seasons.every(session)[0])


def _changed(**more: Any) -> Any:
    return lambda data: data.update(more)


def _row(data: Any) -> None:
    data["rows"][1]["values"]["return"] += 1e-3


def _fewer(data: Any) -> None:
    data["rows"].pop()


def _error(data: Any) -> None:
    data["rows"][0]["error"] = "it fell"


WRONG = {
    "a score": (_row, "return was published"),
    "an error": (_error, "error was published"),
    "an episode left out": (_fewer, "1 episodes were published, and 2 come out"),
    "of another agent": (_changed(digest="0" * 64), "of the agent 0000"),
}


def test_what_a_board_published_wrongly_is_found(board: TestBoard, tmp_path: Path) -> None:
    seasons.begin(board.settings, "s1")
    sent = board.verified(bundle())
    seasons.reveal(board.settings, "s1")
    right = board.get(f"/api/v1/submissions/{sent['sha256']}/season")
    path = tmp_path / "season.json"
    for name, (alter, words) in WRONG.items():
        data = json.loads(json.dumps(right))
        alter(data)
        path.write_text(json.dumps(data))
        report = verify(bundle(), Wanted(threads=1, rerun=1, season=read_results(path)))
        assert [x.rule for x in report.findings] == ["hidden"] * len(report.findings), name
        assert any(words in x.what for x in report.findings), (name, report.findings)
        assert report.level == 3, name
    for alter, words in (
        (_changed(secret="1" * 64), "not the one of the commitment"),
        (_changed(episodes="many"), "holds no results of a season"),
    ):
        data = json.loads(json.dumps(right))
        alter(data)
        path.write_text(json.dumps(data))
        with pytest.raises(BadValue, match=words):
            read_results(path)


def test_seasons_have_one_name_each_and_one_is_open(board: TestBoard) -> None:
    with pytest.raises(BadValue, match="small letters"):
        seasons.begin(board.settings, "Spring 1")
    first = seasons.begin(board.settings, "s1")
    with pytest.raises(BadValue, match="--reveal s1"):
        seasons.begin(board.settings, "s2")
    with pytest.raises(BadValue, match="there are: s1"):
        seasons.reveal(board.settings, "s2")
    seasons.reveal(board.settings, "s1")
    with pytest.raises(BadValue, match="over"):
        seasons.reveal(board.settings, "s1")
    with pytest.raises(BadValue, match="already"):
        seasons.begin(board.settings, "s1")
    assert seasons.begin(board.settings, "s2") != first
    assert [each["name"] for each in board.get("/api/v1/seasons")] == ["s2", "s1"]
    assert board.client.get(f"/api/v1/submissions/{'0' * 64}/season").status_code == 404


def test_an_agent_written_otherwise_draws_no_other_starts() -> None:
    manifest = json.loads(content(bundle())["manifest.json"])

    def digest(**agent: Any) -> str:
        changed = {**manifest, "agent": {**manifest["agent"], **agent}}
        return digest_of(Manifest.model_validate(changed))

    assert digest(config={"width": 1}) == digest(config={"width": 1.0}, updates=7)
    assert digest(config={"width": 1}) == digest(config={"width": True}, label="x", preset="y")
    assert digest(config={"width": 1}) != digest(config={"width": 2})


def test_what_a_board_cannot_let_act_says_so(board: TestBoard) -> None:
    """A policy behind HTTP is asked by whoever packs it, and never by a board."""
    seasons.begin(board.settings, "s1")
    with server() as (url, asked):
        record = eb.evaluate(url, "push-1block", episodes=1, threads=1, latency=False)
        served = pack(record, threads=1)
        before = len(asked)
        sent = board.verified(served)
        assert len(asked) == before
    assert (sent["state"], sent["level"]) == ("accepted", 2)
    said = board.get(f"/api/v1/submissions/{sent['sha256']}/report")["checks"]
    assert said["hidden"] == said["actions"]
    assert (
        said["hidden"]
        == f"skipped: no file is run and no server asked, and {url} is not registered"
    )
    record = eb.evaluate("ma-bc", "hockey-mallets-4", episodes=1, threads=1, training_seeds=[0])
    sent = board.verified(pack(record, threads=1))
    assert (sent["state"], sent["level"]) == ("accepted", 2)
    said = board.get(f"/api/v1/submissions/{sent['sha256']}/report")["checks"]
    assert "--with-weights" in said["hidden"]
