"""A real server, killed at random moments, loses nothing that it has accepted."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import time
from pathlib import Path

import httpx
import pytest

pytest.importorskip("fastapi")
pytest.importorskip("sqlalchemy")

from boards import Served, altered, bundle, children

from entitybench.leaderboard.cli.main import main
from entitybench.leaderboard.server import admin
from entitybench.leaderboard.server.settings import Settings

pytestmark = pytest.mark.slow
KILLS = 20


def _processes(served: Served) -> list[int]:
    """The worker, the builder, and what they have started."""
    assert served.process is not None
    found = children(served.process.pid)
    return found + [each for pid in found for each in children(pid)]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def _wait(served: Served, sha256: str, seconds: float = 300) -> dict[str, object]:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = httpx.get(f"{served.url}/api/v1/submissions/{sha256}", timeout=30).json()
        if found["state"] not in ("received", "verifying"):
            return found
        time.sleep(0.3)
    raise AssertionError(found)


def test_two_terminals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    served = Served(tmp_path / "store")
    served.start()
    record = str(tmp_path / "random.json")
    line = ["eval", "--agent", "random", "--task", "push-1block", "--episodes", "2"]
    assert main([*line, "--out", record, "--json"]) == 0
    capsys.readouterr()
    assert main(["submit", record, "--to", served.url]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].split() == ["task", "agent", "score", "level", "state"]
    assert said[1].split()[-2:] == ["2", "accepted"]
    assert main(["submit", record, "--to", served.url, "--json"]) == 0  # again changes nothing
    sha256 = json.loads(capsys.readouterr().out)[0]["sha256"]
    log = [x["text"] for x in _wait(served, sha256)["log"]]  # type: ignore[union-attr]
    assert any("no unpickling" in text for text in log)
    view = f"{served.url}/view/sub-{sha256[:16]}"
    for _ in range(300):
        if httpx.get(f"{view}/index.html").status_code == 200:
            break
        time.sleep(0.3)
    assert "data-episode-viewer" in httpx.get(f"{view}/index.html").text
    assert httpx.get(f"{view}/0-0/1.js").status_code == 200
    assert (
        f"/view/sub-{sha256[:16]}/index.html"
        in httpx.get(f"{served.url}/submission/sub-{sha256[:16]}").text
    )
    lie = tmp_path / "lie.zip"

    def better(found: dict) -> None:
        found["rows"]["values"]["success"] = [1] * 2

    lie.write_bytes(altered(bundle(), "record.json", better))
    assert main(["submit", str(lie), "--to", served.url]) == 2
    assert "error [scores] record.json" in capsys.readouterr().out
    assert served.stop() == 130
    assert main(["submit", record, "--to", f"http://127.0.0.1:{served.port}"]) == 2
    assert "is `bench serve` running there?" in capsys.readouterr().err


def test_kills_lose_nothing(tmp_path: Path) -> None:
    rng = random.Random(0)
    served = Served(tmp_path / "store", "--uploads", "10000", "--tries", "10000")
    served.start()
    accepted, sent, whom = {}, 0, []
    base = bundle()
    for kill in range(KILLS):
        for _ in range(2):
            sent += 1

            def named(found: dict, number: int = sent) -> None:
                found["created"] = f"2026-01-01T00:00:{number:02}+00:00"

            data = altered(base, "record.json", named)
            answer = httpx.post(f"{served.url}/api/v1/submissions", content=data, timeout=60)
            assert answer.status_code == 202
            accepted[hashlib.sha256(data).hexdigest()] = data
        time.sleep(rng.uniform(0, 1.5))
        if kill % 2:
            served.kill()
            whom.append("server")
            served.start()
        else:
            running = _processes(served)
            pids = [p for p in running if ".worker" in _command(p) or ".checker" in _command(p)]
            if pids:
                pid = rng.choice(pids)
                whom.append(_command(pid).rpartition(".server.")[2].split()[0])
                os.kill(pid, signal.SIGKILL)
        for sha256, data in accepted.items():
            got = httpx.get(f"{served.url}/api/v1/bundles/{sha256}", timeout=60)
            assert got.content == data
    states = {sha256: _wait(served, sha256) for sha256 in accepted}
    # Equal actions of one agent are reproductions; of the unsigned the first record counts alone.
    wrong = {s: x for s, x in states.items() if x["state"] != "accepted"}
    assert all("3 times" in str(x["reason"]) for x in wrong.values()), wrong
    assert len(wrong) <= KILLS // 6
    assert served.stop() == 130
    assert admin.audited(Settings(store=tmp_path / "store"))[1] == []
    assert {"server"} < set(whom)


def test_a_killed_workers_job_is_back_within_ten_seconds(tmp_path: Path) -> None:
    served = Served(tmp_path / "store")
    served.start()
    sha256 = httpx.post(f"{served.url}/api/v1/submissions", content=bundle()).json()["sha256"]
    path = f"{served.url}/api/v1/submissions/{sha256}"
    while httpx.get(path).json()["state"] != "verifying":
        time.sleep(0.1)
    workers = [p for p in _processes(served) if ".worker" in _command(p)]
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    killed = time.time()
    assert _wait(served, sha256)["state"] == "accepted"
    log = httpx.get(f"{served.url}/api/v1/log").json()["entries"]
    back = [e["at"] for e in log if e["kind"] in ("received", "verifying") and e["at"] > killed]
    assert back
    assert min(back) - killed <= 10  # s
    served.stop()
