"""Runs the jobs of an evaluation in worker threads, and says whose fault it is when one fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from entitybench.errors import BenchError, OutOfReach
from entitybench.leaderboard.evaluation.threads import torch_threads
from entitybench.records import INFRASTRUCTURE, POLICY, Row
from entitybench.words import class_name, named, place, squeezed

if TYPE_CHECKING:
    from entitybench.leaderboard.evaluation.provenance import Source
    from entitybench.types import Array

Failures = Literal["raise", "record"]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Entrant:
    """What acts (answers, judges, …), and the training seed it comes from."""

    actor: Any
    source: Source


@dataclass(frozen=True)
class Job:
    """Some items of one training seed, done in one go."""

    entrant: Entrant
    items: tuple[int, ...]  # increasing


@dataclass(frozen=True)
class Result:
    """What one job gave."""

    rows: list[Row]
    diagnostics: dict[str, Array]  # each (rows,)
    spent_s: tuple[float, float] = (0.0, 0.0)  # wall and processor, in another process or earlier


class Runner(Protocol):
    """What does all jobs: `run_all`, or what knows some results already."""

    def __call__(
        self,
        jobs: Sequence[Job],
        run: Callable[[Job, Ticker], Result],
        *,
        threads: int,
        steps: int,
        progress: Progress | None,
    ) -> list[Result]: ...


J = TypeVar("J")
R = TypeVar("R")


class Stopped(Exception):
    """Another worker failed, or the user pressed Ctrl-C."""


class Ticker:
    """Counts the steps of all workers, and carries word that the evaluation was stopped."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self.total, self.progress, self.done = total, progress, 0
        self.lock = threading.Lock()
        self.stopped = threading.Event()

    def __call__(self, steps: int) -> None:
        if self.stopped.is_set():
            raise Stopped
        if self.progress is not None and steps:
            with self.lock:
                self.done += steps
                self.progress(self.done, self.total)


def run_all(
    jobs: Sequence[J],
    run: Callable[[J, Ticker], R],
    *,
    threads: int,
    steps: int,
    progress: Progress | None,
) -> list[R]:
    """Every job, in their order, by `threads` workers. The first exception stops all of them.

    Args:
        jobs: at least one.
        run: does a job, and ticks `steps` steps in all.
        threads: workers.
        steps: of one job.
        progress: called with (steps done, all of them), by one worker at a time.
    """
    ticker = Ticker(len(jobs) * steps, progress)

    def work(job: J) -> R:
        with torch_threads(1):
            return run(job, ticker)

    # Set here too: workers take their number of torch threads from the one set last.
    with torch_threads(1), ThreadPoolExecutor(min(threads, len(jobs))) as pool:
        futures = [pool.submit(work, job) for job in jobs]
        try:
            waiting = set(futures)
            while waiting:
                done, waiting = wait(waiting, timeout=0.5, return_when="FIRST_EXCEPTION")
                for future in done:
                    future.result()
        except BaseException:
            ticker.stopped.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return [future.result() for future in futures]


class Fault(Exception):
    """An exception, and whose fault it is: POLICY or INFRASTRUCTURE."""

    def __init__(self, who: str, error: BaseException) -> None:
        super().__init__(who)
        self.who, self.error = who, error


@contextmanager
def blame(who: str) -> Iterator[None]:
    """Within, exceptions are the fault of `who`, unless something inside was blamed already.

    Also those that are no `Exception`, as an agent may raise; Ctrl-C passes.
    """
    try:
        yield
    except (Stopped, Fault, KeyboardInterrupt):
        raise
    except OutOfReach as error:
        raise Fault(INFRASTRUCTURE, error) from error
    except BaseException as error:
        raise Fault(who, error) from error


def failure(fault: Fault, agent: str, failures: Failures) -> str:
    """What the rows of a job say that failed. Raises what is not to be recorded.

    Args:
        fault: what happened.
        agent: whose id the message names.
        failures: "raise" an exception of the agent as BenchError, or "record" it.
    """
    error = fault.error
    if isinstance(error, OutOfReach):  # the rows that are there are not lost with it
        return f"{fault.who}: {squeezed(str(error))}"
    if isinstance(error, BenchError) and (failures == "raise" or fault.who != POLICY):
        raise error
    if fault.who == POLICY and failures == "raise":
        raise BenchError(f"the policy of {agent} raised {_line(error)}") from error
    return f"{fault.who}: {_line(error)}"


def _line(error: BaseException) -> str:
    name, text = class_name(error), named(error)
    return f"{f'{name}: no message' if text == name else text} ({place(error)})"
