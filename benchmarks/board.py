"""How fast a full board answers, and what many uploads cost: `python benchmarks/board.py`.

1000 submissions of 1000 episodes each (a million rows) in a store of its own, then `bench serve`
over it on loopback: the time of each sort of page, pages that are kept and pages that are made.
With --uploads 50 also as many uploads of 50 MB at once beside 200 readers, with the largest memory
that the server had. `--database URL` for PostgreSQL, whose database has to be empty.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import io
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np

import entitybench as eb
from entitybench.leaderboard.board.entries import entry_of
from entitybench.leaderboard.board.model import Verification
from entitybench.leaderboard.board.submissions import id_of
from entitybench.leaderboard.server import audit
from entitybench.leaderboard.server.database import Database, opened, sqlite_url
from entitybench.leaderboard.server.live import as_json
from entitybench.leaderboard.server.states import ACCEPTED
from entitybench.leaderboard.server.tables import Episode, Evidence, Result, Submission
from entitybench.records import Columns, Record

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TASKS = ("push-1block", "push-2blocks", "push-3blocks", "reach-cube", "push-1block-obstacles")
ASKED = 60  # requests of each sort of page
LIMIT = 0.2  # s at the 95th percentile


def fill(database: Database, submissions: int, episodes: int) -> list[str]:
    """Accepted submissions with their rows. Returns their SHA-256."""
    record = eb.evaluate("random", "push-1block", episodes=2, threads=1)
    values = {
        name: [column[k % 2] for k in range(episodes)]
        for name, column in record.columns.values.items()
    }
    seeds, items = [k // 200 for k in range(episodes)], [k % 200 for k in range(episodes)]
    digests = ["0" * 16] * episodes
    columns = Columns(training_seed=seeds, item=items, values=values, digest=digests)
    record = record.model_copy(update={"columns": columns})
    checks = {"archive": "done", "physics": "done", "scores": "done"}
    report = {"level": 2, "checks": checks, "findings": [], "measured": {}, "signed_by": None}
    names, numbers = [], [json.dumps(row.values) for row in record.rows]
    text = record.to_json()
    for number in range(submissions):
        sha256 = np.random.default_rng(number).bytes(32).hex()
        with database.writing() as session:
            _one(session, number, sha256, record, text, report, numbers)
        names.append(sha256)
    return names


def _one(
    session: Any,
    number: int,
    sha256: str,
    record: Record,
    text: str,
    report: dict[str, Any],
    numbers: list[str],
) -> None:
    agent = f"agent-{number % 200}"
    entry = entry_of(
        record,
        id_of(sha256),
        origin="submitted",
        hashes={"bundle": sha256, "record": sha256},
        verification=Verification.of(report),
    )
    task = TASKS[number % len(TASKS)]
    entry = dataclasses.replace(entry, agent=agent, label=agent, task=task)
    found = Submission(
        sha256=sha256, size=1, received=time.time(), address="", state=ACCEPTED, level=2,
        reason="", task=task, version=1, kind=record.kind, agent=agent, label=agent,
    )  # fmt: skip
    session.add(found)
    session.flush()
    kept = Evidence(submission_id=found.id, report=json.dumps(report), record=text, suited=False)
    kept.entry = as_json(entry)
    session.add(kept)
    session.add(Result(submission_id=found.id, metric="success", place=0, mean=0.5))
    rows = [
        {
            "submission_id": found.id,
            "training_seed": row.training_seed,
            "item": row.item,
            "numbers": each,
            "error": None,
        }
        for row, each in zip(record.rows, numbers, strict=True)
    ]
    session.execute(Episode.__table__.insert(), rows)
    audit.append(session, ACCEPTED, sha256, {"state": ACCEPTED})


def pages(names: list[str]) -> dict[str, list[str]]:
    """Paths of each sort of page, ASKED of each; those of rows are all different."""
    chosen = random.Random(0).sample(names, min(ASKED, len(names)))
    ids = [id_of(each) for each in chosen]
    always = {
        "home": ["/"],
        "results": ["/results"],
        "results, sorted": ["/results/sort.score"],
        "task": [f"/task/{task}" for task in TASKS],
        "agent": [f"/agent/agent-{k}" for k in range(min(ASKED, len(names)))],
        "submission": [f"/submission/{id}" for id in ids],
        "compare": [f"/compare/{id}" for id in ids[:5]],
        "suite": ["/suite/control-small"],
        "API, list": ["/api/v1/submissions"],
        "API, one": [f"/api/v1/submissions/{each}" for each in chosen],
        "API, episodes": [f"/api/v1/submissions/{each}/episodes?skip=500" for each in chosen],
    }
    return {name: [some[k % len(some)] for k in range(ASKED)] for name, some in always.items()}


def measure(url: str, names: list[str]) -> bool:
    """Print the times of pages. Returns whether all are within the limit."""
    fine = True
    with httpx.Client(base_url=url, timeout=60) as client:
        for name, paths in pages(names).items():
            taken = []
            for path in paths:
                began = time.perf_counter()
                answer = client.get(path)
                taken.append(time.perf_counter() - began)
                assert answer.status_code == 200, (path, answer.status_code)
            half, most = np.quantile(taken, [0.5, 0.95])
            fine &= bool(most <= LIMIT)
            size = len(answer.content) / 1000
            print(f"{name:16} p50 {1e3 * half:6.1f} ms  p95 {1e3 * most:6.1f} ms  {size:7.1f} kB")
    return fine


def large(megabytes: int) -> bytes:
    """What looks like a bundle at the door; a comment at its end tells one from another."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("manifest.json", "{}")
        archive.writestr("record.json", "{}")
        data = np.random.default_rng(0).bytes(megabytes << 20)
        archive.writestr("weights/seed0/weights.safetensors", data)
        archive.comment = b"0" * 8
    return out.getvalue()


