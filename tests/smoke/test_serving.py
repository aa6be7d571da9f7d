"""The server takes what is sound, refuses the rest with the reason, and forgets nothing."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import stat
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("sqlalchemy")

import httpx
from boards import TestBoard, altered, bundle, content
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

import entitybench as eb
from entitybench.errors import BadValue, RecordError
from entitybench.leaderboard.board.build import host_row, record_files, reference_rows
from entitybench.leaderboard.board.prepared import FILE, prepared, text_of
from entitybench.leaderboard.cli.main import main
from entitybench.leaderboard.evaluation.tally import Tally
from entitybench.leaderboard.evaluation.weights import REFERENCE
from entitybench.leaderboard.server import admin, audit, queue
from entitybench.leaderboard.server.backup import backup, restore
from entitybench.leaderboard.server.guard import HEADERS, SMALL
from entitybench.leaderboard.server.rebuild import rebuilt
from entitybench.leaderboard.server.settings import Settings
from entitybench.leaderboard.server.tables import Job
from entitybench.leaderboard.submission.archive import zipped
from entitybench.leaderboard.submission.arrays import packed, unpacked
from entitybench.leaderboard.submission.keys import correction, new_key, signed
from entitybench.leaderboard.submission.models import Manifest
from entitybench.leaderboard.submission.pack import pack, sealed
from entitybench.leaderboard.submission.send import Board

_GUESS = """
import numpy as np


class Guess:
    def infer(self, transitions, rng):
        batch, count = transitions["observations"].shape[:2]
        return np.full((batch, count, count + 1), {number})
