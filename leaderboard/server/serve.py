"""Runs the server: uvicorn here, and processes beside it that are started again when they die."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

from entitybench.errors import BadValue
from entitybench.leaderboard.server.worker import URL

if TYPE_CHECKING:
    from collections.abc import Callable

    from entitybench.leaderboard.server.settings import Settings

_LOOK = 0.3  # s between two looks at the worker
_GRACE = 5.0  # s that it has to end


class Supervisor:
    """Keeps a process running: the worker, or what builds the board."""

    def __init__(self, settings: Settings, module: str, *words: str) -> None:
        self._settings, self._words = settings, [module, *words]
        self._stop = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self.starts = 0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End the worker, which gives its job back."""
        self._stop.set()
        self._thread.join()

    @property
    def pid(self) -> int | None:
        """Of the worker."""
        return None if self._process is None else self._process.pid

    def said(self) -> str:
        """For /healthz."""
        alive = self._process is not None and self._process.poll() is None
        return "runs" if alive else "is being started"

    def _run(self) -> None:
        # The thread lives as long as the server: the kernel ends the worker with it.
        while not self._stop.is_set():
            began = time.monotonic()
            self._process = self._started()
            self.starts += 1
            while self._process.poll() is None and not self._stop.wait(_LOOK):
                pass
            if time.monotonic() - began < 1:  # one that cannot start is not started all the time
                self._stop.wait(1)
        self._end()

    def _started(self) -> subprocess.Popen[bytes]:
        module, *words = self._words
        return subprocess.Popen(
            [sys.executable, "-P", "-m", f"{__package__}.{module}", *words],
            env={**os.environ, URL: self._settings.url},
            stdin=subprocess.DEVNULL,
        )

    def _end(self) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def serve(settings: Settings, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Args:
        settings: of the store.
        host: address to listen at.
        port: of it; 0: a free one.
        ready: called with the URL once requests are answered.

    Raises:
        BadValue: the address is taken, or the database cannot be opened.
    """
    import socket

    import uvicorn

    from entitybench.leaderboard.server.app import application

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise BadValue(
            f"cannot listen at {host}, port {port}: {(error.strerror or str(error)).lower()}; "
            "name another one with --port."
        ) from error
    with listening:
        app = application(settings)
        store = str(settings.store)
        worker = Supervisor(settings, "worker", store, str(settings.rerun))
        builder = Supervisor(settings, "builder", store, str(settings.reference))
        app.state.worker = worker
        # Long enough that a client which asks every minute finds its connection open.
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_keep_alive=75,
        )
        server = uvicorn.Server(config)
        worker.start()
        builder.start()
        name = f"[{host}]" if ":" in host else host
        ready(f"http://{name}:{listening.getsockname()[1]}")
        try:
            server.run(sockets=[listening])
        finally:
            worker.stop()
            builder.stop()
            app.state.database.close()
