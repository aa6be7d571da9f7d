"""What goes around every request: headers, a limit on bodies, counting, and one line for errors."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from entitybench.leaderboard.server.metrics import Metrics

UPLOADS = ("/api/v1/submissions", "/api/v1/bundles/")
SMALL = 64 << 10  # bytes of the body of any other request
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; media-src 'self'; worker-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_HEADERS = [(name.encode(), text.encode()) for name, text in HEADERS.items()]


class Guard:
    """An ASGI application around another one."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status, got = time.perf_counter(), 500, 0
        small = scope["method"] == "GET" or not scope["path"].startswith(UPLOADS)
        small = small or scope["path"].endswith("/withdraw")

        async def counted() -> Message:
            nonlocal got
            message = await receive()
            got += len(message.get("body", b""))
            if small and got > SMALL:
                raise HTTPException(413, f"the body has at most {SMALL} bytes")
            return message

        async def with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message.get("headers", ()), *_HEADERS]}
            await send(message)

        try:
            await self.app(scope, counted, with_headers)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            self.metrics.count(scope["method"], route, status, time.perf_counter() - began)
