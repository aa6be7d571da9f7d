"""A Slurm cluster, through submitit: one job array, whose tasks take turns at the calls.

Slurm's own variables say where and how long: SBATCH_PARTITION, SBATCH_ACCOUNT, SBATCH_TIMELIMIT, …
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from entitybench.arithmetic import same_everywhere
from entitybench.errors import BadValue, MissingExtra
from entitybench.executors.calls import answered, done, lost
from entitybench.words import reason

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from entitybench.executors.calls import Answer, Call

CLUSTER = "slurm"  # tests say "local": the same jobs as processes of submitit here
_WAIT = 0.5  # s, between looks at the jobs
_MINUTES = 24 * 60  # at most, unless SBATCH_TIMELIMIT says otherwise


def run(
    calls: Sequence[Call], workers: int, folder: Path, poll: Callable[[], None]
) -> Generator[tuple[int, Answer]]:
    """See `entitybench.executors.api.run`; what is under way is cancelled when it is closed.

    Raises MissingExtra without submitit, BadValue where there is no Slurm.
    """
    try:
        import submitit
    except ModuleNotFoundError as error:
        raise MissingExtra(
            "submitit is not installed, and --executor slurm needs it: pip install -e '.[slurm]'"
        ) from error
    if CLUSTER == "slurm" and shutil.which("sbatch") is None:
        raise BadValue("there is no Slurm here: no sbatch on the path; use --executor local.")
    texts = [call.text() for call in calls]
    shares = [list(range(k, len(texts), workers)) for k in range(min(workers, len(texts)))]
    # One's own: another command may have the same folder, and end before this one.
    folder.mkdir(parents=True, exist_ok=True)
    logs = Path(tempfile.mkdtemp(prefix="slurm-", dir=folder.absolute()))
    executor: Any = submitit.AutoExecutor(folder=logs, cluster=CLUSTER)
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    settings = {**same_everywhere(), "PYTHONPATH": path}
    executor.update_parameters(
        name="entitybench",
        timeout_min=_MINUTES,
        cpus_per_task=1,
        slurm_setup=[f"export {name}={shlex.quote(value)}" for name, value in settings.items()],
    )
    with executor.batch():
        jobs = [executor.submit(in_turn, [texts[place] for place in share]) for share in shares]
    try:
        yield from _answers(jobs, shares, poll)
        shutil.rmtree(logs, ignore_errors=True)
    finally:
        for job in jobs:
            if not job.done():
                job.cancel()


def in_turn(texts: Sequence[str]) -> list[str]:
    """What one task of the array does: its share of the calls, an answer each."""
    return [done(text) for text in texts]


def _answers(
    jobs: Sequence[Any], shares: Sequence[Sequence[int]], poll: Callable[[], None]
) -> Generator[tuple[int, Answer]]:
    waiting = dict(enumerate(jobs))
    while waiting:
        for k in [k for k, job in waiting.items() if job.done()]:
            job = waiting.pop(k)
            try:
                lines = job.result()
            except Exception as error:  # killed, out of time or memory: submitit's own classes
                what = f"the Slurm job {job.job_id} ended: {reason(error, 200)}"
                yield from ((place, lost(what)) for place in shares[k])
                continue
            yield from zip(shares[k], map(answered, lines), strict=True)
        poll()
        if waiting:
            time.sleep(_WAIT)
