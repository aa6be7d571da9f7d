"""The process that has bundles looked at: it holds jobs, a sandboxed checker looks.

`python -m entitybench.leaderboard.server.worker STORE RERUN`, the database's URL, which may hold a
password, in the environment; `bench serve` starts it, and again when it dies.
"""

from __future__ import annotations

import json
import os
import queue as queues
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import OperationalError

from entitybench.leaderboard.server import queue, sandbox, seasons
from entitybench.leaderboard.server.blobs import Blobs
from entitybench.leaderboard.server.database import Database
from entitybench.leaderboard.server.tables import Submission

if TYPE_CHECKING:
    from collections.abc import Iterator

BEAT = 1.0  # s between two renewals of a lease
POLL = 0.3  # s between two looks for a job
URL = "ENTITYBENCH_BOARD_DATABASE"  # the variable; a checker never sees it
RERUN = 5  # episodes of a training seed that an agent acts in again while a season is open
STUCK = 900.0  # s without a word after which a checker is given up


class CheckerDied(Exception):
    """It ended in the middle of a bundle."""


class Checker:
    """The sandboxed process, which is started when first needed and stays."""

    def __init__(self, rerun: int) -> None:
        self._rerun, self._acts = rerun, bool(rerun)
        self._process: subprocess.Popen[str] | None = None
        self._words: queues.SimpleQueue[str | None] = queues.SimpleQueue()

    def look(
        self, bundle: Path, *, rescore: bool = False, season: dict[str, Any] | None = None
    ) -> Iterator[dict[str, Any] | None]:
        """Messages on a bundle, the last one with its result; None for each second of silence.

        Raises CheckerDied.
        """
        rerun = self._rerun or (RERUN if season is not None else 0)
        if bool(rerun) != self._acts:  # what acts has more loaded before it is sealed
            self.end()
            self._acts = bool(rerun)
        process = self._started()
        assert process.stdin is not None
        with suppress(BrokenPipeError):  # said below
            asked = {"bundle": str(bundle), "rerun": rerun, "rescore": rescore, "season": season}
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()
        last = time.monotonic()
        while True:
            try:
                word = self._words.get(timeout=BEAT)
            except queues.Empty:
                if time.monotonic() - last > STUCK:
                    self.end()
                    raise CheckerDied(f"the checker said nothing for {STUCK:g} s") from None
                yield None
                continue
            if word is None:
                code = process.wait()
                self._process = None
                how = f"signal {-code}" if code < 0 else f"exit code {code}"
                raise CheckerDied(f"the checker ended ({how})")
            last = time.monotonic()
            yield (message := json.loads(word))
            if "result" in message:
                return

    def end(self) -> None:
        """Kill it, if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def pid(self) -> int | None:
        """Of the process."""
        return None if self._process is None else self._process.pid

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._words = queues.SimpleQueue()
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", f"{__package__}.checker", str(int(self._acts))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={name: text for name, text in os.environ.items() if name != URL},
                text=True,
            )
            reader = threading.Thread(target=_read, args=(self._process, self._words), daemon=True)
            reader.start()
        return self._process


def _read(process: subprocess.Popen[str], words: queues.SimpleQueue[str | None]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        words.put(line)
    words.put(None)


class Worker:
    """Takes one job after the other."""

    def __init__(self, database: Database, blobs: Blobs, rerun: int) -> None:
        self.database, self.blobs = database, blobs
        self.store = blobs.folder.parent
        self.owner = f"{os.getpid()}-{uuid.uuid4().hex[:12]}"
        self.checker = Checker(rerun)
        self.draws = True  # whether 3-D views are made too
        self.stopped = threading.Event()

    def run(self) -> None:
        """Until it is stopped."""
        try:
            while not self.stopped.is_set():
                if not self.step():
                    self.stopped.wait(POLL)
        finally:
            self.checker.end()

    def step(self) -> bool:
        """Do the next job. False: there is none."""
        try:
            with self.database.writing() as session:
                job = queue.claim(session, self.owner, time.time(), draws=self.draws)
                if job is None:
                    return False
                number, kind = job.id, job.kind
                sha256 = session.get_one(Submission, job.submission_id).sha256
                again = job.submission_id if kind == queue.RESCORE else None
                season = seasons.asked(session, again)
            if kind == queue.DRAW:
                self._draw(number, sha256)
            else:
                self._do(number, sha256, rescore=kind == queue.RESCORE, season=season)
        except OperationalError as error:  # the database is gone for a while
            sys.stderr.write(f"bench: worker: {error.orig}\n")
            self.stopped.wait(POLL)
        return True

    def _do(self, job: int, sha256: str, *, rescore: bool, season: dict[str, Any] | None) -> None:
        phase, done, total, beaten = "begins", 0, 0, 0.0
        try:
            looks = self.checker.look(self.blobs.path(sha256), rescore=rescore, season=season)
            for message in looks:
                if message is not None and "result" in message:
                    self._conclude(job, message["result"])
                    return
                if message is not None and "ready" in message:
                    self._tell(job, f"the checker is ready ({', '.join(message['ready'])})")
                elif message is not None:
                    phase, done, total = message["phase"], message["done"], message["total"]
                if time.monotonic() - beaten < BEAT and not self.stopped.is_set():
                    continue
                beaten = time.monotonic()
                if not self._renew(job, phase, done, total):
                    self.checker.end()
                    return
        except CheckerDied as died:
            with self.database.writing() as session:
                queue.crashed(session, job, self.owner, str(died))

    def _draw(self, job: int, sha256: str) -> None:
        """Have the 3-D view made; it has its place when it is whole."""
        place = view_of(self.store, sha256)
        made = place.with_name(f".{place.name}.{uuid.uuid4().hex}.part")
        made.parent.mkdir(parents=True, exist_ok=True)
        line = [sys.executable, "-P", "-m", f"{__package__}.drawer"]
        process = subprocess.Popen(
            [*line, str(self.blobs.path(sha256)), str(made)],
            env={name: text for name, text in os.environ.items() if name != URL},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            while True:
                with suppress(subprocess.TimeoutExpired):
                    _, said = process.communicate(timeout=BEAT)
                    break
                if not self._renew(job, "draws", 0, 0):
                    return
            with self.database.writing() as session:
                if process.returncode == 0 and queue.owned(session, job, self.owner) is not None:
                    if not place.exists():
                        made.rename(place)
                    queue.drawn(session, job, self.owner)
                elif process.returncode:
                    last = said.strip().splitlines()[-1:] or ["no reason given"]
                    queue.crashed(session, job, self.owner, last[0])
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            shutil.rmtree(made, ignore_errors=True)

    def _renew(self, job: int, phase: str, done: int, total: int) -> bool:
        with self.database.writing() as session:
            if self.stopped.is_set():
                queue.give_back(session, job, self.owner)
                return False
            return queue.renew(session, job, self.owner, phase, done, total)

    def _conclude(self, job: int, result: dict[str, Any]) -> None:
        from entitybench.leaderboard.server import outcome  # numpy: a worker is there before

        with self.database.writing() as session:
            held = queue.owned(session, job, self.owner)
            if held is not None:
                outcome.conclude(session, held, result)

    def _tell(self, job: int, text: str) -> None:
        with self.database.writing() as session:
            held = queue.owned(session, job, self.owner)
            if held is not None:
                queue.tell(session, held.submission_id, text)


def view_of(store: Path, sha256: str) -> Path:
    """Where the 3-D view of a bundle lies."""
    return store / "views" / sha256[:16]


def main(arguments: list[str]) -> None:
    """Work until told to stop, or the process that started this one ends."""
    parent = os.getppid()
    sandbox.die_with_parent()
    store, rerun = arguments
    worker = Worker(Database(os.environ[URL]), Blobs(Path(store)), int(rerun))
    signal.signal(signal.SIGTERM, lambda *_: worker.stopped.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server decides
    if os.getppid() == parent:
        worker.run()


if __name__ == "__main__":
    main(sys.argv[1:])
