"""A process that does parts of a job: `python -m entitybench.datasets.generate.worker`.

It reads lines of JSON from its input, first the job and the folder for part files, then one
part's index at a time, and answers each part with one line. It ends when its input does, so none
outlives the process that started it. A plain process rather than `multiprocessing`: that would run
the user's main script again in every worker.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from entitybench.datasets.generate.draw import Drawing
from entitybench.datasets.generate.job import Generation
from entitybench.datasets.generate.parts import part_path, write_part
from entitybench.errors import BenchError

JOBS: dict[str, Any] = {job.__name__: job for job in (Generation, Drawing)}


def failure(error: Exception) -> dict[str, Any]:
    """An error as JSON; `pool.raise_failure` turns it back."""
    if isinstance(error, OSError):
        return {"kind": "os", "errno": error.errno, "text": error.strerror or str(error)}
    kind = "bench" if isinstance(error, BenchError) else "other"
    text = str(error) if kind == "bench" else f"{type(error).__name__}: {error}"
    return {"kind": kind, "text": text}


def main() -> None:
    """Serve parts until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where there are no sessions to keep it off
    # What a behaviour, or MuJoCo's C code, prints must not get among the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    first = sys.stdin.readline()
    if not first.endswith("\n"):
        return  # interrupted before it could say what to do
    order = json.loads(first)
    job, folder = JOBS[order["kind"]].from_json(order["job"]), Path(order["folder"])
    for line in sys.stdin:
        index = int(line)
        answer: dict[str, Any] = {"block": index}
        try:
            write_part(part_path(folder, index), *job.part(index))
        except Exception as error:
            answer["failure"] = failure(error)
        try:
            answers.write(json.dumps(answer) + "\n")
            answers.flush()
        except BrokenPipeError:
            os._exit(1)  # nobody waits for it; closing the file would complain once more


if __name__ == "__main__":
    main()
