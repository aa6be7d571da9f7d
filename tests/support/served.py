"""A policy server in a thread, whose answers a test chooses."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ACT = {"actions": [[0.5, -0.5]] * 25}


@contextmanager
def server(act=None, *, info=None, reset=None, heard=None):
    """Its address, and the bodies that it was sent. `act(body)` gives a value, bytes, or a code.

    `heard` is a list for what each request says in "Authorization".
    """
    bodies = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_GET(self):
            self.answer({"protocol": 1, **(info or {})})

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            bodies.append((self.path, body))
            if self.path == "/reset":
                return self.answer({"state": len(bodies)} if reset is None else reset)
            return self.answer(ACT if act is None else act(body))

        def answer(self, value):
            if heard is not None:
                heard.append(self.headers.get("Authorization"))
            if isinstance(value, float):
                time.sleep(value)
                value = {}
            code, value = (value, b"no\nmore") if isinstance(value, int) else (200, value)
            data = value if isinstance(value, bytes) else json.dumps(value).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args):
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    threading.Thread(target=httpd.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{httpd.server_port}", bodies
    finally:
        httpd.shutdown()
        httpd.server_close()
