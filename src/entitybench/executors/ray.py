"""Ray: tasks on this machine, or on the cluster that RAY_ADDRESS names."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from entitybench.arithmetic import same_everywhere
from entitybench.errors import BenchError, MissingExtra
from entitybench.executors.calls import answered, done, lost
from entitybench.words import reason

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from entitybench.executors.calls import Answer, Call

_WAIT = 0.5  # s, between looks at the tasks


def run(
    calls: Sequence[Call], workers: int, folder: Path, poll: Callable[[], None]
) -> Generator[tuple[int, Answer]]:
    """See `entitybench.executors.api.run`. Raises MissingExtra without ray."""
    del folder
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ModuleNotFoundError as error:
        raise MissingExtra(
            "ray is not installed, and --executor ray needs it: pip install -e '.[ray]'"
        ) from error
    own = not ray.is_initialized()
    if own:
        _start(ray, workers)
    remote = ray.remote(num_cpus=1, max_retries=0)(done)
    left, running = list(enumerate(calls))[::-1], dict[Any, int]()
    try:
        while left or running:
            while left and len(running) < workers:
                place, call = left.pop()
                running[remote.remote(call.text())] = place
            ready, _ = ray.wait(list(running), timeout=_WAIT)
            for each in ready:
                place = running.pop(each)
                try:
                    answer = answered(ray.get(each))
                except Exception as error:  # a worker that died: Ray's own classes
                    answer = lost(f"a worker of Ray ended: {reason(error, 200)}")
                yield place, answer
            poll()
    finally:
        for each in running:
            ray.cancel(each, force=True)
        if own:
            ray.shutdown()


def _start(ray: Any, workers: int) -> None:
    """Join the cluster of RAY_ADDRESS, or begin one of this machine's own."""
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    there = bool(os.environ.get("RAY_ADDRESS"))
    try:
        ray.init(
            runtime_env={"env_vars": {"PYTHONPATH": path, **same_everywhere()}},
            log_to_driver=False,
            logging_level="error",
            **({} if there else {"num_cpus": workers, "include_dashboard": False}),
        )
    except Exception as error:  # of many classes, some without a class of their own
        raise BenchError(f"Ray did not start: {reason(error)}.") from error
