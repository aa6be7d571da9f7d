"""Sends bundles to a board and follows what becomes of them."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any

import httpx
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from entitybench.errors import BadValue
from entitybench.leaderboard.submission.keys import correction, signed
from entitybench.words import squeezed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from entitybench.leaderboard.evaluation.pool import Progress

_PIECE = 1 << 18  # bytes that are sent at once
_TRIES = 6  # in a row without a byte more
_ENDS = ("accepted", "refused", "quarantined", "withdrawn", "corrected")
_POLL = 1.0  # s between two looks at a submission
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)


class _Again(Exception):
    """What may pass by itself: a broken connection, or a server that is busy."""

    def __init__(self, why: str, after: float = 0.0) -> None:
        super().__init__(why)
        self.after = after


class Board:
    """A server, by its URL. Raises BadValue for what is none."""

    def __init__(self, url: str, transport: httpx.BaseTransport | None = None) -> None:
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL:
            parsed = httpx.URL("")
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise BadValue(
                f"--to takes the URL of a board, such as http://127.0.0.1:8000: got {url!r}."
            )
        self.url = url.rstrip("/")
        self._client = httpx.Client(base_url=self.url, timeout=_TIMEOUT, transport=transport)

    def send(
        self,
        data: bytes,
        *,
        corrects: str | None = None,
        key: Path | None = None,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Send a bundle; a connection that breaks is taken up where it broke.

        Args:
            data: the bundle.
            corrects: SHA-256 of an accepted submission of the same key, which it replaces.
            key: of both, which says so.
            progress: called with (bytes sent, all of them).

        Returns what the server says of it.

        Raises:
            BadValue: the server refuses it, or cannot be reached.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        asked = {}
        if corrects is not None and key is not None:
            proof = signed(correction(corrects, sha256), key).signature
            asked = {"corrects": corrects, "proof": proof}
        for attempt in self._retrying():
            with attempt:
                return self._rest(data, sha256, asked, progress)
        raise AssertionError  # retrying ends by an answer or an error

    def follow(
        self, sha256: str, told: Callable[[dict[str, Any]], None], poll: float = _POLL
    ) -> dict[str, Any]:
        """Wait until a submission is verified.

        Args:
            sha256: of the bundle.
            told: called with each answer.
            poll: seconds between two looks.

        Raises BadValue where the server is gone.
        """
        while True:
            found = self.get(f"/api/v1/submissions/{sha256}")
            told(found)
            if found["state"] in _ENDS:
                return found
            time.sleep(poll)

    def get(self, path: str) -> dict[str, Any]:
        """An answer. Raises BadValue."""
        for attempt in self._retrying():
            with attempt:
                return self._asked("GET", path)
        raise AssertionError

    def withdraw(self, sha256: str, signature: str) -> dict[str, Any]:
        """Take a submission back. Raises BadValue where it is another's, or cannot be."""
        path = f"/api/v1/submissions/{sha256}/withdraw"
        for attempt in self._retrying():
            with attempt:
                return self._asked("POST", path, json={"signature": signature})
        raise AssertionError

    def _rest(
        self, data: bytes, sha256: str, asked: dict[str, str], progress: Progress | None
    ) -> dict[str, Any]:
        """What the server lacks of a bundle."""
        there = self._asked("GET", f"/api/v1/bundles/{sha256}/arrived")
        first = 0 if there["received"] or there["offset"] >= len(data) else there["offset"]
        headers = {"content-type": "application/zip", "content-length": str(len(data) - first)}
        if first:
            headers["content-range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"

        def pieces() -> Iterator[bytes]:
            for begin in range(first, len(data), _PIECE):
                yield data[begin : begin + _PIECE]
                if progress is not None:
                    progress(min(begin + _PIECE, len(data)), len(data))

        path = f"/api/v1/bundles/{sha256}"
        return self._asked("PUT", path, content=pieces(), headers=headers, params=asked)

    def _asked(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        try:
            answer = self._client.request(method, path, **more)
        except httpx.TransportError as error:
            why = squeezed(str(error)) or type(error).__name__
            raise _Again(f"no answer from {self.url} ({why})") from error
        try:
            found = answer.json()
        except ValueError:
            found = {}
        if not isinstance(found, dict):
            found = {}
        why = squeezed(str(found.get("error", f"it answers with status {answer.status_code}")), 400)
        code = answer.status_code
        # 409 of an upload is another part of it; of anything else a state that stays.
        if code in (408, 429) or code >= 500 or (code == 409 and method == "PUT"):
            after = answer.headers.get("retry-after", "")
            if not after.isdecimal() or int(after) <= 60:
                raise _Again(f"{self.url}: {why}", float(after) if after.isdecimal() else 0.0)
        if answer.status_code >= 400:
            raise BadValue(f"{self.url} refuses: {why}.{_advice(found)}")
        if not found:
            raise BadValue(f"{self.url} is no board of entitybench: it answers otherwise.")
        return found

    def _retrying(self) -> Retrying:
        wait = wait_random_exponential(multiplier=0.5, max=10)
        return Retrying(
            retry=retry_if_exception_type(_Again),
            stop=stop_after_attempt(_TRIES),
            wait=lambda state: max(wait(state), _after(state)),
            retry_error_callback=_given_up,
        )


def _after(state: RetryCallState) -> float:
    error = None if state.outcome is None else state.outcome.exception()
    return error.after if isinstance(error, _Again) else 0.0


def _given_up(state: RetryCallState) -> None:
    error = None if state.outcome is None else state.outcome.exception()
    raise BadValue(f"{error}: is `bench serve` running there? Run the command again to go on.")


def _advice(found: dict[str, Any]) -> str:
    findings = found.get("findings") or []
    said = [each.get("advice") for each in findings if isinstance(each, dict)]
    return f" To do: {squeezed(str(said[0]), 200)}." if said and said[0] else ""
