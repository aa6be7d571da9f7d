"""How often an address may do something: a bucket each that fills again, in memory."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

_REMEMBERED = 10_000  # addresses; the one seen longest ago is forgotten first


class Buckets:
    """So many tokens a minute for each address, and as many at once."""

    def __init__(self, a_minute: int) -> None:
        self._most = float(a_minute)
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, address: str, now: float | None = None) -> float:
        """Take a token. Returns 0, or the seconds after which there is one."""
        now = time.monotonic() if now is None else now
        with self._lock:
            tokens, at = self._held.pop(address, (self._most, now))
            tokens = min(self._most, tokens + (now - at) * self._most / 60)
            taken = tokens >= 1
            self._held[address] = (tokens - taken, now)
            if len(self._held) > _REMEMBERED:
                self._held.popitem(last=False)
        return 0.0 if taken else (1 - tokens) * 60 / self._most
