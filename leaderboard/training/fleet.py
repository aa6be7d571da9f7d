"""Several training runs at a time, each in a process that can be stopped without loss."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from entitybench.errors import BenchError, Diverged
from entitybench.executors.api import LOCAL, run
from entitybench.executors.calls import Call, Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from entitybench.leaderboard.training.loop import Report, Status

# The place of a job, its process, and what that says on standard error.
Run = tuple[int, "subprocess.Popen[bytes]", IO[bytes]]
DIVERGED = 3  # the exit code of a process whose training diverged


def train_all(
    jobs: Sequence[Mapping[str, Any]],
    workers: int,
    poll: Callable[[], None],
    pause_s: float = 0.5,
    executor: str = LOCAL,
) -> dict[int, str]:
    """Call `train_seeds(**job)` for every job, `workers` at a time.

    Returns the places of those jobs whose training diverged, with what they say of it.

    Args:
        jobs: arguments that are JSON; the keys of `parts` are seeds as texts.
        workers: processes.
        poll: called again and again while they run.
        pause_s: seconds between these calls.
        executor: where the runs are, of `entitybench.executors.api.EXECUTORS`; elsewhere than here
            they are cancelled where local ones write a checkpoint, and lose a minute at most.

    Raises:
        BenchError: the line of the first run that failed; the others are stopped.
        KeyboardInterrupt: Ctrl-C; every run has written a checkpoint.
    """
    if executor != LOCAL:
        return _elsewhere(jobs, workers, poll, executor)
    waiting, running = list(enumerate(jobs)), list[Run]()
    lost: dict[int, str] = {}
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                running.append(_start(*waiting.pop(0)))
            time.sleep(pause_s)
            running = [run for run in running if not _done(run, lost)]
            poll()
    finally:
        _stop(running)
    return lost


def apart(
    agent: str,
    task: str,
    *,
    seeds: Sequence[int],
    out: Path,
    progress: Callable[[Status], None],
    executor: str,
    workers: int,
    generate: bool = False,
    parts: Mapping[int, Mapping[str, Path]] | None = None,
    **settings: Any,
) -> dict[int, Path]:
    """Train each seed in a process of its own, and return OUT/seed<S>, as `train_seeds` does.

    Raises Diverged with the seeds whose training did; the others are finished.
    """
    from entitybench.envs.worlds import task_of
    from entitybench.leaderboard.training.data import is_to_make, open_data
    from entitybench.leaderboard.training.loop import Status
    from entitybench.leaderboard.training.runs import RunFolder
    from entitybench.registry import agent as agent_spec

    spec, where = agent_spec(agent), task_of(task)
    if generate and is_to_make(spec, where, settings["dataset"]):
        open_data(spec, where, settings["dataset"], generate=True)
    own = {name: str(x) if isinstance(x, Path) else x for name, x in settings.items()}
    jobs = [{"agent_id": agent, "task": task, "seeds": [s], "out": str(out), **own} for s in seeds]
    for job, seed in zip(jobs, seeds, strict=True):
        built_on = {name: str(folder) for name, folder in (parts or {}).get(seed, {}).items()}
        job["parts"] = {str(seed): built_on} if built_on else {}
        job["resume"] = own["resume"] and bool(RunFolder(out, seed).checkpoints())
    finals = {seed: RunFolder(out, seed).final for seed in seeds}

    def poll() -> None:
        there = sum(folder.is_dir() for folder in finals.values())
        progress(Status(there, len(seeds), unit="training seeds"))

    left = [k for k, seed in enumerate(seeds) if not (own["resume"] and finals[seed].is_dir())]
    lost = train_all([jobs[k] for k in left], workers, poll, executor=executor)
    if lost:
        gone = {seeds[left[place]]: why for place, why in lost.items()}
        raise Diverged(gone, {s: path for s, path in finals.items() if s not in gone})
    return finals


def _elsewhere(
    jobs: Sequence[Mapping[str, Any]], workers: int, poll: Callable[[], None], executor: str
) -> dict[int, str]:
    """`train_all` by an executor whose workers are no processes of this machine's own."""
    calls = [Call(f"{__name__}:run_one", {"job": dict(job)}) for job in jobs]
    lost: dict[int, str] = {}
    with tempfile.TemporaryDirectory(prefix=".entitybench-", dir=Path.cwd()) as folder:
        running = run(calls, workers=workers, folder=Path(folder), executor=executor, poll=poll)
        with closing(running):
            for place, answer in running:
                if isinstance(answer, Failure):
                    raise answer.error("a training run failed")
                if answer is not None:
                    lost[place] = answer
    return lost


def run_one(job: dict[str, Any]) -> str | None:
    """Train; what is said of it where it diverged."""
    try:
        _train(job)
    except Diverged as error:
        return str(error)
    return None


def _train(job: Mapping[str, Any], progress: Report | None = None) -> None:
    from entitybench.leaderboard.training.train import train_seeds

    parts = {int(seed): own for seed, own in job.get("parts", {}).items()}
    train_seeds(**{**job, "parts": parts}, progress=progress)


def _start(place: int, job: Mapping[str, Any]) -> Run:
    errors = tempfile.TemporaryFile()  # noqa: SIM115 - read when the process ends
    command = [sys.executable, "-P", "-m", __name__, json.dumps(job)]
    # A session of its own: Ctrl-C reaches this process alone, which then stops its workers.
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, start_new_session=True
    )
    return place, process, errors


def _done(run: Run, lost: dict[int, str]) -> bool:
    """Whether a process has ended; one whose training diverged goes into `lost`."""
    place, process, errors = run
    code = process.poll()
    if code is None:
        return False
    with errors:
        if code != 0:
            errors.seek(0)
            lines = errors.read().decode(errors="replace").strip().splitlines()
            said = lines[-1] if lines else f"a training process ended with code {code}."
            if code != DIVERGED:
                raise BenchError(said)
            lost[place] = said
    return True


def _stop(running: Sequence[Run]) -> None:
    for _, process, _ in running:
        process.terminate()
    try:
        for _, process, errors in running:
            process.wait()
            errors.close()
    except BaseException:  # a second Ctrl-C: at once
        for _, process, _ in running:
            process.kill()
        raise


def main(text: str) -> int:
    """The process of one run. Its exit code; errors are one line."""
    parent = os.getppid()

    def watch(status: Status) -> None:
        del status
        if os.getppid() != parent:  # the one who waits for this run is gone
            os.kill(os.getpid(), signal.SIGTERM)

    try:
        _train(json.loads(text), watch)
    except KeyboardInterrupt:
        return 130
    except BenchError as error:
        print(error, file=sys.stderr)  # noqa: T201 - read by `_done`
        return DIVERGED if isinstance(error, Diverged) else 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
