"""`run`: jobs, done by an executor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entitybench.errors import BadValue, unknown, whole
from entitybench.registry import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from pathlib import Path

    from entitybench.executors.calls import Answer, Call

LOCAL = "local"
# Each takes (calls, workers, folder, poll) and yields (place of a call, answer) as they come.
EXECUTORS: Mapping[str, str] = {
    LOCAL: "entitybench.executors.local:run",
    "slurm": "entitybench.executors.slurm:run",
    "ray": "entitybench.executors.ray:run",
}


def check(executor: str, workers: int | None = None) -> None:
    """Raise UnknownId or BadValue for an executor that there is not, or no number of workers."""
    if executor not in EXECUTORS:
        raise unknown("executor", executor, EXECUTORS)
    if workers is not None:
        whole("workers", workers)


def run(
    calls: Sequence[Call],
    *,
    workers: int,
    folder: Path,
    executor: str = LOCAL,
    poll: Callable[[], None] | None = None,
) -> Generator[tuple[int, Answer]]:
    """Do all calls; close the generator and no worker is left.

    Args:
        calls: whose order is that in which they are begun.
        workers: how many are done at a time.
        folder: for what an executor writes itself; workers elsewhere must see it too.
        executor: one of EXECUTORS.
        poll: called again and again while they run.

    Yields:
        The place of a call and its result or a Failure, in the order in which they end.

    Raises:
        UnknownId: no such executor.
        BadValue: no number of workers, or none of this kind can be had here.
        MissingExtra: its package is not installed.
    """
    check(executor, workers)
    if not calls:
        return
    if not all(call.target.count(":") == 1 for call in calls):
        raise BadValue("a job names its function as module:function.")
    yield from resolve(EXECUTORS[executor])(calls, workers, folder, poll or _nothing)


def _nothing() -> None:
    """Nobody watches."""
