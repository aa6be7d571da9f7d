"""Processes on this machine, each handed one job after another."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from entitybench.arithmetic import same_everywhere
from entitybench.executors.calls import answered, lost

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from entitybench.executors.calls import Answer, Call

_WAIT = 0.2  # s, between looks for Ctrl-C
_Answers = queue.SimpleQueue[tuple[int, "Answer"]]


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run(
    calls: Sequence[Call], workers: int, folder: Path, poll: Callable[[], None]
) -> Generator[tuple[int, Answer]]:
    """See `entitybench.executors.api.run`. A worker that dies costs its job and is not replaced."""
    del folder  # they write nothing of their own
    tasks: queue.SimpleQueue[int] = queue.SimpleQueue()
    answers: _Answers = queue.SimpleQueue()
    for place in range(len(calls)):
        tasks.put(place)
    processes: list[subprocess.Popen[str]] = []
    threads: list[threading.Thread] = []
    try:
        for _ in range(min(workers, len(calls))):
            processes.append(process := start())
            arguments = (process, calls, tasks, answers)
            threads.append(threading.Thread(target=_serve, args=arguments, daemon=True))
            threads[-1].start()
        for _ in calls:
            found = _next(answers, threads, poll)
            if found is None:  # no worker is left for the rest
                while not tasks.empty():
                    yield tasks.get(), lost("no worker process is left")
                return
            yield found
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


def start() -> subprocess.Popen[str]:
    """A worker, which waits for its first job."""
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "entitybench.executors.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for this process alone, from the worker's first moment
        # One BLAS thread each, too: the cores are shared out by process.
        env={**os.environ, **same_everywhere(), "PYTHONPATH": path},
    )


def _serve(
    process: subprocess.Popen[str],
    calls: Sequence[Call],
    tasks: queue.SimpleQueue[int],
    answers: _Answers,
) -> None:
    """Give one worker a job at a time until none is left."""
    assert process.stdin is not None
    assert process.stdout is not None
    place = -1
    try:
        while True:
            place = tasks.get_nowait()
            process.stdin.write(calls[place].text() + "\n")
            process.stdin.flush()
            answers.put((place, answered(process.stdout.readline())))
    except queue.Empty:
        return
    except (OSError, ValueError):  # the pipe broke, or the answer was cut off
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)
        answers.put((place, lost(f"a worker process ended with code {process.poll()}")))


def _next(
    answers: _Answers, threads: Sequence[threading.Thread], poll: Callable[[], None]
) -> tuple[int, Answer] | None:
    """The next answer; None where nobody is left to give one."""
    while True:  # waiting without a limit would not notice Ctrl-C on every system
        alive = any(thread.is_alive() for thread in threads)
        try:
            return answers.get(timeout=_WAIT)
        except queue.Empty:
            if not alive:
                return None
            poll()
