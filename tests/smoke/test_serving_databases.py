"""The server over a real PostgreSQL, and against whatever its own OpenAPI document allows."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("sqlalchemy")

from boards import TestBoard, bundle, postgres, postgresql
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from entitybench.leaderboard.server import admin, queue
from entitybench.leaderboard.server.backup import backup, restore
from entitybench.leaderboard.server.settings import Settings

pytestmark = pytest.mark.slow


@pytest.mark.skipif(postgres() is None, reason="no PostgreSQL: apt-get install postgresql")
def test_postgresql_does_what_sqlite_does(tmp_path: Path) -> None:
    pytest.importorskip("psycopg", reason="pip install -e '.[postgres]'")
    one = TestBoard(tmp_path / "one")
    first = one.verified(bundle())
    file = tmp_path / "board.tar"
    assert backup(one.settings, file) == 1
    one.close()
    with postgresql(tmp_path / "postgresql") as url:
        settings = Settings(store=tmp_path / "two", database=url)
        assert restore(settings, file) == 1
        board = TestBoard(tmp_path / "two", url)
        assert board.get(f"/api/v1/submissions/{first['sha256']}")["results"] == first["results"]
        found = board.verified(bundle("zero"))
        assert (found["state"], found["level"]) == ("accepted", 2)
        rows = board.get(f"/api/v1/submissions/{found['sha256']}/episodes")["rows"]
        assert len(rows) == 2
        for path in ("/", "/results", f"/submission/sub-{found['sha256'][:16]}", "/metrics"):
            assert board.client.get(path).status_code == 200
        assert "random" in board.client.get("/task/push-1block").text
        for line in ("UPDATE events SET kind = 'x'", "DELETE FROM events", "TRUNCATE events"):
            with pytest.raises(DBAPIError, match="append-only"), board.database.writing() as it:
                it.execute(text(line))
        with board.database.writing() as session:  # two workers never have the same job
            sha256 = board.send(bundle("constant")).json()["sha256"]
            assert queue.claim(session, "a", 0.0, draws=False) is not None
            with board.database.writing() as other:
                assert queue.claim(other, "b", 0.0, draws=False) is None
        assert admin.audited(settings)[1] == []
        assert sha256
        assert backup(settings, tmp_path / "again.tar") == 3
        board.close()
    third = Settings(store=tmp_path / "three")
    assert restore(third, tmp_path / "again.tar") == 3
    assert admin.audited(third)[1] == []


def test_nothing_that_the_document_allows_is_a_defect(tmp_path: Path) -> None:
    schemathesis = pytest.importorskip("schemathesis")
    schemathesis.serializer.alias("application/zip", "application/octet-stream")
    board = TestBoard(tmp_path / "store", uploads=100_000, tries=100_000)
    board.verified(bundle())
    schema = schemathesis.openapi.from_asgi("/openapi.json", board.app)
    asked = []

    for result in schema.get_all_operations():
        operation = result.ok()
        _each(operation.as_strategy(), asked)
    assert {path for _, path, _ in asked} == set(board.app.openapi()["paths"])
    assert len(asked) > 150
    board.close()


def _each(strategy, asked) -> None:  # type: ignore[no-untyped-def]
    from hypothesis import HealthCheck, Phase, given, settings

    @given(case=strategy)
    @settings(
        max_examples=30,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def check(case) -> None:  # type: ignore[no-untyped-def]
        answer = case.call()
        asked.append((case.method, case.path, answer.status_code))
        assert answer.status_code < 500, (case.method, case.path, answer.text)

    check()
