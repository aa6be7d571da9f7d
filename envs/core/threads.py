"""Threads of a pool, begun anew in a process that was forked."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

T = TypeVar("T")


class Threads:
    """A `ThreadPoolExecutor` that a forked process can use too.

    No thread but the one that forks survives it, and what is given to a pool whose threads are gone
    is waited for for ever.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._begin()

    def _begin(self) -> None:
        self._process, self._pool = os.getpid(), ThreadPoolExecutor(self._count)

    def submit(self, call: Callable[..., T], *args: object) -> Future[T]:
        """As the executor's."""
        if self._process != os.getpid():
            self._begin()
        return self._pool.submit(call, *args)

    def shutdown(self) -> None:
        """End them, once they have done what they were given."""
        if self._process == os.getpid():
            self._pool.shutdown()
