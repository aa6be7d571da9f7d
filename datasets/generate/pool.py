"""Share blocks out to worker processes."""

from __future__ import annotations

import json
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from entitybench.arithmetic import rounds_alike
from entitybench.datasets.generate.parts import part_path, write_part
from entitybench.errors import DataError
from entitybench.executors import api as executors
from entitybench.executors.calls import Call, Failure
from entitybench.executors.local import available_cores
from entitybench.registry import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence, Set

    from entitybench.datasets.generate.parts import Job

__all__ = ["available_cores", "do", "run"]


def run(
    job: Job,
    folder: Path,
    kept: Set[int],
    workers: int,
    progress: Callable[[int, int], None] | None = None,
    executor: str = executors.LOCAL,
) -> None:
    """Write the part files of all parts but those in `kept`.

    A single local worker works in this process, if that rounds as every worker does. However this
    ends, no worker is left.

    Args:
        job: what is to be done.
        folder: where the part files are.
        kept: parts that are there already.
        workers: processes.
        progress: called with (things done, things in all), at the beginning and after every part.
        executor: where the workers are, of `entitybench.executors.api.EXECUTORS`.

    Raises:
        DataError: a part failed, or a worker was killed.
        OSError: a part could not be written.
    """
    executors.check(executor, workers)
    counts = job.counts()
    done = sum(counts[index] for index in kept)
    if progress is not None:
        progress(done, sum(counts))
    todo = [index for index in range(len(counts)) if index not in kept]
    one = executor == executors.LOCAL and (workers == 1 or len(todo) <= 1)
    alone = one and rounds_alike()
    parts = _alone(job, folder, todo) if alone else _together(job, folder, todo, workers, executor)
    with closing(parts):  # ends the workers
        for index in parts:
            done += counts[index]
            if progress is not None:
                progress(done, sum(counts))


def _alone(job: Job, folder: Path, todo: Sequence[int]) -> Generator[int]:
    for index in todo:
        write_part(part_path(folder, index), *job.part(index))
        yield index


def _together(
    job: Job, folder: Path, todo: Sequence[int], workers: int, executor: str
) -> Generator[int]:
    """Do the parts in worker processes; yields each part's index when it is done."""
    order = {
        "kind": f"{type(job).__module__}:{type(job).__name__}",
        "job": json.dumps(job.json()),
        "folder": str(folder.absolute()),
    }
    calls = [Call(f"{__name__}:do", {**order, "index": index}) for index in todo]
    answers = executors.run(calls, workers=workers, folder=folder, executor=executor)
    with closing(answers):
        for place, answer in answers:
            if isinstance(answer, Failure):
                _raise(answer, f"block {todo[place]} could not be generated")
            yield todo[place]


def elsewhere(call: Call, folder: Path, failing: str) -> Any:
    """What a call gives in a process that rounds as the workers do.

    Raises:
        DataError: it failed; `failing` says what could not be done.
        OSError: a file could not be read.
    """
    [(_, answer)] = executors.run([call], workers=1, folder=folder)
    if isinstance(answer, Failure):
        _raise(answer, failing)
    return answer


def do(kind: str, job: str, folder: str, index: int) -> None:
    """Do one part, in whichever process."""
    write_part(part_path(Path(folder), index), *_made(kind, job).part(index))


@lru_cache(maxsize=1)
def _made(kind: str, text: str) -> Job:
    """The job of a text, made once a process."""
    job: Job = resolve(kind).from_json(json.loads(text))
    return job


def _raise(failure: Failure, what: str) -> NoReturn:
    """Raise what went wrong in a worker."""
    error: Any = failure.error(what)
    raise error if isinstance(error, OSError) else DataError(str(error))
