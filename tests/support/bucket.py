"""A server that speaks enough of S3 for one bucket: GET, HEAD and PUT, conditional puts too."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Bucket(ThreadingHTTPServer):
    """Objects by path, in memory."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, bytes] = {}
        self.signed: list[bool] = []
        self.between = lambda: None  # called before a conditional put is judged

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def bucket() -> Iterator[Bucket]:
    server = Bucket()
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Bucket
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.signed.append("Authorization" in self.headers)
        data = self.server.objects.get(self.path)
        if data is None:
            self._answer(404)
            return
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        more, status, part = {}, 200, data
        if asked:
            first, last = int(asked[1]), min(int(asked[2] or len(data)), len(data) - 1)
            status, part = 206, data[first : last + 1]
            more = {"Content-Range": f"bytes {first}-{last}/{len(data)}"}
        self._answer(status, part, {**more, "ETag": _tag(data)})

    do_HEAD = do_GET

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if "If-Match" in self.headers or "If-None-Match" in self.headers:
            self.server.between()
        here = self.server.objects.get(self.path)
        wanted = self.headers.get("If-Match")
        if ("If-None-Match" in self.headers and here is not None) or (
            wanted is not None and (here is None or _tag(here) != wanted)
        ):
            self._answer(412)
            return
        self.server.objects[self.path] = data
        self._answer(200, b"", {"ETag": _tag(data)})

    def _answer(
        self, status: int, data: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Last-Modified", "Thu, 26 Nov 2026 12:00:00 GMT")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def _tag(data: bytes) -> str:
    return f'"{hashlib.md5(data).hexdigest()}"'