"""


@pytest.fixture
def board(tmp_path: Path) -> Iterator[TestBoard]:
    made = TestBoard(tmp_path / "store", uploads=1000)
    yield made
    made.close()


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "mine.key"
    new_key(path)
    return path


def resigned(data: bytes, key: Path) -> bytes:
    """The bundle of somebody else, under a key."""
    files = content(data)
    files.pop("signature.json", None)
    manifest = Manifest.model_validate_json(files.pop("manifest.json"))
    return sealed(manifest, files, key)


def test_a_bundle_is_received_verified_and_shown(board: TestBoard) -> None:
    data = bundle()
    sha256 = hashlib.sha256(data).hexdigest()
    answer = board.send(data)
    assert answer.status_code == 202
    waits = board.get(f"/api/v1/submissions/{sha256}")
    assert (waits["state"], waits["progress"]["ahead"]) == ("received", 0)
    assert board.worker.step()
    found = board.get(f"/api/v1/submissions/{sha256}")
    assert (found["state"], found["level"]) == ("accepted", 2)
    assert (found["task"], found["label"], found["progress"]) == ("push-1block", "random", None)
    assert [line["text"] for line in found["log"]][1:3] == ["verifying", "accepted: level 2"]
    rows = board.get(f"/api/v1/submissions/{sha256}/episodes?limit=1")
    assert (rows["rows"][0]["item"], rows["next"]) == (0, 1)
    assert "success" in rows["rows"][0]["values"]
    assert board.get(f"/api/v1/submissions/{sha256}/report")["errors"] == 0
    assert board.get(f"/api/v1/submissions/{sha256}/record")["agent"]["id"] == "random"
    part = board.client.get(f"/api/v1/bundles/{sha256}", headers={"range": "bytes=2-5"})
    assert (part.status_code, part.content) == (206, data[2:6])
    assert [e["kind"] for e in board.get("/api/v1/log")["entries"]] == [
        "received",
        "verifying",
        "accepted",
    ]
    assert admin.audited(board.settings) == (3, [])
    assert board.send(data).status_code == 200  # once more changes nothing
    assert admin.audited(board.settings)[0] == 3


def _named(name: str, kind: int = stat.S_IFREG, data: bytes = b"x") -> bytes:
    """A bundle with one more file."""
    out = io.BytesIO(bundle())
    with zipfile.ZipFile(out, "a") as archive:
        info = zipfile.ZipInfo(name)
        info.external_attr = (kind | 0o644) << 16
        archive.writestr(info, data)
    return out.getvalue()


def _bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for seed in range(3):
            archive.writestr(f"episodes/seed{seed}/states.npy", bytes(40 << 20))
    return out.getvalue()


def _long_directory() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for index in range(20_000):
            archive.writestr(f"episodes/seed{index}/states.npy", b"")
    return out.getvalue()


AT_THE_DOOR = {
    "nothing": (lambda: b"", "no zip archive"),
    "no zip": (lambda: b"hello", "no zip archive"),
    "zip slip": (lambda: _named("../../outside"), "leads out of the bundle"),
    "absolute": (lambda: _named("/etc/cron.d/x"), "leads out of the bundle"),
    "link": (lambda: _named("weights/seed0/agent.json", stat.S_IFLNK), "it is a link"),
    "pickle": (lambda: _named("weights/seed0/model.pkl"), "a bundle has no such file"),
    "bomb": (_bomb, "times as large as the archive"),
    "directory": (_long_directory, "its list of files has"),
}


@pytest.mark.parametrize("name", AT_THE_DOOR)
def test_what_is_no_bundle_stays_outside(board: TestBoard, name: str, tmp_path: Path) -> None:
    make, why = AT_THE_DOOR[name]
    answer = board.send(make())
    assert answer.status_code == 422
    assert why in answer.json()["error"]
    assert board.files() == set()
    assert {path.name for path in tmp_path.iterdir()} == {"store"}
    assert board.get("/api/v1/submissions")["entries"] == []


def _nan(record: dict[str, Any]) -> None:
    record["rows"]["values"]["success"][0] = float("nan")


def _better(record: dict[str, Any]) -> None:
    values = record["rows"]["values"]["success"]
    values[0] = 1 - (values[0] or 0)


def _markup(record: dict[str, Any]) -> None:
    record["agent"]["id"] = "<script>alert(1)</script>"


def test_lies_are_refused_with_findings(board: TestBoard) -> None:
    for edit, rule in ((_nan, "schema"), (_better, "scores")):
        found = board.verified(altered(bundle(), "record.json", edit))
        assert found["state"] == "refused"
        assert found["reason"].startswith(rule)
        report = board.get(f"/api/v1/submissions/{found['sha256']}/report")
        assert report["findings"][0]["rule"] == rule


def test_markup_in_names_is_text(board: TestBoard) -> None:
    data = altered(bundle(), "record.json", _markup)
    files = content(data)
    manifest = json.loads(files["manifest.json"])
    manifest["agent"]["id"] = manifest["agent"]["label"] = "<script>alert(1)</script>"
    files["manifest.json"] = json.dumps(manifest).encode()
    found = board.verified(zipped(files))
    assert found["state"] == "accepted"
    for path in ("/results", "/task/push-1block", f"/submissions/{found['sha256']}"):
        page = board.client.get(path)
        assert page.status_code == 200
        assert "alert(1)" in page.text
        assert "<script>alert" not in page.text
        assert "script-src 'self';" in page.headers["content-security-policy"]


def test_pages_show_the_hosts_rows_and_what_was_sent(tmp_path: Path) -> None:
    root = tmp_path / "reference"
    (root / "records" / "push-1block").mkdir(parents=True)
    (root / "verdicts").mkdir()
    host = REFERENCE / "records" / "push-1block" / "zero.json"
    shutil.copy(host, root / "records" / "push-1block")
    board = TestBoard(tmp_path / "store", reference=root)
    board.build()
    assert board.client.get("/results").text.count("/submission/host-push-1block.zero") == 1
    answer = board.send(bundle())
    id = f"sub-{answer.json()['sha256'][:16]}"
    waits = board.client.get(f"/submission/{id}").text
    assert "received" in waits
    assert 'http-equiv="refresh"' in waits
    while board.worker.step():
        pass
    paths = ["/", "/results", "/results/origin.submitted/sort.score", "/task/push-1block", "/about"]
    paths += ["/agent/random", "/dataset/push-1block/play-v1", "/suite/control-small", "/claims"]
    paths += [f"/submission/{id}", f"/compare/{id}", "/submission/host-push-1block.zero"]
    for path in paths:
        page = board.client.get(path)
        assert (path, page.status_code) == (path, 200), page.text
        assert page.text.startswith("<!doctype html>")
    for path in ("/results", "/task/push-1block", "/agent/random"):
        assert f"/submission/{id}" in board.client.get(path).text
    shown = board.client.get(f"/submission/{id}").text
    assert "accepted" in shown
    assert f"/data/bundles/{id}.zip" in shown
    assert board.client.get(f"/data/bundles/{id}.zip").content == bundle()
    assert board.client.get("/data/records/host-push-1block.zero.json").content == host.read_bytes()
    assert "board.css" in shown
    assert board.client.get("/static/board.css").headers["content-type"].startswith("text/css")
    assert len(board.get("/data/board.json")["entries"]) == 2
    gone = ["/task/x", "/suite/x", "/submission/x", "/submission/sub-0", "/results/no.such", "/x"]
    gone += ["/static/x", "/view/x/y", "/pictures/task/..%2f..%2fx.gif", "/compare/x", "/claim/a/b"]
    gone += [f"/submission/{id}/part.9", f"/view/{id}/..%2f..%2fboard.sqlite"]
    assert [board.client.get(path).status_code for path in gone] == [404] * len(gone)
    board.close()


def test_objects_in_arrays_are_refused_unread(board: TestBoard) -> None:
    import numpy as np

    files = content(bundle())
    out = io.BytesIO()
    np.save(out, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    files["episodes/seed0/goals.npy"] = out.getvalue()
    found = board.verified(altered(zipped(files), "record.json", lambda record: None))
    assert found["state"] == "refused"
    assert "pickled objects, which are never read" in found["reason"]


def test_huge_numbers_and_deep_json_do_no_harm(board: TestBoard) -> None:
    files = content(bundle())
    files["record.json"] = b"[" * 100_000
    assert board.verified(zipped(files))["state"] == "refused"


def test_bytes_are_counted_and_not_believed(tmp_path: Path) -> None:
    board = TestBoard(tmp_path / "store", largest=5000)

    def chunks() -> Iterator[bytes]:  # without a length that could be believed
        for _ in range(10):
            yield bytes(1000)

    for body, headers in (
        (bytes(6000), {}),
        (chunks(), {}),
        (bytes(6000), {"content-length": "9"}),
    ):
        answer = board.client.post("/api/v1/submissions", content=body, headers=headers)
        assert answer.status_code == 413
    assert board.files() == set()
    answer = board.client.post(f"/api/v1/submissions/{'0' * 64}/withdraw", content=bytes(SMALL + 1))
    assert answer.status_code == 413
    board.close()


def test_an_upload_goes_on_where_it_broke(board: TestBoard) -> None:
    data = bundle()
    sha256 = hashlib.sha256(data).hexdigest()
    path = f"/api/v1/bundles/{sha256}"
    half, total = len(data) // 2, len(data)
    first = {"content-range": f"bytes 0-{half - 1}/{total}"}
    answer = board.client.put(path, content=data[:half], headers=first)
    assert answer.status_code == 409
    assert board.get(f"{path}/arrived") == {"offset": half, "received": False}
    wrong = {"content-range": f"bytes {half + 1}-{total - 1}/{total}"}
    assert board.client.put(path, content=b"", headers=wrong).status_code == 409
    rest = {"content-range": f"bytes {half}-{total - 1}/{total}"}
    assert board.client.put(path, content=data[half:], headers=rest).status_code == 202
    assert board.get(f"{path}/arrived") == {"offset": total, "received": True}
    assert board.client.get(path).content == data
    other = f"/api/v1/bundles/{'0' * 64}"
    answer = board.client.put(other, content=data)
    assert (answer.status_code, "SHA-256" in answer.json()["error"]) == (422, True)


def test_forged_and_replayed_signatures(board: TestBoard, key: Path, tmp_path: Path) -> None:
    mine = bundle(key=key)
    forged = content(mine)
    forged["manifest.json"] += b" "
    answer = board.send(zipped(forged))
    assert answer.status_code == 422
    assert answer.json()["findings"][0]["rule"] == "signature"
    assert board.verified(mine)["state"] == "accepted"
    theirs = tmp_path / "theirs.key"
    new_key(theirs)
    found = board.verified(resigned(mine, theirs))
    assert found["state"] == "refused"
    assert found["reason"].startswith("replayed: ")

    def renamed(record: dict[str, Any]) -> None:  # the same actions, called another agent's
        record["created"], record["agent"]["preset"] = "2026-01-01T00:00:00+00:00", "mine"

    files = content(altered(mine, "record.json", renamed))
    del files["signature.json"]
    manifest = json.loads(files["manifest.json"])
    manifest["agent"]["preset"] = "mine"
    files["manifest.json"] = json.dumps(manifest).encode()
    found = board.verified(resigned(zipped(files), theirs))
    assert "its actions came before" in found["reason"]


def test_what_a_key_signed_is_taken_once_however_it_is_zipped(board: TestBoard, key: Path) -> None:
    mine = bundle(key=key)
    sha256 = board.verified(mine)["sha256"]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as anew:
        for name, data in content(mine).items():
            anew.writestr(name, data)
    answer = board.send(file.getvalue())
    assert (answer.status_code, sha256[:16] in answer.json()["error"]) == (422, True)
    assert board.send(mine).status_code == 200
    weights = altered(mine, "record.json", lambda record: record.update(created="2026-01-02"))
    assert board.verified(resigned(weights, key))["state"] == "accepted"


def test_files_that_a_stranger_adds_to_a_signed_manifest_keep_nobody_out(
    board: TestBoard, key: Path
) -> None:
    mine = bundle(key=key)
    broken = content(mine)
    broken["record.json"] += b" "
    assert board.verified(zipped(broken))["state"] == "refused"
    assert board.verified(mine)["state"] == "accepted"


def test_actions_written_otherwise_under_another_name_are_a_copy(board: TestBoard) -> None:
    theirs = bundle()
    assert board.verified(theirs)["state"] == "accepted"
    files = content(theirs)
    name = "episodes/seed0/actions.npy"
    files[name] = packed(unpacked(files[name], ("<f4", "<f8")).astype("<f8"))
    manifest = json.loads(files["manifest.json"])
    manifest["agent"].update(id="zero", label="zero")
    files["manifest.json"] = json.dumps(manifest).encode()
    renamed = lambda record: record["agent"].update(id="zero")  # noqa: E731
    found = board.verified(altered(zipped(files), "record.json", renamed))
    assert "its actions came before" in found["reason"]


def test_predictions_of_different_agents_are_no_copies(board: TestBoard, tmp_path: Path) -> None:
    for name, number in (("no", "0.0"), ("yes", "1.0")):
        file = tmp_path / f"{name}.py"
        file.write_text(_GUESS.format(number=number))
        record = eb.evaluate(f"{file}:Guess", "dag-4", episodes=1, threads=1)
        found = board.verified(pack(record, threads=1))
        assert found["state"] == "accepted", found["reason"]


@pytest.mark.parametrize("text", ["\\u0000", "\\ud800"])
def test_texts_that_no_database_keeps_are_refused(board: TestBoard, text: str) -> None:
    files = content(bundle())
    files["record.json"] = files["record.json"].replace(b'"cpu"', f'"{text}"'.encode(), 1)
    manifest = json.loads(files.pop("manifest.json"))
    found = board.verified(sealed(Manifest.model_validate(manifest), files, None))
    assert found["reason"].startswith("schema: record.json: ")


def test_a_key_takes_its_own_back_and_nobody_elses(
    board: TestBoard, key: Path, tmp_path: Path
) -> None:
    sha256 = board.verified(bundle(key=key))["sha256"]
    path = f"/api/v1/submissions/{sha256}/withdraw"
    other = tmp_path / "other.key"
    new_key(other)
    digest = hashlib.sha256(f"withdraw {sha256}".encode()).digest()
    wrong = {"signature": signed(digest, other).signature}
    assert board.client.post(path, json=wrong).status_code == 422
    right = {"signature": signed(digest, key).signature}
    assert board.client.post(path, json=right).json()["state"] == "withdrawn"
    assert board.client.post(path, json=right).status_code == 409
    assert admin.audited(board.settings)[1] == []


def test_a_state_that_stays_is_told_at_once() -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(409, json={"error": "it is withdrawn, which stays"})

    sender = Board("http://127.0.0.1", transport=httpx.MockTransport(answer))
    with pytest.raises(BadValue, match=r"refuses: it is withdrawn, which stays\.$"):
        sender.withdraw("0" * 64, "0" * 128)
    assert len(asked) == 1


def test_a_correction_replaces_what_the_same_key_sent(board: TestBoard, key: Path) -> None:
    old = board.verified(bundle(key=key))
    data = bundle(key=key, episodes=3)
    assert "its proof is not" in board.send(data, corrects=old["sha256"]).json()["error"]
    said = correction(old["sha256"], hashlib.sha256(data).hexdigest())
    proof = signed(said, key).signature
    new = board.verified(data, corrects=old["sha256"], proof=proof)
    assert new["state"] == "accepted"
    old = board.get(f"/api/v1/submissions/{old['sha256']}")
    assert (old["state"], old["corrected_by"]) == ("corrected", new["sha256"])
    assert board.send(bundle("zero"), corrects=new["sha256"]).status_code == 422


def test_a_dead_workers_job_is_back_and_no_try(tmp_path: Path) -> None:
    board = TestBoard(tmp_path / "store", tries=1)
    sha256 = board.send(bundle()).json()["sha256"]
    now = time.time()
    for crash in range(queue.CRASHES):
        with board.database.writing() as session:
            job = queue.claim(session, f"worker {crash}", now)
            assert job is not None
            assert job.crashes == crash
            assert queue.claim(session, "another", now + queue.LEASE - 0.1) is None
        assert board.send(bundle("zero")).status_code == 429  # it waits, so it counts so far
        now += queue.LEASE + 0.1
        assert queue.LEASE < 10
    with board.database.writing() as session:
        assert queue.claim(session, "another", now) is None
    found = board.get(f"/api/v1/submissions/{sha256}")
    assert found["state"] == "quarantined"
    assert "this is no try" in found["reason"]
    assert board.send(bundle("zero")).status_code == 202
    admin.release(board.settings, sha256[:12], "the disk was full")
    while board.worker.step():
        pass
    assert board.get(f"/api/v1/submissions/{sha256}")["state"] == "accepted"
    assert admin.audited(board.settings)[1] == []
    board.close()


def test_the_last_try_comes_after_all_that_waits(board: TestBoard) -> None:
    """Whatever killed two of its workers may be over by then."""
    for agent in ("random", "zero"):
        assert board.send(bundle(agent)).status_code == 202
    now, ids = 0.0, []
    for _ in range(queue.CRASHES):
        with board.database.writing() as session:
            job = queue.claim(session, "worker", now)
            assert job is not None
            ids.append((job.id, job.crashes, queue.ahead(session, job)))
        now += queue.LEASE + 0.1
    (first, *_), (again, *_), (other, *_) = ids
    assert first == again != other
    assert ids == [(first, 0, 0), (first, 1, 0), (other, 0, 0)]
    with board.database.writing() as session:
        waits = session.get_one(Job, first)
        assert (waits.state, waits.crashes, queue.ahead(session, waits)) == ("queued", 2, 1)


def test_the_log_is_append_only_and_a_change_is_found(board: TestBoard) -> None:
    board.verified(bundle())
    for line in ("UPDATE events SET kind = 'refused'", "DELETE FROM events"):
        with pytest.raises(DBAPIError, match="append-only"), board.database.writing() as session:
            session.execute(text(line))
    with board.database.writing() as session:  # by somebody who can take the triggers away
        session.execute(text("DROP TRIGGER events_no_update"))
        session.execute(text("UPDATE events SET at = at + 1 WHERE seq = 2"))
        session.execute(text("UPDATE submissions SET state = 'refused'"))
    with board.database.reading() as session:
        faults = audit.faults(session)
    assert faults[0] == "entry 2 was changed: its hash is another"
    assert "and the log says accepted" in faults[-1]


def test_quarantine_backup_and_restore(board: TestBoard, tmp_path: Path) -> None:
    found = board.verified(bundle())
    admin.quarantine(board.settings, found["sha256"], "a fault in the scorer")
    file = tmp_path / "board.tar"
    assert backup(board.settings, file) == 1
    again = Settings(store=tmp_path / "again")
    assert restore(again, file) == 1
    other = TestBoard(again.store)
    now = other.get(f"/api/v1/submissions/{found['sha256']}")
    assert (now["state"], now["reason"]) == ("quarantined", "a fault in the scorer")
    assert now["results"] == found["results"]
    assert other.client.get(f"/api/v1/bundles/{found['sha256']}").content == bundle()
    assert admin.audited(again) == admin.audited(board.settings)
    admin.release(again, found["sha256"], "mended")
    assert other.verified(bundle("zero"))["state"] == "accepted"  # ids go on
    other.close()
    with pytest.raises(BadValue, match="already"):
        restore(again, file)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadValue, match="is no backup"):
        restore(Settings(store=tmp_path / "third"), file)


def test_a_changed_scorer_scores_stored_evidence_again(
    board: TestBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = board.verified(bundle())["sha256"]
    path = f"/api/v1/submissions/{sha256}"
    before = board.get(f"{path}/episodes")["rows"][0]["values"]
    old = Tally.values

    def changed(self: Tally, row: int, *, failed: bool) -> dict[str, float | None]:
        return old(self, row, failed=failed) | {"return": 7.0}

    monkeypatch.setattr(Tally, "values", changed)
    with board.database.writing() as session:
        queue.ask(session, 1, queue.RESCORE)
    while board.worker.step():
        pass
    found = board.get(path)
    assert (found["state"], found["level"]) == ("accepted", 2)
    assert {x["metric"]: x["mean"] for x in found["results"]}["return"] == 7.0
    assert board.get(f"{path}/episodes")["rows"][0]["values"] == before | {"return": 7.0}
    last = board.get("/api/v1/log")["entries"][-1]
    assert (last["kind"], json.loads(last["detail"])["changed"]) == ("rescored", 2)
    assert admin.audited(board.settings)[1] == []
    again = board.client.get(f"/data/bundles/sub-{sha256[:16]}.zip").content
    assert again == bundle()  # evidence stays as it was sent


def test_a_static_site_becomes_a_board_again(board: TestBoard, key: Path, tmp_path: Path) -> None:
    found = [board.verified(bundle(key=key)), board.verified(bundle("zero"))]
    admin.quarantine(board.settings, found[1]["sha256"], "doubts")
    site = tmp_path / "site"
    for folder in ("bundles", "records"):
        (site / "data" / folder).mkdir(parents=True)
    (site / "data" / "board.json").write_bytes(board.client.get("/data/board.json").content)
    for each in found:
        id = f"sub-{each['sha256'][:16]}"
        for name in (f"bundles/{id}.zip", f"records/{id}.json"):
            (site / "data" / name).write_bytes(board.client.get(f"/data/{name}").content)
    again = tmp_path / "again"
    assert main(["site", "--import", str(site), "--store", str(again), "--json"]) == 0
    other = TestBoard(again)
    for each in found:
        now = other.get(f"/api/v1/submissions/{each['sha256']}")
        assert now["results"] == each["results"]
        assert now["signed_by"] == each["signed_by"]
        rows = f"/api/v1/submissions/{each['sha256']}/episodes"
        assert other.get(rows) == board.get(rows)
    assert (now["state"], now["reason"]) == ("quarantined", "doubts")
    mine = f"/submission/sub-{found[0]['sha256'][:16]}"
    assert mine in other.client.get("/results").text
    assert admin.audited(other.settings) == (2, [])
    other.close()
    (site / "data" / "bundles" / f"sub-{found[0]['sha256'][:16]}.zip").write_bytes(b"other")
    with pytest.raises(BadValue, match="another bundle than the site says"):
        rebuilt(Settings(store=tmp_path / "third"), site)


def test_every_answer_has_the_headers(board: TestBoard) -> None:
    for path in ("/", "/nowhere", "/api/v1/submissions?state=x", "/healthz", "/metrics"):
        answer = board.client.get(path)
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert 'bench_requests_total{method="GET",route="/"' in board.client.get("/metrics").text


def test_a_new_board_begins_with_the_hosts_rows(tmp_path: Path) -> None:
    """Those whose records are as they were; all of them when the builder has read them."""
    reference = tmp_path / "reference"
    folder = reference / "records" / "push-1block"
    folder.mkdir(parents=True)
    for path in sorted((REFERENCE / "records" / "push-1block").glob("*.json"))[:3]:
        shutil.copy(path, folder)
    rows = [host_row(path).entry for path in record_files(reference)]
    (reference / FILE).write_text(text_of(rows))
    first = sorted(folder.glob("*.json"))[0]
    first.write_text(first.read_text() + "\n")
    board = TestBoard(tmp_path / "store", reference=reference)
    shown = board.client.get("/results").text
    assert [f"/submission/{row.id}" in shown for row in rows] == [False, True, True]
    board.build()
    shown = board.client.get("/results").text
    assert all(f"/submission/{row.id}" in shown for row in rows)
    board.close()
    known = prepared(reference)
    assert list(known.values()) == rows[1:]
    assert [each.entry for each in reference_rows(reference)][1:] == rows[1:]
    (reference / FILE).write_text(text_of(rows).replace("control-small", "another-suite", 1))
    assert prepared(reference) == {}, "divisions are by the suites there are"
    (reference / FILE).write_text("{}")
    with pytest.raises(RecordError, match="make results"):
        prepared(reference)
