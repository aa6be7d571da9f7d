"""What the conformance tests share."""

from __future__ import annotations

from one_thread import one_thread  # noqa: F401 - a fixture
from tiny_store import store  # noqa: F401 - a fixture
