"""Checks that say of themselves whether they were done, skipped and why, or failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

DONE, SKIPPED, FAILED = "done", "skipped", "failed"


class NotChecked(Exception):
    """A check, or a part of one, for which there is nothing to judge by; says why."""


class Broken(Exception):
    """A check that failed; says what is wrong."""


def must(holds: object, what: str) -> None:
    """Raise Broken unless it holds. `what` is wrong then."""
    if not holds:
        raise Broken(what)


def how(word: str, more: str | None = None) -> str:
    """One of the three words, and what is to be said beside it."""
    return f"{word}: {more}" if more else word


def counted(said: Iterable[str]) -> dict[str, int]:
    """How many checks were "done", "skipped" and "failed", from what is said of each."""
    words = [text.replace(",", ":").partition(":")[0] for text in said]
    return {word: words.count(word) for word in (DONE, SKIPPED, FAILED)}