async def crowd(url: str, uploads: int, readers: int, pid: int) -> None:
    """Uploads at once beside readers; prints errors, times and the server's largest memory."""
    data, done, times, wrong = large(50), [0], [], []
    limits = httpx.Limits(max_connections=None)

    async def send(client: httpx.AsyncClient, number: int) -> None:
        async def body() -> AsyncIterator[bytes]:
            for begin in range(0, len(data) - 8, 1 << 18):
                yield data[begin : min(begin + (1 << 18), len(data) - 8)]
            yield f"{number:08}".encode()

        answer = await client.post("/api/v1/submissions", content=body())
        if answer.status_code != 202:
            wrong.append(answer.text)
        done[0] += 1

    async def read(client: httpx.AsyncClient) -> None:
        while done[0] < uploads:
            began = time.perf_counter()
            answer = await client.get("/about")
            times.append(time.perf_counter() - began)
            if answer.status_code != 200:
                wrong.append(answer.text)
            await asyncio.sleep(1)

    memory = [rss(pid)]

    async def watch() -> None:
        while done[0] < uploads:
            memory.append(rss(pid))
            await asyncio.sleep(0.2)

    async with httpx.AsyncClient(base_url=url, timeout=600, limits=limits) as client:
        began = time.perf_counter()
        tasks = [send(client, k) for k in range(uploads)] + [read(client) for _ in range(readers)]
        await asyncio.gather(*tasks, watch())
    taken = time.perf_counter() - began
    half, most = np.quantile(times, [0.5, 0.95])
    print(
        f"{uploads} uploads of 50 MB at once beside {readers} readers: {taken:.0f} s, "
        f"{len(wrong)} errors, readers p50 {half:.2f} s p95 {most:.2f} s; memory of the server "
        f"{memory[0]} MB before, {max(memory)} MB at most"
    )
    for text in wrong[:3]:
        print(text[:200])


def rss(pid: int) -> int:
    """Memory of a process, MB."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) // 1000 if found else 0


def built(url: str, until: float) -> None:
    """Wait for the hosts' rows and the suites, which another process reads."""
    while True:
        assert time.monotonic() < until, "the board is not built"
        try:
            if httpx.get(f"{url}/suite/control-small", timeout=60).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.5)


def main() -> None:
    """Fill, serve, measure."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--submissions", type=int, default=1000)
    asked.add_argument("--episodes", type=int, default=1000)
    asked.add_argument("--uploads", type=int, default=0)
    asked.add_argument("--readers", type=int, default=200)
    asked.add_argument("--database")
    words = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder)
        url = words.database or sqlite_url(store / "board.sqlite")
        began = time.perf_counter()
        database = opened(url)
        names = fill(database, words.submissions, words.episodes)
        kind = database.engine.dialect.name
        database.close()
        rows = words.submissions * words.episodes
        print(f"{kind}: {len(names)} submissions, {rows} rows: {time.perf_counter() - began:.0f} s")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        line = [sys.executable, "-P", "-m", "entitybench", "serve", "--store", folder]
        line += ["--port", str(port), "--uploads", "100000", "--tries", "100000"]
        line += ["--database", words.database] if words.database else []
        process = subprocess.Popen(line, stderr=subprocess.DEVNULL, env={**os.environ})
        try:
            board = f"http://127.0.0.1:{port}"
            built(board, time.monotonic() + 600)
            fine = measure(board, names)
            print(f"every page within {1e3 * LIMIT:.0f} ms at p95: {'yes' if fine else 'no'}")
            if words.uploads:
                asyncio.run(crowd(board, words.uploads, words.readers, process.pid))
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


if __name__ == "__main__":
    main()
