"""Boards for tests: an application with a worker in this process, and bundles to send to it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import httpx

import entitybench as eb
from entitybench.leaderboard.submission.archive import zipped
from entitybench.leaderboard.submission.pack import pack

Files = dict[str, bytes]
ROOT = Path(__file__).parents[2]


@cache
def bundle(agent: str = "random", key: Path | None = None, episodes: int = 2) -> bytes:
    """Of some episodes of push-1block."""
    record = eb.evaluate(agent, "push-1block", episodes=episodes, threads=1)
    return pack(record, threads=1, key=key)


def content(data: bytes) -> Files:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def altered(data: bytes, name: str, edit: Callable[[Any], None]) -> bytes:
    """The bundle with a JSON file edited, hashes and manifest made to fit."""
    files = content(data)
    inner = json.loads(files[name])
    edit(inner)
    files[name] = json.dumps(inner).encode()
    manifest = json.loads(files["manifest.json"])
    manifest["files"] = {
        each: {"size": len(x), "sha256": hashlib.sha256(x).hexdigest()}
        for each, x in files.items()
        if each not in ("manifest.json", "signature.json")
    }
    manifest["record_sha256"] = manifest["files"]["record.json"]["sha256"]
    files["manifest.json"] = json.dumps(manifest).encode()
    return zipped(files)


class Here:
    """A checker without a process of its own."""

    def look(
        self, path: Path, *, rescore: bool = False, season: dict[str, Any] | None = None
    ) -> Iterator[dict[str, Any]]:
        from entitybench.leaderboard.server.checker import looked_at

        rerun = 0 if season is None else 1
        yield {"result": looked_at(path, rerun, io.StringIO(), rescore=rescore, season=season)}

    def end(self) -> None:
        pass


class TestBoard:
    """An application, a client of it, and a worker that works when it is told to."""

    __test__ = False

    def __init__(self, store: Path, url: str | None = None, **settings: Any) -> None:
        from starlette.testclient import TestClient

        from entitybench.leaderboard.server.app import application
        from entitybench.leaderboard.server.settings import Settings
        from entitybench.leaderboard.server.worker import Worker

        settings.setdefault("reference", store)  # without rows of the hosts
        self.settings = Settings(store=store, database=url, **settings)
        self.app = application(self.settings)
        self.database, self.blobs = self.app.state.database, self.app.state.blobs
        self.client = TestClient(self.app, raise_server_exceptions=False)
        self.worker = Worker(self.database, self.blobs, 0)
        self.worker.checker = Here()  # type: ignore[assignment]
        self.worker.draws = False

    def send(self, data: bytes, **params: str) -> Any:
        return self.client.post("/api/v1/submissions", content=data, params=params)

    def verified(self, data: bytes, **params: str) -> dict[str, Any]:
        """What became of a bundle that was taken."""
        answer = self.send(data, **params)
        assert answer.status_code == 202, answer.text
        while self.worker.step():
            pass
        return self.get(f"/api/v1/submissions/{answer.json()['sha256']}")

    def get(self, path: str) -> dict[str, Any]:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def build(self) -> None:
        """What the builder does, once."""
        from entitybench.leaderboard.server import builder

        reference = self.settings.reference
        builder.build(self.settings.store, self.database, builder.hosts(reference), reference)

    def files(self) -> set[str]:
        """What lies in the store, but for the database."""
        store = self.settings.store
        found = {str(p.relative_to(store)) for p in store.rglob("*") if p.is_file()}
        return {name for name in found if not name.startswith("board.sqlite")}

    def close(self) -> None:
        self.client.close()
        self.database.close()


class Served:
    """`bench serve` in a process of its own."""

    def __init__(self, store: Path, *words: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.store, self.words = store, words
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        line = [sys.executable, "-P", "-m", "entitybench", "serve", "--store", str(self.store)]
        line += ["--port", str(self.port), *self.words]
        self.process = subprocess.Popen(line, stderr=subprocess.DEVNULL)
        for _ in range(600):
            try:
                httpx.get(f"{self.url}/healthz", timeout=5).raise_for_status()
                return
            except httpx.HTTPError:
                assert self.process.poll() is None, "the server ended"
                time.sleep(0.2)
        raise AssertionError("the server does not answer")

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)


def children(pid: int) -> list[int]:
    """Processes that a process has started and that run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(path.parent.name))
    return found


def postgres() -> Path | None:
    """Debian's programs of PostgreSQL."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """The URL of a PostgreSQL that runs while the block does."""
    programs = postgres()
    assert programs is not None
    folder.mkdir()
    who: dict[str, Any] = {}
    if os.geteuid() == 0:  # it refuses to run as root
        shutil.chown(folder, "nobody", "nogroup")
        for parent in folder.parents:
            if parent == Path("/tmp"):
                break
            parent.chmod(parent.stat().st_mode | 0o011)
        who = {"user": "nobody", "group": "nogroup"}
    data, quiet = folder / "data", {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    first = [programs / "initdb", "-D", data, "-U", "board", "-A", "trust", "-N"]
    subprocess.run(first, check=True, cwd=folder, **who, **quiet)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    line = [programs / "postgres", "-D", data, "-p", str(port), "-k", folder, "-h", "127.0.0.1"]
    running = subprocess.Popen(line, cwd=folder, **who, **quiet)
    try:
        import psycopg

        for _ in range(300):
            try:
                psycopg.connect(f"postgresql://board@127.0.0.1:{port}/postgres").close()
                break
            except psycopg.OperationalError:
                time.sleep(0.2)
        yield f"postgresql://board@127.0.0.1:{port}/postgres"
    finally:
        running.send_signal(signal.SIGINT)
        running.wait(60)
