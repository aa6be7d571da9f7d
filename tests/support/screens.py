"""A screen without a display: keys by script, pictures kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ScriptedScreen:
    """What is held and typed goes by the number of pictures shown."""

    def __init__(
        self,
        held: frozenset[str] = frozenset(),
        typed: Mapping[int, list[str]] | None = None,
        edge: int = 32,
    ) -> None:
        self.size = (edge, edge)
        self.pictures: list[Any] = []
        self.texts: list[str] = []
        self._held, self._typed = held, dict(typed or {})

    def show(self, picture: Any, text: str = "") -> None:
        self.pictures.append(picture)
        self.texts.append(text)

    def held(self) -> frozenset[str]:
        return self._held

    def typed(self) -> list[str]:
        return self._typed.pop(len(self.pictures), [])

    def close(self) -> None: ...
