"""A real web server, a proxy in front of it that misbehaves, and small datasets to serve."""

from __future__ import annotations

import hashlib
import http.client
import json
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from entitybench.datasets.store.schema import Column, episode_row
from entitybench.datasets.store.writer import StoreWriter, new_store
from entitybench.datasets.transport.layout import blob_name, index_bytes

TOY = "toy/x-v1"
CONFIG = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off; default_type application/octet-stream;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ listen 127.0.0.1:{port}; root {site}; }}
}}
"""


def nginx_program() -> str:
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip("nginx is not installed: apt-get install nginx-light")
    return found


@contextmanager
def nginx(site: Path, folder: Path) -> Iterator[str]:
    """Serves a folder; yields the URL."""
    program = nginx_program()
    folder.mkdir(parents=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = folder / "nginx.conf"
    config.write_text(CONFIG.format(folder=folder, site=site, port=port))
    errors = folder / "error.log"
    server = subprocess.Popen([program, "-p", str(folder), "-c", str(config), "-e", str(errors)])
    try:
        deadline = time.monotonic() + 120  # on a busy machine
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=10):
                break
            assert server.poll() is None, errors.read_text()
            assert time.monotonic() < deadline, "nginx does not answer"
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one answer."""

    cut: int | None = None  # the connection breaks after this many bytes of the body
    shorten: int | None = None  # the body is this short, as if it were whole
    lengthen: bool = False  # a byte too many
    flip: int | None = None  # this byte of the body is another one
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    silent: bool = False  # no answer at all
    drip: float = 0.0  # seconds between pieces of `piece` bytes
    piece: int = 1
    no_range: bool = False  # gives the whole file, whatever is asked for
    from_elsewhere: bool = False  # gives another range than was asked for


class Proxy(ThreadingHTTPServer):
    """Passes on to a web server what it is asked for, with faults.

    Attributes:
        rule: (path, how many times it was asked for before) -> what goes wrong.
        seen: the paths asked for, each with its Range header.
    """

    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream.removeprefix("http://")
        self.rule: Callable[[str, int], Fault | None] = lambda path, count: None
        self.seen: list[tuple[str, str | None]] = []
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address) -> None:
        pass  # clients that give up are what is tested


@contextmanager
def proxy(upstream: str) -> Iterator[Proxy]:
    server = Proxy(upstream)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Proxy

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        server = self.server
        count = sum(path == self.path for path, _ in server.seen)
        server.seen.append((self.path, self.headers.get("Range")))
        fault = server.rule(self.path, count) or Fault()
        if fault.silent:
            server.closing.wait(5)
            self._break()
            return
        if fault.status:
            self.send_response(fault.status)
            for name, value in fault.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        status, headers, body = self._ask(fault)
        if fault.flip is not None and len(body) > fault.flip:
            body[fault.flip] ^= 1
        if fault.shorten is not None:
            body = body[: fault.shorten]
        if fault.lengthen:
            body += b"x"
        self.send_response(status)
        if "Content-Range" in headers:
            self.send_header("Content-Range", headers["Content-Range"])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self._send(body, fault)

    def _ask(self, fault: Fault) -> tuple[int, http.client.HTTPMessage, bytearray]:
        asked = self.headers.get("Range")
        if fault.no_range:
            asked = None
        if fault.from_elsewhere and asked is not None:
            asked = "bytes=1-"
        upstream = http.client.HTTPConnection(self.server.upstream, timeout=5)
        upstream.request("GET", self.path, headers={"Range": asked} if asked else {})
        answer = upstream.getresponse()
        body = bytearray(answer.read())
        upstream.close()
        return answer.status, answer.headers, body

    def _send(self, body: bytearray, fault: Fault) -> None:
        if fault.drip:
            for first in range(0, len(body), fault.piece):
                self.wfile.write(body[first : first + fault.piece])
                if self.server.closing.wait(fault.drip):
                    return
        elif fault.cut is not None and fault.cut < len(body):
            self.wfile.write(body[: fault.cut])
            self.wfile.flush()
            self._break()
        else:
            self.wfile.write(body)

    def _break(self) -> None:
        """End the connection as a cable that is pulled does: with a reset."""
        with suppress(OSError):
            time.sleep(0.02)  # what was sent is to arrive
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True


def make_toy(folder: Path, *, id: str = TOY, seed: int = 0, episodes: int = 40) -> Path:
    """An episode store of random numbers, some 200 kB."""
    rng = np.random.default_rng(seed)
    lengths = [50] * episodes
    rows = sum(lengths) + episodes
    data = {
        "observations": rng.normal(size=(rows, 3, 5)).astype(np.float32),
        "actions": rng.normal(size=(rows, 2)).astype(np.float32),
        "states": rng.normal(size=(3 * episodes, 4)),
    }
    per = {"states": "state"}
    columns = {name: Column.of(a, per.get(name, "row")) for name, a in data.items()}
    with new_store(folder) as temporary:
        store = StoreWriter(temporary, lengths, columns)
        store.append(data)
        split = ["train"] * (episodes - 1) + ["validation"]
        rows = [episode_row(i, s, n) for i, (s, n) in enumerate(zip(split, lengths, strict=True))]
        store.finish(rows, {"dataset": id, "task": None, "task_version": None, "custom": True})
    return folder


def plant(site: Path, id: str, manifest: bytes, files: Path | None = None) -> str:
    """Put a manifest onto a mirror without any check; returns its sha256."""
    sha256 = hashlib.sha256(manifest).hexdigest()
    blobs = [manifest, *(p.read_bytes() for p in files.iterdir())] if files else [manifest]
    for data in blobs:
        path = site / blob_name(hashlib.sha256(data).hexdigest())
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (site / "index.json").write_bytes(index_bytes({id: sha256}))
    return sha256


def tree(folder: Path) -> dict[str, str]:
    """Every file below a folder, by its hash."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def sealed(manifest: dict[str, object]) -> bytes:
    """The manifest as bytes, with the hashes that it should have, as far as they can be taken."""
    from entitybench.datasets.store.schema import content_hash, manifest_hash

    with suppress(Exception):
        manifest["content_hash"] = content_hash(manifest["files"], manifest.get("drawn", ()))  # type: ignore[arg-type]
    with suppress(ValueError):
        manifest["manifest_hash"] = manifest_hash(manifest)
    return json.dumps(manifest).encode()
