"""Bring blobs here: hashed while they stream, resumed where they broke off, from any mirror."""

from __future__ import annotations

import hashlib
import os
import queue
import threading
import time
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from tenacity import Retrying, retry_if_exception_type, wait_random_exponential

from entitybench.datasets.transport.contract import Interrupted, Refused
from entitybench.datasets.transport.layout import MOST_TEXT, blob_name
from entitybench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from tenacity import RetryCallState

    from entitybench.datasets.transport.contract import Patience, Source


AT_ONCE = 4  # blobs: few enough for any server, enough to hide that each has to be asked for


@dataclass(frozen=True, slots=True)
class Blob:
    """A file by its content. `name` is for messages only."""

    sha256: str
    bytes: int
    name: str


class _Part:
    """What of a blob has arrived: a file, its length and its hash so far."""

    def __init__(self, path: Path, blob: Blob) -> None:
        self.path = path
        self.blob = blob
        self.have = 0
        self.digest = hashlib.sha256()
        if path.is_file() and path.stat().st_size <= blob.bytes:
            with path.open("rb") as file:
                while piece := file.read(2**20):
                    self.digest.update(piece)
                    self.have += len(piece)
        else:
            self.restart()

    def restart(self) -> None:
        self.path.write_bytes(b"")
        self.have, self.digest = 0, hashlib.sha256()

    def add(self, pieces: Iterator[bytes]) -> Iterator[int]:
        """Append pieces; yields the length after each. Raises Refused for too many bytes."""
        with self.path.open("ab") as file:
            for piece in pieces:
                if self.have + len(piece) > self.blob.bytes:
                    raise Refused("it is corrupt there: too many bytes")
                file.write(piece)
                self.digest.update(piece)
                self.have += len(piece)
                yield self.have
            file.flush()
            os.fsync(file.fileno())


def fetch(
    blob: Blob,
    folder: Path,
    sources: list[Source],
    patience: Patience,
    report: Callable[[int], None],
) -> Path:
    """A file with the blob's bytes in `folder`, named by its hash.

    Args:
        blob: what to bring.
        folder: where `<sha256>.part` grows, and stays after a failure to go on with.
        sources: mirrors in the order to ask them; one that fails is put last.
        patience: with each of them.
        report: called with the bytes of this blob that are here.

    Raises:
        DataError: no mirror gave it; the text says why not, each by each.
    """
    final = folder / blob.sha256
    if not (final.is_file() and final.stat().st_size == blob.bytes):
        part = _Part(folder / f"{blob.sha256}.part", blob)
        reasons = []
        for source in tuple(sources):
            try:
                _from_one(source, part, patience, report)
                break
            except (Refused, Interrupted) as reason:
                reasons.append(f"{source.url} ({reason})")
                # Whole at every moment: other threads go through it.
                sources[:] = [*(other for other in sources if other is not source), source]
        else:
            raise DataError(
                f"no mirror gave a right {blob.name}: {'; '.join(reasons)}. What has arrived is "
                "kept: the same command goes on."
            )
        part.path.replace(final)
    report(blob.bytes)
    return final


def fetch_all(
    blobs: Collection[Blob],
    folder: Path,
    sources: list[Source],
    patience: Patience,
    report: Callable[[int], None],
) -> None:
    """Bring several blobs, some at a time; see `fetch`.

    After a failure none is begun; those under way are finished, and kept.

    Args:
        report: called with the bytes of all blobs that are here.
    """
    waiting, answers = deque(blobs), queue.SimpleQueue[BaseException | None]()
    here: dict[str, int] = {}
    lock, stopped = threading.Lock(), threading.Event()

    def serve() -> None:
        try:
            while (blob := _first(waiting)) is not None:
                fetch(blob, folder, sources, patience, partial(tell, blob))
            answers.put(None)
        except BaseException as error:
            waiting.clear()
            answers.put(error)

    def tell(blob: Blob, have: int) -> None:
        if stopped.is_set():
            raise SystemExit
        with lock:
            here[blob.sha256] = have
            report(sum(here.values()))

    threads = [threading.Thread(target=serve, daemon=True) for _ in range(min(AT_ONCE, len(blobs)))]
    for thread in threads:
        thread.start()
    try:
        errors = [error for error in (_next(answers) for _ in threads) if error is not None]
    finally:
        waiting.clear()
        stopped.set()  # after Ctrl-C they end at their next bytes
    if errors:
        raise errors[0]


