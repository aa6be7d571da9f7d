"""Share blocks out to worker processes."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

from entitybench.arithmetic import same_everywhere
from entitybench.datasets.generate.parts import part_path, write_part
from entitybench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence, Set
    from pathlib import Path

    from entitybench.datasets.generate.parts import Job

_WAIT = 0.2  # s, between looks for Ctrl-C


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run(
    job: Job,
    folder: Path,
    kept: Set[int],
    workers: int,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write the part files of all parts but those in `kept`.

    A single worker works in this process. However this ends, no worker is left.

    Args:
        job: what is to be done.
        folder: where the part files are.
        kept: parts that are there already.
        workers: processes.
        progress: called with (things done, things in all), at the beginning and after every part.

    Raises:
        DataError: a part failed, or a worker was killed.
        OSError: a part could not be written.
    """
    counts = job.counts()
    done = sum(counts[index] for index in kept)
    if progress is not None:
        progress(done, sum(counts))
    todo = [index for index in range(len(counts)) if index not in kept]
    alone = workers == 1 or len(todo) <= 1
    parts = _alone(job, folder, todo) if alone else _together(job, folder, todo, workers)
    with closing(parts):  # ends the workers
        for index in parts:
            done += counts[index]
            if progress is not None:
                progress(done, sum(counts))


def _alone(job: Job, folder: Path, todo: Sequence[int]) -> Generator[int]:
    for index in todo:
        write_part(part_path(folder, index), *job.part(index))
        yield index


def _together(job: Job, folder: Path, todo: Sequence[int], workers: int) -> Generator[int]:
    """Do the parts in worker processes; yields each part's index when it is done."""
    tasks: queue.SimpleQueue[int] = queue.SimpleQueue()
    answers: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    for index in todo:
        tasks.put(index)
    order = json.dumps({"kind": type(job).__name__, "job": job.json(), "folder": str(folder)})
    processes: list[subprocess.Popen[str]] = []
    threads: list[threading.Thread] = []
    try:
        for _ in range(min(workers, len(todo))):
            processes.append(process := _start())
            arguments = (process, order, tasks, answers)
            threads.append(threading.Thread(target=_serve, args=arguments, daemon=True))
            threads[-1].start()
        for _ in todo:
            answer = _next(answers)
            if "failure" in answer:
                raise_failure(answer["failure"], answer.get("block"))
            yield int(answer["block"])
    finally:
        for process in processes:
            process.kill()
        for thread in threads:
            if thread.ident is not None:
                thread.join()
        for process in processes:
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):  # what was not yet sent need not be
                    assert pipe is not None
                    pipe.close()


def raise_failure(failure: dict[str, Any], block: int | None) -> None:
    """Raise what went wrong in a worker."""
    if failure["kind"] == "os":
        raise OSError(failure["errno"], failure["text"])
    if failure["kind"] == "bench":
        raise DataError(failure["text"])
    raise DataError(f"block {block} could not be generated: {failure['text']}")


def _start() -> subprocess.Popen[str]:
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "entitybench.datasets.generate.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for this process alone, from the worker's first moment
        # One BLAS thread each, too: the cores are shared out by process.
        env={**os.environ, **same_everywhere(), "PYTHONPATH": path},
    )


def _serve(
    process: subprocess.Popen[str],
    order: str,
    tasks: queue.SimpleQueue[int],
    answers: queue.SimpleQueue[dict[str, Any]],
) -> None:
    """Give one worker a block at a time until none is left."""
    assert process.stdin is not None
    assert process.stdout is not None
    index = None
    try:
        process.stdin.write(order + "\n")
        while True:
            index = tasks.get_nowait()
            process.stdin.write(f"{index}\n")
            process.stdin.flush()
            answers.put(json.loads(process.stdout.readline()))
    except queue.Empty:
        return
    except (OSError, ValueError):  # the pipe broke, or the answer was cut off
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)
        text = f"a worker process ended with code {process.poll()}. Give the same command again"
        answers.put({"failure": {"kind": "bench", "text": f"{text}: finished blocks are kept."}})


def _next(answers: queue.SimpleQueue[dict[str, Any]]) -> dict[str, Any]:
    while True:  # waiting without a limit would not notice Ctrl-C on every system
        try:
            return answers.get(timeout=_WAIT)
        except queue.Empty:
            continue
