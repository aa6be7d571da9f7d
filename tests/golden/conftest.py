"""What the golden tests share."""

from __future__ import annotations

from tiny_store import store  # noqa: F401 - a fixture
