"""A process that does jobs: `python -m entitybench.executors.worker`.

It reads lines of JSON from its input, a job each, and answers each with one line. It ends when its
input does, so none outlives the process that started it. A plain process rather than
`multiprocessing`: that would run the user's main script again in every worker.
"""

from __future__ import annotations

import os
import signal
import sys

from entitybench.executors.calls import done


def main() -> None:
    """Serve until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where there are no sessions to keep it off
    # What a job, or MuJoCo's C code, prints must not get among the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        if not line.endswith("\n"):
            return  # interrupted before it could say what to do
        answer = done(line)
        try:
            answers.write(answer + "\n")
            answers.flush()
        except BrokenPipeError:
            os._exit(1)  # nobody waits for it; closing the file would complain once more


if __name__ == "__main__":
    main()