def _first(waiting: deque[Blob]) -> Blob | None:
    try:
        return waiting.popleft()
    except IndexError:
        return None


def _next(answers: queue.SimpleQueue[BaseException | None]) -> BaseException | None:
    while True:  # waiting without a limit would not notice Ctrl-C on every system
        try:
            return answers.get(timeout=0.2)
        except queue.Empty:
            continue


def read_text(source: Source, name: str, patience: Patience) -> bytes:
    """A small file whole. Raises Refused and Interrupted."""

    def once() -> bytes:
        pieces, length, until = [], 0, time.monotonic() + 2 * patience.silence
        with source.open(name, 0) as (_, stream):
            for piece in stream:
                length += len(piece)
                if length > MOST_TEXT:
                    raise Refused(f"its {name} is over {MOST_TEXT // 2**20} MB")
                if time.monotonic() > until:
                    raise Interrupted("it is too slow")
                pieces.append(piece)
        return b"".join(pieces)

    return bytes(_retrying(patience, lambda state: state.attempt_number)(once))


def _from_one(
    source: Source, part: _Part, patience: Patience, report: Callable[[int], None]
) -> None:
    """Complete a part from one mirror. Raises Refused and Interrupted."""
    in_vain, may_restart = 0, True

    def once() -> None:
        nonlocal in_vain, may_restart
        before = part.have
        try:
            whole = _attempt(source, part, patience, report)
        except Interrupted:
            is_much = part.have - before >= patience.least_speed * patience.silence
            in_vain = 0 if is_much else in_vain + 1
            raise
        if part.digest.hexdigest() != part.blob.sha256:
            part.restart()
            wrong = "it is corrupt there: another sha256"
            if whole or not may_restart:
                raise Refused(wrong)
            may_restart = False  # the bytes of an earlier attempt, or mirror, may be the wrong ones
            raise Interrupted(wrong)

    _retrying(patience, lambda _: in_vain)(once)


def _attempt(
    source: Source, part: _Part, patience: Patience, report: Callable[[int], None]
) -> bool:
    """Append what is missing. Returns whether all bytes came in this attempt."""
    before = part.have
    if before == part.blob.bytes > 0:
        return False
    with source.open(blob_name(part.blob.sha256), before) as (start, pieces):
        if start != before:
            part.restart()
        since, then = time.monotonic(), part.have
        for have in part.add(pieces):
            report(have)
            passed = time.monotonic() - since
            if passed > patience.silence:
                if have - then < patience.least_speed * passed:
                    raise Interrupted(f"it is too slow: {(have - then) / passed:.0f} bytes/s")
                since, then = time.monotonic(), have
    if part.have < part.blob.bytes:
        raise Interrupted("it broke off")
    return start == 0


def _retrying(patience: Patience, in_vain: Callable[[RetryCallState], int]) -> Retrying:
    """Tries again after Interrupted, as long as the attempts in vain are few."""
    backoff = wait_random_exponential(multiplier=patience.first_wait, max=patience.longest_wait)

    def wait(state: RetryCallState) -> float:
        asked = _asked(state)
        return backoff(state) if asked is None else asked

    def stop(state: RetryCallState) -> bool:
        return in_vain(state) >= patience.tries or (_asked(state) or 0) > patience.longest_wait

    return Retrying(retry=retry_if_exception_type(Interrupted), wait=wait, stop=stop, reraise=True)


def _asked(state: RetryCallState) -> float | None:
    error: Any = state.outcome.exception() if state.outcome is not None else None
    return error.after if isinstance(error, Interrupted) else None
